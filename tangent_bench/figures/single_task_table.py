"""Each task by itself: zero-shot, and each vector alone on its own task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._cells import Cell, cell, cells
from tangent_bench.figures._entities import ZERO_SHOT, modes, task_title
from tangent_bench.figures._select import by_model, need, pick, task_order
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import pandas as pd

FIGURE = Figure(
    title="Single tasks: test accuracy of each task's own model",
    reads=("single_task",),
    kind="table",
    category="Tables",
    best=(("", "highest"),),
    caption=f"""\
Test accuracy of each task's own vector at α = 1, in each mode, beside the pre-trained model.
{INTERVALS}
""",
)


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells: test accuracy of each task (rows) in each mode (columns), and their average.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    table = pick(summarize(need(rows, *FIGURE.reads)), split="test", metric="accuracy")
    return cells(item for title, part in by_model(table) for item in _model(title, part))


def _model(title: str, part: pd.DataFrame) -> list[Cell]:
    items = []
    for task in (*task_order(part), "all"):
        row = task_title(task)
        items.append(cell(row, title, ZERO_SHOT.title, pick(part, training="none", task=task)))
        own = (
            {"sources": "each", "task": "own"} if task == "all" else {"sources": task, "task": task}
        )
        for mode in modes(part):
            found = pick(part, training=mode.training, evaluation=mode.evaluation, **own)
            items.append(cell(row, title, mode.title, found))
    return items
