"""The paper's Table 2: each vector subtracted, the target forgotten, the control kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._cells import Cell, cell, cells
from tangent_bench.figures._entities import ZERO_SHOT, modes
from tangent_bench.figures._select import by_model, control, need, pick
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import pandas as pd

FIGURE = Figure(
    title="Table 2. Task negation: forget the target, keep the control",
    reads=("single_task", "task_negation"),
    kind="table",
    category="Tables",
    best=(("Target ↓", "lowest"), ("Control ↑", "highest")),
    caption=f"""\
Each task vector subtracted from the pre-trained weights. *Target* is the mean test accuracy on
the negated tasks (lower is better), *Control* that on the control task (higher is better). Each
coefficient was chosen on validation: the lowest target accuracy among those that keep the
required share of the control's zero-shot accuracy.
{INTERVALS}
""",
)
COLUMNS = ("Target ↓", "Control ↑")


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns cells: mean test accuracy on the negated tasks and on the control.

    Each vector has its own chosen coefficient.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    table = pick(summarize(need(rows, *FIGURE.reads)), split="test")
    return cells(item for title, part in by_model(table) for item in _model(title, part))


def _model(title: str, part: pd.DataFrame) -> list[Cell]:
    kept = control(part)
    before = pick(part, experiment="single_task", training="none", metric="accuracy")
    items = [
        cell(ZERO_SHOT.title, title, c, pick(before, task=t))
        for c, t in zip(COLUMNS, ("all", kept), strict=True)
    ]
    negated = pick(part, experiment="task_negation", metric="accuracy_tuned", sources="each")
    for mode in modes(negated):
        found = pick(negated, training=mode.training, evaluation=mode.evaluation)
        items += [
            cell(mode.title, title, c, pick(found, task=t))
            for c, t in zip(COLUMNS, ("own", kept), strict=True)
        ]
    return items
