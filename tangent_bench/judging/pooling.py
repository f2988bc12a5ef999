"""Means over seeds with 95 % intervals.

The test images are the same for every seed (crossed, not nested). Their error therefore does not
shrink with more seeds:

    variance of a mean = s²_seed / S + s²_image,  Student's t with S − 1 degrees of freedom.

With fewer than `MIN_SEEDS` seeds s²_seed is not worth estimating: the interval covers the images
only, and says so.
"""

from __future__ import annotations

import pandas as pd

MIN_SEEDS = 5
Z = 1.959963984540054  # 97.5 % point of the normal distribution: the rows' intervals are 95 %


def interval_label(num_seeds: int) -> str:
    """Says what an interval over `num_seeds` seeds covers."""
    return "seeds and images" if num_seeds >= MIN_SEEDS else "images, conditional on these seeds"


def pool(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns one line for each coordinate of `summarize`, with the parts of its interval.

    Columns beside the coordinates: `value`, the mean over seeds; `image_below` and `image_above`,
    standard errors over images below and above it (NaN where a seed has no interval);
    `seed_variance`, the sample variance over seeds; `num_seeds`; `num_samples`.

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
    # An interval that a single seed lacks is missing for the mean.
    complete = groups["below"].count() == groups.size()
    # The root of the mean square is at least the mean: uneven seeds widen the interval.
    errors = groups[["below", "above"]].agg("mean").where(complete, axis=0) ** 0.5
    means = groups[["coefficient", "value"]].agg("mean")
    pooled = means.assign(
        image_below=errors["below"],
        image_above=errors["above"],
        seed_variance=groups["value"].var(ddof=1),
        num_seeds=groups["seed"].nunique(),
        num_samples=groups["num_samples"].max(),
    )
    table = pooled.reset_index().drop(columns="at")
    parts = ["image_below", "image_above", "seed_variance", "num_seeds"]
    return table.loc[:, [c for c in COLUMNS if c in table] + parts]


def summarize(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns one line for each coordinate: the mean over seeds with its interval.

    Columns beside the coordinates: `low`, `high`, `num_seeds`, and what the `interval` covers.
    A metric "…_tuned" was taken at a coefficient that each seed chose: seeds are averaged
    whatever they chose, and `coefficient` is the mean of the choices.

    Raises:
        ValueError: the rows do not obey the schema.
    """
    from tangent_bench.store.rows import COLUMNS

    table = _with_intervals(pool(rows))
    return table.loc[:, [c for c in COLUMNS if c != "seed"] + ["num_seeds", "interval"]]


def _with_intervals(pooled: pd.DataFrame) -> pd.DataFrame:
    """Adds low, high and interval to the lines of `pool`.

    An asymmetric interval over images stays asymmetric when the seeds' spread is added.
    """
    import numpy as np
    from scipy.stats import t

    many = pooled["num_seeds"] >= MIN_SEEDS
    seed = (pooled["seed_variance"] / pooled["num_seeds"]).where(many, 0.0)
    reach = np.where(many, t.ppf(0.975, (pooled["num_seeds"] - 1).clip(lower=1)), Z)
    images = pooled[["image_below", "image_above"]]
    images = images.mask(many, images.fillna(0.0), axis=0)  # seeds alone still have a spread
    low = pooled["value"] - reach * (seed + images["image_below"] ** 2) ** 0.5
    high = pooled["value"] + reach * (seed + images["image_above"] ** 2) ** 0.5
    bounded = pooled["metric"].isin(["accuracy", "accuracy_tuned"])
    label = pooled["num_seeds"].map(interval_label)
    label = label.mask(many & pooled["image_below"].isna(), "seeds")
    return pooled.assign(
        low=low.mask(bounded, low.clip(lower=0.0)),
        high=high.mask(bounded, high.clip(upper=1.0)),
        interval=label.where(low.notna(), ""),
    )
