"""The printed numbers of workflow/resources/paper.csv, and ways of picking some, for the tests of
`reference`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tangent_bench.judging import paper
from tangent_bench.judging.paper import TASKS, read

TABLE = read()
TEXT = pd.read_csv(paper.FILE, dtype=str, keep_default_na=False)
LINE = TEXT.iloc[[3]]  # non-linear, B/32, added: 71.4 [G]
DEFAULT = Path(__file__).parents[1] / "config" / "default.yaml"
EVERY = "+".join(TASKS)
MODES = {
    "zero": ("none", "network"),
    "nonlin": ("standard", "network"),
    "posthoc": ("standard", "tangent"),
}
MODES |= {"linear": ("linear", "tangent")}


def lines(mode=None, among=TABLE, **where):
    for column, value in where.items():
        among = among[among[column].isin(value if isinstance(value, (tuple, list)) else [value])]
    pair = dict(zip(("training", "evaluation"), MODES[mode] if mode else (), strict=False))
    return lines(None, among, **pair) if pair else among


def percent(mode, **where):
    found = lines(mode, **where)
    assert len(found) == 1, found
    return found["value"].item() * 100


def average(mode, model, metric="accuracy_tuned", **where):
    return percent(
        mode, model=model, experiment="task_addition", task="all", metric=metric, **where
    )
