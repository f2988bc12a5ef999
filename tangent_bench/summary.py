"""Means over seeds with 95 % intervals, and the suite's last words: `python -m tangent_bench.summary results/tiny`.

The test images are the same for every seed (crossed, not nested), so their error does not shrink with more seeds:
    variance of a mean = s²_seed / S + s²_image,  Student's t with S − 1 degrees of freedom.
With fewer than `MIN_SEEDS` seeds s²_seed is not worth estimating: the interval covers the images only, and says so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MIN_SEEDS = 5
Z = 1.959963984540054  # 97.5 % point of the normal distribution: the rows' intervals are 95 %
TABLES = ("table1_addition", "table2_negation")


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
    from tangent_bench.rows import COLUMNS, KEY, check

    rows = check(rows)
    rows = rows.assign(
        at=rows["coefficient"].mask(rows["metric"].str.endswith("_tuned")),
        below=((rows["value"] - rows["low"]) / Z) ** 2,
        above=((rows["high"] - rows["value"]) / Z) ** 2,
    )
    keys = ["at" if c == "coefficient" else c for c in KEY if c != "seed"]
    groups = rows.groupby(keys, sort=False, dropna=False)
    mean = groups[["coefficient", "value"]].mean()
    whole = groups["below"].count() == groups.size()  # an interval that a single seed lacks is no interval
    # the root of the mean square is at least the mean: uneven seeds widen the interval
    errors = groups[["below", "above"]].mean().where(whole, axis=0) ** 0.5
    mean[["image_below", "image_above"]] = errors
    mean["seed_variance"] = groups["value"].var(ddof=1)
    mean["num_seeds"] = groups["seed"].nunique()
    mean["num_samples"] = groups["num_samples"].max()
    table = mean.reset_index().drop(columns="at")
    return table[[*(c for c in COLUMNS if c in table), "image_below", "image_above", "seed_variance", "num_seeds"]]


def summarize(rows: pd.DataFrame) -> pd.DataFrame:
    """One line for each coordinate: mean over seeds, `low`, `high`, `num_seeds`, and what the `interval` covers.

    A metric "…_tuned" was taken at a coefficient that each seed chose: seeds are averaged whatever they chose, and
    `coefficient` is the mean of the choices.

    Raises:
        ValueError: the rows do not obey the schema.
    """
    from tangent_bench.rows import COLUMNS

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
        mean["num_seeds"].map(interval_label).mask(many & mean["image_below"].isna(), "seeds").where(low.notna(), "")
    )
    return mean.assign(
        low=low.mask(bounded, low.clip(lower=0.0)),
        high=high.mask(bounded, high.clip(upper=1.0)),
        interval=label.where(low.notna(), ""),
    )


def report(folder: Path) -> str:
    """The claims that were tested, the two tables, and where everything lies, as text.

    Raises:
        ValueError: no rows there, or a damaged file.
    """
    from tangent_bench import registry
    from tangent_bench.figures import _render, _select
    from tangent_bench.rows import read

    rows = read(folder / "rows.csv")
    parts = _claims(rows)
    made = {file.stem for file in (folder / "tables").glob("*.md")}
    for name in TABLES:
        if made and name not in made:
            continue  # a joined preset has too many models for it
        plugin = registry.load("figures", name)
        if not set(plugin.FIGURE.reads) <= set(rows["experiment"]):
            parts.append(
                f"{plugin.FIGURE.title}: not in this run ({' and '.join(plugin.FIGURE.reads)} were not asked for)\n"
            )
            continue
        note = _select.note(_select.need(rows, *plugin.FIGURE.reads))
        parts.append(f"{plugin.FIGURE.title} (preset {folder.name}, % [95 % interval])\n")
        parts.append(_render.plain(plugin.build(rows)) + f"\n{note}\n")
    parts += _methods(folder, rows)
    page = folder / "index.html"
    parts += [f"Tables and figures: {folder / 'tables'}, {folder / 'figures'}"]
    parts += [f"Results page: {page}" + ("" if page.is_file() else " (not written yet)")]
    return "\n".join(parts)


def _methods(folder: Path, rows: pd.DataFrame) -> list[str]:
    """The cross table of merging methods, as it was written, where the run has several."""
    from tangent_bench.leaderboard import TITLES

    table = folder / "tables/methods_addition.md"
    if rows["method"].replace("", None).nunique() < 2 or not table.is_file():
        return []
    return [f"{TITLES['methods_addition']}\n", table.read_text(encoding="utf-8")]


def _claims(rows: pd.DataFrame) -> list[str]:
    """The claims table, short, where the run compares modes."""
    from tangent_bench import registry
    from tangent_bench.figures import _render, _select

    plugin = registry.load("figures", "claims_table")
    if not set(plugin.FIGURE.reads) <= set(rows["experiment"]):
        return []
    about = _select.note(rows, intervals=False)  # what an interval covers may differ from row to row
    note = f"Verdicts with Holm's correction; estimates in points (signed), or plain numbers.\n{about}"
    return [f"{plugin.FIGURE.title}\n", _render.plain(plugin.build(rows, brief=True)) + f"\n{note}\n"]


def main(arguments: list[str] | None = None) -> int:
    """Print the report of a results folder; 1 if it cannot be made."""
    parser = argparse.ArgumentParser(
        prog="python -m tangent_bench.summary", description="Print the two tables of a run."
    )
    parser.add_argument("folder", type=Path, help="the folder of a preset, such as results/tiny")
    folder = parser.parse_args(arguments).folder
    try:
        text = report(folder)
    except ValueError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without α or ↓ still gets its numbers
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
