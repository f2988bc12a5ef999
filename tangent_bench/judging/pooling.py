"""Means over seeds with 95 % intervals.

The test images are the same for every seed (crossed, not nested): their error does not shrink with
more seeds. Rows that carry their replicates (`store/replicates.py`, `attach`) get the rule of
`components`. For others, which are those of validation and of single tasks, the intervals of the
seeds do not say what the seeds have in common; their images then count in full,

    variance = s²_seed / S + mean of s²_image,  Satterthwaite's degrees of freedom,

which is wider than the rule, by the interaction of seeds and images.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tangent_bench.judging.components import LEAST_SEEDS, Crossed, Z, crossed
from tangent_bench.store import replicates


def interval_label(num_seeds: int) -> str:
    """Says what an interval over `num_seeds` seeds covers."""
    return "seeds and images" if num_seeds >= LEAST_SEEDS else "images, conditional on these seeds"


def summarize(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns one line for each coordinate: the mean over seeds with its interval.

    One seed keeps its interval. With two or more the interval is that of the rule of `components`
    where the rows carry replicates, and the wider one above where they do not.
    Columns beside the coordinates: `low`, `high`, `num_seeds`, and what the `interval` covers.
    A metric "…_tuned" was taken at a coefficient that each seed chose: seeds are averaged
    whatever they chose, and `coefficient` is the mean of the choices.

    Raises:
        ValueError: the rows do not obey the schema.
    """
    from tangent_bench.store.rows import COLUMNS, check

    rows = _numbered(check(rows))
    lines = _with_intervals(_lines(rows))
    for number, found in _components(rows).items():
        low, high = found.estimate().interval()
        lines.loc[lines["line"] == number, ["low", "high"]] = low, high
    lines = _within_bounds(lines)
    return lines.loc[:, [c for c in COLUMNS if c != "seed"] + ["num_seeds", "interval"]]


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds to each row which `line` of the summary it belongs to: the place of its first row."""
    from tangent_bench.store.rows import KEY

    at = rows["coefficient"].mask(rows["metric"].str.endswith("_tuned"))
    rows = rows.assign(at=at, line=np.arange(len(rows)))
    keys = ["at" if c == "coefficient" else c for c in KEY if c != "seed"]
    first = rows.groupby(keys, sort=False, dropna=False)["line"].transform("min")
    return rows.assign(line=first)


def _lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns one line for each coordinate, with the parts of its interval.

    Columns beside the coordinates: `value`, the mean over seeds; `image_below` and `image_above`,
    standard errors over images below and above it (NaN where a seed has no interval);
    `seed_variance`, the sample variance over seeds; `num_seeds`; `num_samples`.
    """
    rows = rows.assign(
        below=((rows["value"] - rows["low"]) / Z) ** 2,
        above=((rows["high"] - rows["value"]) / Z) ** 2,
    )
    groups = rows.groupby("line", sort=False)
    # An interval that a single seed lacks is missing for the mean.
    complete = groups["below"].count() == groups.size()
    # The root of the mean square is at least the mean: uneven seeds widen the interval.
    errors = groups[["below", "above"]].agg("mean").where(complete, axis=0) ** 0.5
    means = groups[["coefficient", "value"]].agg("mean")
    lines = rows.drop_duplicates("line").set_index("line")
    lines = lines.assign(
        coefficient=means["coefficient"],
        value=means["value"],
        image_below=errors["below"],
        image_above=errors["above"],
        seed_variance=groups["value"].var(ddof=1),
        num_seeds=groups["seed"].nunique(),
        num_samples=groups["num_samples"].max(),
    )
    # What the rows carry belongs to each of them, and not to their means.
    lines.attrs = {}
    return lines.reset_index()


def _with_intervals(lines: pd.DataFrame) -> pd.DataFrame:
    """Adds low, high and interval to the lines, from the intervals of the rows alone.

    An asymmetric interval over images stays asymmetric when the seeds' spread is added.
    """
    many = lines["num_seeds"] >= LEAST_SEEDS
    seeds = (lines["seed_variance"] / lines["num_seeds"]).where(many, 0.0)
    ends = []
    for side, sign in (("image_below", -1.0), ("image_above", 1.0)):
        images = lines[side].mask(many & lines[side].isna(), 0.0)  # seeds alone have a spread too
        variance = seeds + images**2
        reach = _reach(np.asarray(seeds / variance), np.asarray(lines["num_seeds"]))
        ends.append(lines["value"] + sign * reach * variance**0.5)
    label = lines["num_seeds"].map(interval_label)
    label = label.mask(many & lines["image_below"].isna(), "seeds")
    return lines.assign(low=ends[0], high=ends[1], interval=label.where(ends[0].notna(), ""))


def _reach(share: np.ndarray, num_seeds: np.ndarray) -> np.ndarray:
    """Returns the 97.5 % points of Student's t with Satterthwaite's degrees.

    Args:
        share: of the seeds in the variance, the only part of few degrees; NaN where both are 0.
        num_seeds: number of seeds.
    """
    from scipy.stats import t

    few = share > 0.0
    degrees = (num_seeds - 1.0) / np.where(few, share, 1.0) ** 2
    return np.where(few, t.ppf(0.975, np.maximum(degrees, 1.0)), Z)


def _components(rows: pd.DataFrame) -> dict[int, Crossed]:
    """Returns line → components, where there are several seeds and all have replicates."""
    kept = replicates.of(rows)
    if kept is None:
        return {}
    several = rows["line"].duplicated(keep=False) & rows["low"].notna() & (rows["split"] == "test")
    num_seeds = rows["line"].value_counts()
    found = {}
    for number, part in rows.loc[several].groupby("line"):
        names = list(map(replicates.name, part.to_dict("records")))
        if len(part) == num_seeds[number] and all(name in kept for name in names):
            values = list(map(kept.around, names, part["value"]))
            num_units = min(kept.num_units[name] for name in names)
            found[number] = crossed(np.stack(values), num_units)
    return found


def _within_bounds(lines: pd.DataFrame) -> pd.DataFrame:
    """Cuts intervals of accuracies at 0 and 1."""
    bounded = lines["metric"].isin(["accuracy", "accuracy_tuned"])
    return lines.assign(
        low=lines["low"].mask(bounded, lines["low"].clip(lower=0.0)),
        high=lines["high"].mask(bounded, lines["high"].clip(upper=1.0)),
    )
