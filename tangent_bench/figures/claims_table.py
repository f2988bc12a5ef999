"""The paper's claims, one a row: what was estimated, the estimate, and the verdict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._cells import Cell, cells
from tangent_bench.figures._entities import model_title
from tangent_bench.figures._select import need
from tangent_bench.judging import gains
from tangent_bench.judging.claims import BEYOND_SCALE, CLAIMS, Claim

if TYPE_CHECKING:
    import pandas as pd

    from tangent_bench.judging.evidence import TestedClaim
    from tangent_bench.judging.families import Family

FIGURE = Figure(
    title="The claims of the paper, and what this run says of them",
    reads=("task_addition",),
    kind="table",
    category="Claims",
    modes=("standard-network",),
    across=True,
    caption="""\
What the paper claims, what this run estimates, and a verdict by a rule that was fixed
beforehand. *Supported*: the interval excludes 0 on the claimed side and the estimate is at
least 1 point (an exponent: the proven ½; an AUROC: 0.05). *Contradicted*: it excludes 0 on the
other side, or lies within that threshold of 0. *Undecided*: else. *Descriptive*: ‖f − f_lin‖ /
‖f − f_0‖ is a measure of size; no finite network would give 0, so there is nothing to turn
down. The verdict takes intervals with Holm's correction over the claims tested for one family;
those printed are 95 % each. *Detectable* is the size of an effect that would be found four
times in five. *No gain to share*: the interval of single-task less zero-shot accuracy holds 0,
so that a share of it is no number.

A *family* is a model, or the pre-trainings of one architecture that differ in their seed. With
three or more of these an estimate is their mean; its variance is s²/K over pre-trainings (which
holds that of the fine-tuning seeds, one set for each) plus that of the test images, which all
share, and Student's t has K − 1 degrees of freedom. Sizes are compared pre-training by
pre-training of the same seed, which saw the same pictures in the same order. Intervals of
differences between modes, and of those to the pre-trained initialisation where a run has
experiment ``pretraining_ablation``, are paired over images; those along pre-training and
between sizes add variances, which is wider than paired ones would be. Each verdict holds for
what its last column names; with fewer than five fine-tuning seeds of one pre-training it is
that of these seeds, whose spread no interval covers.
""",
)
ESTIMATE = "Estimate [95 %]"
VERDICT = "Verdict"
COLUMNS = ("Paper", "Quantity", ESTIMATE, VERDICT, "Detectable", "n", "Conditional on")
NOT_RUN = "not tested in this run"
NOT_DEFINED = "no gain to share"
NOT_HERE = "not tested at this scale"


def build(rows: pd.DataFrame, brief: bool = False) -> pd.DataFrame:
    """Returns cells: a row for each claim, and below them the claims that were not tested.

    Several families of models have a row each.

    With `brief`, only what was tested, with estimate and verdict: what fits a terminal.

    Raises:
        ValueError: rows of task addition are missing.
    """
    from tangent_bench.judging.evidence import weigh

    need(rows, *FIGURE.reads)
    lines = weigh(gains.defined(rows))
    several = len({line.family for line in lines} - {None}) > 1
    items = []
    for line in lines:
        items += _tested(line, several)
    tested = {line.claim.text for line in lines}
    undefined = {line.claim.text for line in weigh(rows)} - tested
    for claim in CLAIMS:
        if claim.text in undefined:
            items += _untested(claim.text, claim.place, _quantity(claim), NOT_DEFINED)
    if brief:
        return cells(item for item in items if item.column in (ESTIMATE, VERDICT))
    for claim in CLAIMS:
        if claim.text not in tested | undefined:
            items += _untested(claim.text, claim.place, _quantity(claim), NOT_RUN)
    for text, place in BEYOND_SCALE:
        items += _untested(text, place, "", NOT_HERE)
    return cells(items)


def _tested(line: TestedClaim, several: bool) -> list[Cell]:
    claim = line.claim
    name = claim.text
    if several and line.family:
        name = f"{name} ({_family_title(line.family, line.num_pretrainings)})"
    size = ""
    if not math.isnan(line.level):
        size = _size(claim, line.estimate.detectable(line.level))
    low, high = line.estimate.interval()
    estimate = Cell(name, "", ESTIMATE, line.estimate.value, low, high, claim.unit)
    after = (line.verdict, size, f"{line.num_samples:,}", line.given)
    return _row(estimate, (claim.place, _quantity(claim)), after)


def _family_title(family: Family, num: int) -> str:
    """Returns the base's title, with the number of pre-trainings if the DAG made them."""
    title = model_title(family.base)
    if not family.rebuilt:
        return title
    return f"{title}, {num} pre-training{'s' * (num > 1)}"


def _untested(text: str, place: str, quantity: str, why: str) -> list[Cell]:
    estimate = Cell(text, "", ESTIMATE, unit="points")
    return _row(estimate, (place, quantity), (why, "", "", ""))


def _row(estimate: Cell, before: tuple[str, ...], after: tuple[str, ...]) -> list[Cell]:
    """Returns the cells of a row: words before the estimate, the estimate, words after it."""
    words = zip(COLUMNS, (*before, "", *after), strict=True)
    items = [Cell(estimate.row, "", column, unit="text", text=text) for column, text in words]
    items[len(before)] = estimate
    return items


def _quantity(claim: Claim) -> str:
    return f"{claim.quantity} (points)" if claim.unit == "points" else claim.quantity


def _size(claim: Claim, value: float) -> str:
    return f"{100 * value:.1f}" if claim.unit == "points" else f"{value:.2f}"
