"""Means over seeds with 95 % intervals.

The test images are the same for every seed (crossed, not nested), so their error does not shrink with more seeds:
    variance of a mean = s²_seed / S + s²_image,  Student's t with S − 1 degrees of freedom.
With fewer than `MIN_SEEDS` seeds s²_seed is not worth estimating: the interval covers the images only, and says so.
"""

from __future__ import annotations

import pandas as pd

MIN_SEEDS = 5
Z = 1.959963984540054  # 97.5 % point of the normal distribution: the rows' intervals are 95 %


def interval_label(num_seeds: int) -> str:
    """What an interval over that many seeds covers."""
    return "seeds and images" if num_seeds >= MIN_SEEDS else "images, conditional on these seeds"


def pool(rows: pd.DataFrame) -> pd.DataFrame:
    """One line for each coordinate, as `summarize` has them, with what its interval is made of.

    Columns beside the coordinates: mean over seeds `value`, standard errors of the image below and above it
    (`image_below`, `image_above`; NaN where a seed has no interval), the sample variance of the seeds `seed_variance`,
    `num_seeds`, `num_samples`.

    Raises:
        ValueError: the rows do not obey the schema.
    """
    from tangent_bench.store.rows import COLUMNS, KEY, check

    rows = check(rows)
    rows = rows.assign(
        at=rows["coefficient"].mask(rows["metric"].str.endswith("_tuned")),
        below=((rows["value"] - rows["low"]) / Z) ** 2,
        above=((rows["high"] - rows["value"]) / Z) ** 2,
    )
    keys = ["at" if c == "coefficient" else c for c in KEY if c != "seed"]
    groups = rows.groupby(keys, sort=False, dropna=False)
    mean = groups[["coefficient", "value"]].mean()
    whole = (
        groups["below"].count() == groups.size()
    )  # an interval that a single seed lacks is no interval
    # the root of the mean square is at least the mean: uneven seeds widen the interval
    errors = groups[["below", "above"]].mean().where(whole, axis=0) ** 0.5
    mean[["image_below", "image_above"]] = errors
    mean["seed_variance"] = groups["value"].var(ddof=1)
    mean["num_seeds"] = groups["seed"].nunique()
    mean["num_samples"] = groups["num_samples"].max()
    table = mean.reset_index().drop(columns="at")
    return table[
        [
            *(c for c in COLUMNS if c in table),
            "image_below",
            "image_above",
            "seed_variance",
            "num_seeds",
        ]
    ]


def summarize(rows: pd.DataFrame) -> pd.DataFrame:
    """One line for each coordinate: mean over seeds, `low`, `high`, `num_seeds`, and what the `interval` covers.

    A metric "…_tuned" was taken at a coefficient that each seed chose: seeds are averaged whatever they chose, and
    `coefficient` is the mean of the choices.

    Raises:
        ValueError: the rows do not obey the schema.
    """
    from tangent_bench.store.rows import COLUMNS

    table = _with_intervals(pool(rows))
    return table[[c for c in COLUMNS if c != "seed"] + ["num_seeds", "interval"]]


def _with_intervals(mean: pd.DataFrame) -> pd.DataFrame:
    """Lines of `pool` with low, high and interval; an uneven interval of the images stays uneven under the seeds'."""
    import numpy as np
    from scipy.stats import t

    many = mean["num_seeds"] >= MIN_SEEDS
    seed = (mean["seed_variance"] / mean["num_seeds"]).where(many, 0.0)
    reach = np.where(many, t.ppf(0.975, (mean["num_seeds"] - 1).clip(lower=1)), Z)
    images = mean[["image_below", "image_above"]]
    images = images.mask(many, images.fillna(0.0), axis=0)  # seeds alone still have a spread
    below, above = (reach * (seed + images[side] ** 2) ** 0.5 for side in images)
    low, high = mean["value"] - below, mean["value"] + above
    bounded = mean["metric"].isin(["accuracy", "accuracy_tuned"])
    label = (
        mean["num_seeds"]
        .map(interval_label)
        .mask(many & mean["image_below"].isna(), "seeds")
        .where(low.notna(), "")
    )
    return mean.assign(
        low=low.mask(bounded, low.clip(lower=0.0)),
        high=high.mask(bounded, high.clip(upper=1.0)),
        interval=label.where(low.notna(), ""),
    )
