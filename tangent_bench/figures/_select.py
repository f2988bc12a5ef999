"""Choosing rows by their coordinates, and saying what stands behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tangent_bench.figures._entities import model_title
from tangent_bench.judging.pooling import interval_label

if TYPE_CHECKING:
    import pandas as pd

    from tangent_bench.figures import Figure

ROUNDING = 1e-9  # of numbers that are coordinates
METHOD = "task_arithmetic"  # shown by the paper's figures where rows of several methods meet


def pick(table: pd.DataFrame, **coordinates: object) -> pd.DataFrame:
    """Selects the rows whose columns have these values; a tuple or list means any of them.

    A float is met to within rounding: a summary's coefficient is a mean over seeds.
    """
    for column, value in coordinates.items():
        if isinstance(value, (tuple, list)):
            table = table.loc[table[column].isin(value)]
        elif isinstance(value, float):
            table = table.loc[(table[column] - value).abs() < ROUNDING]
        else:
            table = table.loc[table[column] == value]
    return table


def need(rows: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    """Selects the rows of these experiments, of task arithmetic or of the only method.

    Raises:
        ValueError: an experiment has no row, or there are several methods and none is task
            arithmetic.
    """
    require(rows, *experiments)
    rows = pick(rows, experiment=experiments)
    methods = set(rows["method"]) - {""}
    if len(methods) > 1 and METHOD not in methods:
        raise ValueError(
            f"Rows of {len(methods)} methods ({', '.join(sorted(methods))}), none of them "
            f"{METHOD}; give those of one."
        )
    shown = methods if len(methods) == 1 else [METHOD]
    return pick(rows, method=["", *shown])


def require(rows: pd.DataFrame, *experiments: str) -> None:
    """Checks that each of the experiments has rows.

    Raises:
        ValueError: one has none.
    """
    present = set(rows["experiment"])
    for name in experiments:
        if name not in present:
            raise ValueError(
                f"There are no rows of experiment {name!r}; "
                "add it to `experiments` in the config and run again."
            )


def by_model(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yields (title, rows) of each model, initialisation and protocol, in order of appearance.

    Rows without vectors (zero-shot) depend on no checkpoint: they belong to every protocol.
    """
    for model, init in dict.fromkeys(zip(table["model"], table["init"], strict=True)):
        rows = pick(table, model=model, init=init)
        untouched = rows["training"] == "none"
        protocols = dict.fromkeys(rows.loc[~untouched, "protocol"]) or ["own"]
        for protocol in protocols:
            part = rows.loc[untouched | (rows["protocol"] == protocol)]
            yield _model_title(model, init, protocol), part


def _model_title(model: str, init: str, protocol: str) -> str:
    """Returns the model's title, with the initialisation and protocol where they are unusual."""
    unusual = []
    if init != "pretrained":
        unusual.append(init)
    if protocol != "own":
        unusual.append(protocol)
    return f"{model_title(model)} ({', '.join(unusual)})" if unusual else model_title(model)


def task_order(table: pd.DataFrame) -> list[str]:
    """Returns the tasks that have vectors.

    Their order is the config's (that of the longest sum), else that of appearance.
    """
    sums = []
    seen: dict[str, None] = {}
    for sources in table["sources"].unique():
        if sources not in ("", "each", "multitask"):
            tasks = sources.split("+")
            sums.append(tasks)
            seen |= dict.fromkeys(tasks)
    longest = max(sums, key=len, default=[])
    return longest if set(longest) == set(seen) else list(seen)


def control(table: pd.DataFrame) -> str:
    """Returns the task that negation must not forget, or "" where nothing was negated."""
    negated = pick(table, experiment="task_negation", sources="each")
    return next((task for task in negated["task"] if task != "own"), "")


def note(rows: pd.DataFrame, per_task: bool = False, intervals: bool = True) -> str:
    """Returns a line for below a figure: test images, seeds, and what the intervals cover.

    Args:
        rows: the rows that the figure shows.
        per_task: count the images of one task in place of all.
        intervals: say what the intervals cover.
    """
    seeds = sorted(rows["seed"].unique())
    plural = "s" if len(seeds) > 1 else ""
    drawn = ", ".join(map(str, seeds)) if len(seeds) < 8 else f"{seeds[0]} to {seeds[-1]}"
    parts = [_images(rows, per_task), f"{len(seeds)} seed{plural} ({drawn})"]
    if intervals:
        parts.append(f"95 % intervals: {interval_label(len(seeds))}")
    return "; ".join(parts)


def note_of(rows: pd.DataFrame, table: Figure) -> str:
    """Returns the line for below a table: one about several families says more in each row.

    Args:
        rows: of the run.
        table: what the table is.
    """
    shown = need(rows, *(table.reads[:1] if table.per_task else table.reads))
    return note(shown, per_task=table.per_task, intervals=not table.across)


def _images(rows: pd.DataFrame, per_task: bool) -> str:
    test = pick(rows, split="test")
    pooled = test.loc[test["task"].isin(["all", "own"]), "num_samples"]
    if not per_task:  # the control alone may have more images than the tasks together
        most = max(test["num_samples"] if pooled.empty else pooled)
        return f"n = {most:,} test images"
    images = test.loc[~test["task"].isin(["all", "own"]), "num_samples"]
    return f"n = {span(images)} test images per task"


def span(numbers: pd.Series) -> str:
    """Returns the numbers' range, or the number where all are equal."""
    fewest = numbers.min()
    most = numbers.max()
    return f"{most:,}" if fewest == most else f"{fewest:,}–{most:,}"
