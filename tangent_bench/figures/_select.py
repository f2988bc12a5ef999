"""Choosing rows by their coordinates, and saying what stands behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tangent_bench.figures._entities import model_title
from tangent_bench.judging.pooling import interval_label

if TYPE_CHECKING:
    import pandas as pd

METHOD = (
    "task_arithmetic"  # what the paper's figures show where rows of several methods come together
)


def pick(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """The rows whose columns have the given values; a tuple or list means any of them."""
    for column, wanted in where.items():
        hit = (
            table[column].isin(wanted)
            if isinstance(wanted, (tuple, list))
            else table[column] == wanted
        )
        table = table[hit]
    return table


def need(rows: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    """The rows of these experiments, of task arithmetic or of the only method there is.

    Raises:
        ValueError: one of them has no row, or there are several methods and none is task arithmetic.
    """
    for name in experiments:
        if not (rows["experiment"] == name).any():
            raise ValueError(
                f"There are no rows of experiment {name!r}; add it to `experiments` in the config and run again."
            )
    rows = pick(rows, experiment=experiments)
    methods = set(rows["method"]) - {""}
    if len(methods) > 1 and METHOD not in methods:
        raise ValueError(
            f"Rows of {len(methods)} methods ({', '.join(sorted(methods))}), none of them {METHOD}; give those of one."
        )
    return pick(rows, method=["", *(methods if len(methods) == 1 else [METHOD])])


def by_model(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """(title, rows) of each model, initialisation and protocol, in order of appearance.

    Rows without vectors (zero-shot) stand on no checkpoint: they belong to every protocol.
    """
    for (name, init), rows in table.groupby(["model", "init"], sort=False):
        untouched = rows["training"] == "none"
        for protocol in (
            rows.loc[~untouched, "protocol"].unique() if not untouched.all() else ["own"]
        ):
            extra = [
                word for word, usual in ((init, "pretrained"), (protocol, "own")) if word != usual
            ]
            part = rows[untouched | (rows["protocol"] == protocol)]
            yield f"{model_title(name)} ({', '.join(extra)})" if extra else model_title(name), part


def task_order(table: pd.DataFrame) -> list[str]:
    """The tasks that have vectors, in the order of the config (that of the longest sum), else of appearance."""
    lists = [
        text.split("+")
        for text in table["sources"].unique()
        if text not in ("", "each", "multitask")
    ]
    seen = list(dict.fromkeys(task for tasks in lists for task in tasks))
    longest = max(lists, key=len, default=[])
    return longest if set(longest) == set(seen) else seen


def control(table: pd.DataFrame) -> str:
    """Name of the task that negation must not forget, or "" where nothing was negated."""
    negated = pick(table, experiment="task_negation", sources="each")
    return next((task for task in negated["task"] if task != "own"), "")


def note(rows: pd.DataFrame, per_task: bool = False, intervals: bool = True) -> str:
    """One line under a figure: test images (in all, or of one task), seeds, and what the intervals cover."""
    test = pick(rows, split="test")
    images = test.loc[~test["task"].isin(["all", "own"]) | (not per_task), "num_samples"]
    fewest, most = images.min() if per_task else images.max(), images.max()
    number = f"{most:,}" if fewest == most else f"{fewest:,}–{most:,}"
    seeds = sorted(rows["seed"].unique())
    drawn = ", ".join(map(str, seeds)) if len(seeds) < 8 else f"{seeds[0]} to {seeds[-1]}"
    parts = [
        f"n = {number} test images{' per task' * per_task}",
        f"{len(seeds)} seed{'s' * (len(seeds) > 1)} ({drawn})",
    ]
    return "; ".join(parts + [f"95 % intervals: {interval_label(len(seeds))}"] * intervals)
