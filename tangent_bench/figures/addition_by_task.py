"""Where the sum of all vectors gains and loses: its test accuracy on each task."""

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
    title="Task addition by task: the sum of all vectors on each task",
    reads=("single_task", "task_addition"),
    kind="table",
    category="Tables",
    best=(("", "highest"),),
    caption=f"""\
Test accuracy of the sum of all task vectors on each task, in each mode at the α* of Table 1, beside
the pre-trained model. The average is column *Absolute* of Table 1.
{INTERVALS}
""",
)


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells: test accuracy of the sum on each task (rows) in each mode (columns), and the average.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    table = pick(summarize(need(rows, *FIGURE.reads)), split="test")
    return cells(item for title, part in by_model(table) for item in _model(title, part))


def _model(title: str, part: pd.DataFrame) -> list[Cell]:
    tasks = task_order(part)
    before = pick(part, experiment="single_task", training="none", metric="accuracy")
    added = pick(part, experiment="task_addition", sources="+".join(tasks), metric="accuracy_tuned")
    items = []
    for task in (*tasks, "all"):
        row = task_title(task)
        items.append(cell(row, title, ZERO_SHOT.title, pick(before, task=task)))
        for mode in modes(added):
            found = pick(added, training=mode.training, evaluation=mode.evaluation, task=task)
            items.append(cell(row, title, mode.title, found))
    return items
