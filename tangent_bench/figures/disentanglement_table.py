"""Disentanglement in numbers: each mode alone, and minus non-linear fine-tuning.

The differences are on the same images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._cells import Cell, cell, cells
from tangent_bench.figures._entities import MODES, ModeLook, modes
from tangent_bench.figures._entities import mode as mode_of
from tangent_bench.figures._select import by_model, need, pick
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import pandas as pd

FIGURE = Figure(
    title="Disentanglement error ξ (sum of both tasks' disagreement, at most 200 %), "
    "mean over pairs of tasks",
    reads=("disentanglement", "disentanglement_comparison"),
    kind="table",
    category="Why it works",
    best=(
        ("Mean, 0 ≤ α ≤ 1", "lowest"),
        ("Relative to own changes", "lowest"),
        ("At chosen α", "lowest"),
        ("At equal accuracy", "lowest"),
    ),
    caption=f"""\
Disentanglement error ξ, the sum of both tasks' disagreement (at most 200 %), mean over the
pairs of tasks; lower is more disentangled. *Mean*: over both coefficients in [0, 1]. *Relative
to own changes*: that mean divided by the share of images whose prediction each vector changes
on its own task; at 100 % the vectors disturb each other's tasks as often as they change their
own. *At chosen α*: where task addition chose its coefficient in that mode. *At equal accuracy*:
each mode at the smallest coefficient at which its single-task validation accuracy reaches that
of the weakest mode at α = 1. The lower rows are paired differences on the same resampled
images, in points.
{INTERVALS}
""",
)
BASELINE = MODES[0]
# column, metric
COLUMNS = (
    ("Mean, 0 ≤ α ≤ 1", "mean_disentanglement_error"),
    ("Relative to own changes", "relative_disentanglement_error"),
    ("At chosen α", "disentanglement_error_tuned"),
    ("At equal accuracy", "matched_disentanglement_error"),
)


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns cells: the scalars of each mode (rows).

    Below them stand the paired differences to non-linear fine-tuning, in points.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows.loc[rows["metric"] != "disentanglement_term"])
    table = pick(table, sources="each", task="all")
    return cells(item for title, part in by_model(table) for item in _model(title, part))


def _model(title: str, part: pd.DataFrame) -> list[Cell]:
    found = modes(part)
    items = [item for mode in found for item in _mode(mode, title, part, mode.title, "", "%")]
    baseline = mode_of(BASELINE.training, BASELINE.evaluation)
    for mode in found:
        if mode != baseline and baseline in found:
            minus = f"minus {BASELINE.training}-{BASELINE.evaluation}"
            items += _mode(mode, title, part, f"{mode.title} − {baseline.title}", minus, "points")
    return items


def _mode(
    mode: ModeLook, title: str, part: pd.DataFrame, row: str, params_id: str, unit: str
) -> list[Cell]:
    part = pick(part, training=mode.training, evaluation=mode.evaluation, params_id=params_id)
    return [
        cell(row, title, column, pick(part, metric=metric), unit=unit) for column, metric in COLUMNS
    ]
