"""The sign of each of the paper's effects beside the sign found here; magnitudes of two worlds are not compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.figures import Figure
from tangent_bench.figures._cells import Cell, cell, cells
from tangent_bench.figures._entities import MODES
from tangent_bench.figures._select import by_model, need, pick
from tangent_bench.summary import summarize

if TYPE_CHECKING:
    import pandas as pd

FIGURE = Figure(
    title="Effects of the paper: the sign here and there",
    reads=("posthoc_comparison",),
    kind="table",
    category="Tables",
    modes=("standard-network", "*-tangent"),
)
STANDARD, POSTHOC, LINEAR = (mode[:2] for mode in MODES)
BASELINE = "minus {}-{}".format(*STANDARD)
COLUMNS = ("Paper's sign", "Here (points)", "Verdict")


class Effect(NamedTuple):
    """A claim: mode minus standard fine-tuning has this sign; `metric` names the row of posthoc_comparison."""

    text: str
    table: str
    mode: tuple[str, str]
    metric: str
    sign: int


EFFECTS = (
    Effect("Post-hoc minus Non-lin. FT, single tasks", "table1_addition", POSTHOC, "single_task/accuracy", -1),
    Effect("Post-hoc minus Non-lin. FT, addition", "table1_addition", POSTHOC, "task_addition/accuracy_tuned", -1),
    Effect("Linear FT minus Non-lin. FT, addition", "table1_addition", LINEAR, "task_addition/accuracy_tuned", +1),
    Effect(
        "Linear FT minus Non-lin. FT, negated target",
        "table2_negation",
        LINEAR,
        "task_negation/target_accuracy_tuned",
        -1,
    ),
    Effect(
        "Post-hoc minus Non-lin. FT, negated target",
        "table2_negation",
        POSTHOC,
        "task_negation/target_accuracy_tuned",
        -1,
    ),
)


def verdict(low: float, high: float, sign: int) -> str:
    """Whether the 95 % interval of a difference lies on the claimed side of 0.

    >>> verdict(-0.2, -0.1, -1), verdict(0.01, 0.03, -1), verdict(-0.1, 0.1, -1)
    ('shown', 'not shown', 'undecided')
    """
    if math.isnan(low) or math.isnan(high) or low <= 0 <= high:
        return "undecided"
    return "shown" if (low > 0) == (sign > 0) else "not shown"


def build(rows: pd.DataFrame, tables: tuple[str, ...] = ("table1_addition", "table2_negation")) -> pd.DataFrame:
    """Cells: the paper's sign, the difference here with its interval, and the verdict, for the effects of `tables`.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    table = pick(summarize(need(rows, *FIGURE.reads)), params_id=BASELINE)
    wanted = [effect for effect in EFFECTS if effect.table in tables]
    return cells(item for title, part in by_model(table) for effect in wanted for item in _effect(effect, title, part))


def _effect(effect: Effect, title: str, part: pd.DataFrame) -> list[Cell]:
    training, evaluation = effect.mode
    found = pick(part, training=training, evaluation=evaluation, metric=effect.metric)
    found = pick(found, task="all") if effect.metric.startswith("task_addition/") else pick(found, sources="each")
    here = cell(effect.text, title, COLUMNS[1], found, unit="points")
    if math.isnan(here.value):
        return []  # that mode or experiment is not in this run
    said = verdict(here.low, here.high, effect.sign)
    paper = "+" if effect.sign > 0 else "−"
    return [
        Cell(effect.text, title, COLUMNS[0], unit="text", text=paper),
        here,
        Cell(effect.text, title, COLUMNS[2], unit="text", text=said),
    ]
