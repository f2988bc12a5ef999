"""Paper against ours: each number of this run that others printed too.

The table says whether ours lies among their re-runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tangent_bench.figures import Figure
from tangent_bench.figures._cells import Cell, cells
from tangent_bench.figures._entities import mode, model_title, task_title
from tangent_bench.figures._select import need
from tangent_bench.judging.paper import MODELS, compare

if TYPE_CHECKING:
    import pandas as pd

    from tangent_bench.judging.paper import PrintedNumber, Reproduction

FIGURE = Figure(
    title="Paper against ours: what was printed, what others found when they ran it again, "
    "and this run",
    reads=("single_task",),
    kind="table",
    category="Tables",
    models=MODELS,
    section="reference",
    caption="""\
Every number of this run that the paper, or somebody who ran its recipe again, printed too.
*Paper* is what the paper prints; *Others* are a re-run or another print each: ATL aTLAS, TJP
τJp, ORT OrthoReg, TAK, TAF TAFAL, STM StatsMerging, KAT a fork of the official code, DVB
DV-BASI, FB FusionBench. Letters say how well a number is supported: **[V]** read verbatim in
code or data, **[C]** corroborated by an independent print, **[R]** a re-run by another paper,
**[A]** arithmetic on such numbers, **[G]** remembered, no source seen. **Only V, C and R
decide.** What does not stands in brackets (grey where there is colour): [A], [G], and numbers
set aside for the reason given.

*Difference* is ours minus the paper's number; where the paper has none, minus the middle of the
range. *Range of re-runs* goes from the smallest to the largest of the re-runs by others (V and
R; of C where there is none), which is how far a reproduction can be expected to come. *Ours
lies* inside it or outside of it; "interval reaches it" says that our 95 % interval does not
exclude the range. A printed number stands for all that round to it. A range of one re-run (n =
1) says little: zero-shot accuracies of two people with the same weights differ by up to 0.4
points already (versions, decoding of images). The normalized numbers of the paper's Table 1 are
not to be relied on (no re-run has such a ratio of absolute to normalized). Families of
checkpoints are never compared with one another; numbers of the control are ImageNet's
validation set, or where it says validation images, 5,000 images of its train set. The printed
numbers stand in ``workflow/resources/paper.csv``.
""",
)
OURS = "Ours, % [95 %]"
PAPER = "Paper"
DIFFERENCE = "Difference, points"
OTHERS = "Others"
RANGE = "Range of re-runs"
PLACE = "Ours lies"
COLUMNS = (OURS, PAPER, DIFFERENCE, OTHERS, RANGE, PLACE)
NOTHING = "no number of this run was printed by others"


def build(rows: pd.DataFrame, out_of_scope: Sequence[Mapping[str, object]] = ()) -> pd.DataFrame:
    """Returns cells: a row for each number, models one after the other.

    Within a model the order is that of the paper's tables.

    Args:
        rows: result rows.
        out_of_scope: entries that excuse the absence of a counterpart (config:
            `reference.out_of_scope`).

    Raises:
        ValueError: rows of the experiment are missing, or printed numbers have no counterpart and
            no excuse.
    """
    need(rows, *FIGURE.reads)
    lines = sorted(compare(rows, out_of_scope), key=lambda line: MODELS.index(line.where["model"]))
    if not lines:
        return cells([Cell(NOTHING, "", OURS)])
    return cells(cell for line in lines for cell in _line(line))


def _line(line: Reproduction) -> list[Cell]:
    name = _title(line.where)
    paper = line.paper
    printed = f"{paper.percent} [{paper.status}]" if paper else "–"
    undecided = not line.target[1]
    return [
        Cell(name, "", OURS, line.value, line.low, line.high),
        _text(name, PAPER, printed, grey=paper is not None and not paper.decides),
        Cell(name, "", DIFFERENCE, line.difference, unit="points", grey=undecided),
        _text(name, OTHERS, ", ".join(map(_other, line.others)) or "–"),
        _text(name, RANGE, _range(line)),
        _text(name, PLACE, line.place, grey=not line.deciding),
    ]


def _text(row: str, column: str, words: str, grey: bool = False) -> Cell:
    return Cell(row, "", column, unit="text", text=words, grey=grey)


def _other(number: PrintedNumber) -> str:
    """Returns a print of others; one that may not decide stands in brackets, with the reason."""
    words = f"{number.source} {number.percent} [{number.status}]"
    if number.decides:
        return words
    return f"({words}, {number.set_aside})" if number.set_aside else f"({words})"


def _range(line: Reproduction) -> str:
    if line.span is None:
        return "–"
    low, high = (f"{100 * value:.1f}" for value in line.span)
    return f"{low if low == high else f'{low}–{high}'} (n = {len(line.deciding)})"


def _title(where: Mapping[str, Any]) -> str:
    """Returns the coordinates in words."""
    parts = [_experiment(where), _task(where)]
    if where["metric"].startswith("normalized"):
        parts.append("normalized")
    if where["split"] == "val":
        parts.append("validation images")
    family = "" if where["protocol"] == "own" else f" ({where['protocol']})"
    look = mode(where["training"], where["evaluation"])
    words = ", ".join(filter(None, parts))
    return f"{model_title(where['model'])}{family}, {look.title}: {words}"


def _experiment(where: Mapping[str, Any]) -> str:
    if where["experiment"] == "single_task":
        return "" if where["training"] == "none" else "single task"
    at = "α*" if where["metric"].endswith("_tuned") else f"α = {abs(where['coefficient']):g}"
    return f"{where['experiment'].removeprefix('task_')} at {at}"


def _task(where: Mapping[str, Any]) -> str:
    task = where["task"]
    source = where["sources"]
    if where["experiment"] != "task_negation":
        return "average" if task in ("all", "own") else task_title(task)
    if task == "own":
        return "target, average"
    if task == source:
        return f"target {task_title(task)}"
    return "control, average" if source == "each" else f"control, without {task_title(source)}"
