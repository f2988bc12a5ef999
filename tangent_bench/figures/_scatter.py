"""Single-task accuracy of one mode against another: a marker for each task.

The half in which the first mode is better is grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures._entities import ModeLook, task_marker, task_title
from tangent_bench.figures._page import points
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, need, note, pick, task_order
from tangent_bench.figures._style import COLUMN, GREY_HALF, errors, seen_through
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def scatter(rows: pd.DataFrame, across: ModeLook, up: ModeLook, ax) -> np.ndarray:
    """Returns the axes of the scatter, one for each model.

    Args:
        rows: result rows.
        across: the mode along x.
        up: the mode along y.
        ax: the caller's axes, or None for a new figure.
    """
    rows = need(rows, "single_task")
    table = pick(summarize(rows), split="test", metric="accuracy")
    table = table.loc[table["sources"] == table["task"]]
    parts = []
    for model, init in dict.fromkeys(zip(table["model"], table["init"], strict=True)):
        parts += _parts(pick(table, model=model, init=init), across, up)
    axes = panels(1, len(parts), ax, (COLUMN + 1.0 / len(parts), COLUMN))
    for axis, (name, part) in zip(axes.flat, parts, strict=True):
        _panel(axis, part, across, up)
        title(axis, name)
    legend(axes.flat[-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2)
    shown = rows.loc[rows["sources"] == rows["task"]]
    annotate(axes, note(shown, per_task=True), ax)
    return axes


def _parts(table: pd.DataFrame, across: ModeLook, up: ModeLook) -> list[tuple[str, pd.DataFrame]]:
    """Returns (title, rows) of each protocol of a model that has both modes.

    If none has both, all protocols come together under a joint name.
    """
    parts = list(by_model(table))
    whole = [pair for pair in parts if len(_of(pair[1], across)) and len(_of(pair[1], up))]
    if whole or len(parts) < 2:
        return whole or parts
    return list(by_model(table.assign(protocol="+".join(sorted(table["protocol"].unique())))))


def _of(part: pd.DataFrame, mode: ModeLook) -> pd.DataFrame:
    return pick(part, training=mode.training, evaluation=mode.evaluation)


def _panel(axis, part: pd.DataFrame, across: ModeLook, up: ModeLook) -> None:
    from matplotlib.ticker import MaxNLocator

    tasks = task_order(part)
    x = _by_task(_of(part, across), tasks)
    y = _by_task(_of(part, up), tasks)
    both = [task for task in tasks if task in x.index and task in y.index]
    if not both:
        raise ValueError(
            f"No task has been evaluated both as {across.title} and as {up.title}; "
            "add both to `modes` in the config."
        )
    lowest = min(table[["value", "low"]].min(axis=None) for table in (x, y))
    low = _floor(100 * lowest - 2)
    _grey_half(axis, low, f"{across.title} better")
    for task in both:
        marker = task_marker(task, tasks)
        _point(axis, x.loc[[task]], y.loc[[task]], up.colour, marker, task_title(task))
    axis.set(xlim=(low, 102), ylim=(low, 102), aspect="equal")
    axis.yaxis.set_major_locator(MaxNLocator(6))
    axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.set_xlabel(f"{across.title}: test accuracy (%)")
    axis.set_ylabel(f"{up.title}: test accuracy (%)")


def _by_task(lines: pd.DataFrame, tasks: list[str]) -> pd.DataFrame:
    return lines.set_index("task").reindex(tasks).dropna(subset="value")


def _grey_half(axis, low: int, words: str) -> None:
    axis.fill_between([low, 102], [low, 102], low, color=GREY_HALF, linewidth=0, zorder=0)
    axis.plot([low, 102], [low, 102], color="#888888", linewidth=0.7, zorder=1)
    style = {"ha": "right", "va": "bottom", "fontsize": points(6.5), "color": "#555555"}
    axis.text(101, low + 1, words, **style)


def _point(axis, x: pd.DataFrame, y: pd.DataFrame, colour: str, marker: str, label: str) -> None:
    axis.errorbar(
        100 * x["value"],
        100 * y["value"],
        xerr=errors(x),
        yerr=errors(y),
        fmt=marker,
        **seen_through(colour),
        label=label,
        markersize=6,
        elinewidth=0.7,
        ecolor="#666666",
        zorder=3,
    )


def _floor(percent: float) -> int:
    return max(0, int(percent // 5) * 5)
