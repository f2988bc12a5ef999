"""Paper against ours: each number of this run that others printed too, and whether it lies among their re-runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._cells import Cell, cells
from tangent_bench.figures._entities import mode, model_title, task_title
from tangent_bench.figures._select import need
from tangent_bench.judging.paper import MODELS, compare

if TYPE_CHECKING:
    import pandas as pd

    from tangent_bench.judging.paper import Comparison, Print

FIGURE = Figure(
    title="Paper against ours: what was printed, what others found when they ran it again, and this run",
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
OURS, PAPER, DIFFERENCE, OTHERS, RANGE, PLACE = COLUMNS = (
    "Ours, % [95 %]", "Paper", "Difference, points", "Others", "Range of re-runs", "Ours lies",
)  # fmt: skip
NOTHING = "no number of this run was printed by others"


def build(rows: pd.DataFrame, out_of_scope: Sequence[Mapping[str, object]] = ()) -> pd.DataFrame:
    """Cells: a row for each number, models one after the other, the order of the paper's tables within.

    Args:
        rows: result rows.
        out_of_scope: entries that excuse the absence of a counterpart (config: `reference.out_of_scope`).

    Raises:
        ValueError: rows of the experiment are missing, or printed numbers have no counterpart and no excuse.
    """
    need(rows, *FIGURE.reads)
    found = sorted(compare(rows, out_of_scope), key=lambda line: MODELS.index(line.where["model"]))
    if not found:
        return cells([Cell(NOTHING, "", OURS)])
    return cells(cell for line in found for cell in _line(line))


def _line(line: Comparison) -> list[Cell]:
    name, paper = _title(line.where), line.paper
    text = lambda column, words, grey=False: Cell(
        name, "", column, unit="text", text=words, grey=grey
    )  # noqa: E731
    return [
        Cell(name, "", OURS, line.value, line.low, line.high),
        text(PAPER, f"{paper.percent} [{paper.status}]", not paper.decides)
        if paper
        else text(PAPER, "–"),
        Cell(name, "", DIFFERENCE, line.difference, unit="points", grey=not line.target[1]),
        text(OTHERS, ", ".join(map(_other, line.others)) or "–"),
        text(RANGE, _range(line)),
        text(PLACE, line.place, not line.deciding),
    ]


def _other(found: Print) -> str:
    """What may not decide stands in brackets, with the reason."""
    words = f"{found.source} {found.percent} [{found.status}]"
    return (
        words if found.decides else f"({words}{f', {found.set_aside}' if found.set_aside else ''})"
    )


def _range(line: Comparison) -> str:
    if line.span is None:
        return "–"
    low, high = (f"{100 * value:.1f}" for value in line.span)
    return f"{low if low == high else f'{low}–{high}'} (n = {len(line.deciding)})"


def _title(where: Mapping[str, object]) -> str:
    """The coordinates in words."""
    family = "" if where["protocol"] == "own" else f" ({where['protocol']})"
    parts = [_experiment(where), _task(where)]
    parts += ["normalized"] if where["metric"].startswith("normalized") else []
    parts += ["validation images"] if where["split"] == "val" else []
    who = f"{model_title(where['model'])}{family}, {mode(where['training'], where['evaluation']).title}"
    return f"{who}: {', '.join(filter(None, parts))}"


def _experiment(where: Mapping[str, object]) -> str:
    if where["experiment"] == "single_task":
        return "" if where["training"] == "none" else "single task"
    at = "α*" if where["metric"].endswith("_tuned") else f"α = {abs(where['coefficient']):g}"
    return f"{where['experiment'].removeprefix('task_')} at {at}"


def _task(where: Mapping[str, object]) -> str:
    task, source = where["task"], where["sources"]
    if where["experiment"] != "task_negation":
        return "average" if task in ("all", "own") else task_title(task)
    if task == "own":
        return "target, average"
    if task == source:
        return f"target {task_title(task)}"
    return "control, average" if source == "each" else f"control, without {task_title(source)}"
