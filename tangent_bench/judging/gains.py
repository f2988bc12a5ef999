"""Where a share of the gain is no number: where fine-tuning may have gained nothing.

The recovered gain is (accuracy − zero-shot) / (single-task − zero-shot). Where the interval of the
denominator holds 0, in a run of a few steps, the ratio may be anything, and its interval too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("recovered_gain", "recovered_gain_tuned", "task_addition/recovered_gain_tuned")
MINUS = "minus "  # begins the params_id of a difference; the mode it is to follows


class _Mode(NamedTuple):
    model: str
    init: str
    protocol: str
    mode: str


def defined(rows: pd.DataFrame) -> pd.DataFrame:
    """Leaves out the shares of gains that may be nothing, and the differences between them.

    The denominator is that of the single tasks on test, mean over them, less zero-shot; the errors
    of the two add up, which is wider than paired ones would be. Without these rows nothing is left
    out.
    """
    if set(rows["metric"]).isdisjoint(METRICS):
        return rows
    unsure = _unsure(rows.loc[rows["experiment"] == "single_task"])
    if not unsure:
        return rows
    shares = rows["metric"].isin(METRICS)
    keep = [not share or not _stands_on(line, unsure) for share, line in zip(shares, _lines(rows))]
    return rows.loc[keep]


def _lines(rows: pd.DataFrame) -> list[dict]:
    columns = ["model", "init", "protocol", "training", "evaluation", "params_id"]
    return rows.loc[:, columns].to_dict("records")


def _stands_on(line: dict, unsure: set[_Mode]) -> bool:
    """Whether a share, or one of the two of a difference, is of one of these modes."""
    modes = [f"{line['training']}-{line['evaluation']}"]
    if line["params_id"].startswith(MINUS):
        modes.append(line["params_id"].removeprefix(MINUS))
    place = (line["model"], line["init"], line["protocol"])
    return any(_Mode(*place, mode) in unsure for mode in modes)


def _unsure(single_task: pd.DataFrame) -> set[_Mode]:
    """The modes whose gain over zero-shot has an interval that holds 0."""
    on_test = single_task["metric"].eq("accuracy") & single_task["split"].eq("test")
    means = single_task.loc[on_test & single_task["task"].isin(["all", "own"])]
    if not len(means):
        return set()
    lines = summarize(means).to_dict("records")
    untouched = {}
    for line in lines:
        if line["training"] == "none" and line["task"] == "all":
            untouched[line["model"], line["init"]] = line
    unsure = set()
    for line in lines:
        zero_shot = untouched.get((line["model"], line["init"]))
        if line["sources"] == "each" and zero_shot and _holds_0(line, zero_shot):
            mode = f"{line['training']}-{line['evaluation']}"
            unsure.add(_Mode(line["model"], line["init"], line["protocol"], mode))
    return unsure


def _holds_0(single: dict, zero_shot: dict) -> bool:
    """Whether the interval of a difference holds 0; of one without errors it does not."""
    gain = single["value"] - zero_shot["value"]
    below = math.hypot(single["value"] - single["low"], zero_shot["high"] - zero_shot["value"])
    above = math.hypot(single["high"] - single["value"], zero_shot["value"] - zero_shot["low"])
    return gain - below <= 0.0 <= gain + above
