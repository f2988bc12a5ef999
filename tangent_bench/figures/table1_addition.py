"""The paper's Table 1: the sum of all vectors at one coefficient, chosen on validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._cells import NAN, Cell, cell, cells
from tangent_bench.figures._entities import MODES, ZERO_SHOT, modes
from tangent_bench.figures._select import by_model, need, pick, task_order
from tangent_bench.judging import gains
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import pandas as pd

FIGURE = Figure(
    title="Table 1. Task addition: one model for all tasks",
    reads=("single_task", "task_addition"),
    kind="table",
    category="Tables",
    best=(
        ("Absolute", "highest"),
        ("Normalized", "highest"),
        ("Recovered gain", "highest"),
    ),
    caption=f"""\
The sum of all task vectors at one coefficient α*, the same for all tasks, chosen on validation
images. *Absolute* is the mean test accuracy over tasks; *Normalized* divides each task's
accuracy by that of the single-task model **of the same mode**, so a mode with weak single tasks
scores high; *Norm. at α = 0* is what that number is before anything is added. *Recovered gain*
is (accuracy − zero-shot) / (single-task − zero-shot), a dash where the interval of the
denominator holds 0. *Individual* and *Multi-task* are upper
bounds: each task's own model, and one model trained on all tasks together.
{INTERVALS}
""",
)
COLUMNS = ("Absolute", "Normalized", "Norm. at α = 0", "Recovered gain", "α*")


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns cells: mean test accuracy, normalized accuracy, gain, and coefficient.

    Normalized is divided by single-task accuracy; its value at α = 0 stands beside it.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    table = summarize(gains.defined(need(rows, *FIGURE.reads)))
    return cells(item for title, part in by_model(table) for item in _model(title, part))


def _model(title: str, part: pd.DataFrame) -> list[Cell]:
    test = pick(part, split="test")
    items = [
        _single(ZERO_SHOT.title, title, pick(test, training="none", task="all", metric="accuracy"))
    ]
    for mode in modes(pick(part, experiment="task_addition")):
        items += _mode(mode, title, pick(part, training=mode.training, evaluation=mode.evaluation))
    best = pick(
        test,
        experiment="single_task",
        training=MODES[0].training,
        evaluation=MODES[0].evaluation,
        metric="accuracy",
    )
    items.append(_single("Individual", title, pick(best, sources="each", task="own")))
    items.append(_single("Multi-task", title, pick(best, sources="multitask", task="all")))
    return items


def _single(row: str, title: str, found: pd.DataFrame) -> Cell:
    return cell(row, title, COLUMNS[0], pick(found, experiment="single_task"))


def _mode(mode, title: str, part: pd.DataFrame) -> list[Cell]:
    part = pick(part, experiment="task_addition", sources="+".join(task_order(part)), task="all")
    test = pick(part, split="test")
    start = cell(
        mode.title, title, COLUMNS[2], pick(test, metric="normalized_accuracy", coefficient=0.0)
    )
    return [
        cell(mode.title, title, COLUMNS[0], pick(test, metric="accuracy_tuned")),
        cell(mode.title, title, COLUMNS[1], pick(test, metric="normalized_accuracy_tuned")),
        start._replace(low=NAN, high=NAN),
        cell(mode.title, title, COLUMNS[3], pick(test, metric="recovered_gain_tuned")),
        cell(
            mode.title, title, COLUMNS[4], pick(part, metric="selected_coefficient"), unit="number"
        ),
    ]
