"""Localization of task vectors in numbers: others over own, and how long the own change is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._cells import Cell, cell, cells
from tangent_bench.figures._localization import references, ways
from tangent_bench.figures._select import by_model, need, pick
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import pandas as pd

FIGURE = Figure(
    title="Localization of the task vectors: change of a task's images by other vectors over the "
    "change by its own, mean over tasks",
    reads=("vector_localization",),
    kind="table",
    category="Why it works",
    best=(("Others / own", "lowest"), ("One other / own", "lowest")),
    caption=f"""\
How far vectors move the embeddings of test images, mean over tasks. *Others / own*: the sum of
all other tasks' vectors over the task's own one. *One other / own*: a single other vector, mean
over the others. *Own change*: by the task's own vector, as a share of the embedding's length at
the pre-trained weights. Lower ratios are more localized. In the tangent space they are the same
at every coefficient; in the network large changes saturate, which draws them towards 1. *Not
localized* are vectors that ignore whose images they see: one of them does there what the own
vector does, and all others together √(T − 1) times as much if their changes are of equal length
and at right angles.
{INTERVALS}
""",
)
# column, metric, task, unit
COLUMNS = (
    ("Others / own", "others_over_own", "all", "number"),
    ("One other / own", "one_other_over_own", "all", "number"),
    ("Own change (of ‖f0‖)", "relative_change", "own", "%"),
)
UNRELATED = "Not localized"


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns cells: modes at their coefficients (rows), and vectors that ignore the images.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows)
    parts = list(by_model(table))
    items = [item for title, part in parts for item in _modes(title, part)]
    return cells([*items, *(item for title, part in parts for item in _unrelated(title, part))])


def _modes(title: str, part: pd.DataFrame) -> list[Cell]:
    means = pick(part, sources="each")
    items = []
    for way in ways(part):
        found = pick(means, **way.at)
        for column, metric, task, unit in COLUMNS:
            lines = pick(found, metric=metric, task=task)
            items.append(cell(way.title, title, column, lines, unit))
    return items


def _unrelated(title: str, part: pd.DataFrame) -> list[Cell]:
    """The reference, in brackets: no measurement, but known from the number of tasks."""
    known = references(part)
    items = []
    for column, metric, _, unit in COLUMNS:
        if metric in known:
            items.append(Cell(UNRELATED, title, column, known[metric], unit=unit, grey=True))
    return items
