"""The golden values: the headline rows of a preset, with the tolerance that each may have on
another machine.

    python -m tests.golden.make tiny       writes tests/golden/tiny.csv from results/tiny/rows.csv
    python -m tests.golden.make micro      the same for the micro preset

Run it after a change that is meant to move numbers, look at the difference, and say in the commit
why it is right.

Why the tolerances are what they are. Other instructions change the last bits of every sum, and
fine-tuning carries them on. Measured: four vectors (MNIST and terrain, both trainings among them,
300 steps) made with AVX2, or with nothing newer than SSE (ATEN_CPU_CAPABILITY, MKL_CBWR,
ONEDNN_MAX_CPU_ISA), in place of AVX-512: 0.02 to 0.04 % of their length apart, and not one test
prediction differed. The number of cores does not matter: every job has one thread. So the
tolerances are not there for what was seen, but for processors and libraries that were not tried,
where training may take another path: the model is then another one of the same quality, on the
*same* images. Two such models differ on fewer images than two draws of images would: hence half of
three binomial standard errors, with a floor for tasks that are nearly solved. Zero-shot involves no
training: only an arg-max that is nearly a tie can flip, so a few images. A ratio divides by a
number below one that moves as well, and gets more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tangent_bench.figures._select import pick
from tangent_bench.store import rows
from tangent_bench.store.rows import KEY

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = [*KEY, "value", "tolerance"]
SUMS = ("accuracy_tuned", "normalized_accuracy_tuned", "recovered_gain_tuned")

# With six steps a gain is a few images: what divides by it, or is chosen by it, means nothing.
NOT_OF_MICRO = ("normalized_accuracy_tuned", "recovered_gain_tuned", "selected_coefficient")

FLOOR = 0.02  # of an accuracy that was trained
IMAGES = 3  # that may flip where nothing was trained
HEADLINES: dict[str, dict[str, object]] = {
    "zero-shot": {"experiment": "single_task", "split": "test", "training": "none"},
    "own tasks": {"experiment": "single_task", "split": "test", "metric": "accuracy", "own": True},
    "their mean": {"experiment": "single_task", "split": "test", "sources": "each"},
    "all at once": {
        "experiment": "single_task",
        "split": "test",
        "sources": "multitask",
        "task": "all",
    },
    "sums": {
        "experiment": "task_addition",
        "split": "test",
        "metric": SUMS,
        "task": "all",
        "together": True,
    },
    "chosen": {"experiment": "task_addition", "metric": "selected_coefficient"},
    "negated": {"experiment": "task_negation", "split": "test", "sources": "each"},
    "lengths": {"experiment": "vector_geometry", "metric": "norm"},
}
TOLERANCES: dict[str, Callable[[pd.Series], float]] = {
    "accuracy": lambda row: (
        IMAGES / row["num_samples"] if row["training"] == "none" else _trained(row)
    ),
    "accuracy_tuned": lambda row: _trained(row),
    "normalized_accuracy_tuned": lambda row: (
        1.5 * FLOOR
    ),  # divides by 0.8 to 0.9, which moves as well
    "recovered_gain_tuned": lambda row: (
        4 * FLOOR
    ),  # divides by a gain of about 0.4, which moves as well
    "selected_coefficient": lambda row: 0.1 + 1e-9,  # two steps of tiny's grid: a flat maximum
    "norm": lambda row: 0.03 * row["value"],  # the path may differ, its length hardly
}


def _trained(row: pd.Series) -> float:
    share = min(max(row["value"], 0.0), 1.0)
    return max(FLOOR, 0.5 * 3.0 * (share * (1.0 - share) / row["num_samples"]) ** 0.5)


def headlines(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that the tables of the README stand on, with their tolerances."""
    most = max(table["sources"], key=lambda text: text.count("+"))
    marked = table.assign(own=table["sources"] == table["task"], together=table["sources"] == most)
    parts = {name: pick(marked, **where) for name, where in HEADLINES.items()}
    for name, part in parts.items():
        if part.empty:
            raise ValueError(
                f"No rows are {name!r}; golden values need the experiments of the tiny preset."
            )
    chosen = pd.concat(parts.values(), ignore_index=True)
    chosen["tolerance"] = [TOLERANCES[row["metric"]](row) for _, row in chosen.iterrows()]
    return _matched(chosen)[COLUMNS]


def _matched(table: pd.DataFrame) -> pd.DataFrame:
    """Without the coefficient of "_tuned" rows: it is a result, no coordinate."""
    return table.assign(
        coefficient=table["coefficient"].mask(table["metric"].str.endswith("_tuned"))
    )


def read(preset: str) -> pd.DataFrame:
    """The golden values of a preset as they are committed."""
    text = {
        column: str
        for column in KEY
        if column not in ("schema_version", "seed", "coefficient", "coefficient2")
    }
    return pd.read_csv(
        _file(preset),
        dtype=text,
        keep_default_na=False,
        na_values={"coefficient": [""], "coefficient2": [""]},
    )


def deviations(golden: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The golden values that `table` lacks (found is empty) or misses by more than a tolerance."""
    keys = {"on": list(KEY), "how": "left", "suffixes": ("", "_found")}
    both = golden.merge(_matched(headlines(table)), **keys).rename(columns={"value_found": "found"})
    off = ~((both["found"] - both["value"]).abs() <= both["tolerance"])
    return both.loc[off, [*KEY, "value", "tolerance", "found"]]


def _file(preset: str) -> Path:
    return Path(__file__).with_name(f"{preset}.csv")


def main(preset: str) -> int:
    """Write the golden values of a preset that was run; returns the exit status."""
    source = ROOT / f"results/{preset}/rows.csv"
    try:
        table = headlines(rows.read(source))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if preset == "micro":
        table = table[~table["metric"].isin(NOT_OF_MICRO)]
    file = _file(preset)
    table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")
    print(
        f"{len(table)} values of {source} written to {file}; look at `git diff` before "
        "committing them."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
