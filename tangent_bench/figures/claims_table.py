"""The paper's claims, one a row: what was estimated, the estimate, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._cells import Cell, cells
from tangent_bench.figures._entities import model_title
from tangent_bench.figures._select import need
from tangent_bench.judging import gains
from tangent_bench.judging.claims import BEYOND_SCALE, CLAIMS, PRIMARY, Claim

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
other side, or lies within that threshold of 0. *Undecided*: anything else. *Descriptive*:
‖f − f_lin‖ / ‖f − f_0‖ measures a size; it is 0 for no finite network, so no run could
contradict it. *No gain to share*: the interval of single-task minus zero-shot accuracy holds 0,
so a share of this difference has no meaning.

Six claims are *primary*, and stand first; all others are *secondary*. Verdicts use
Holm-corrected intervals, over the six or over the secondary claims that were tested for one
family. The table prints uncorrected 95 % intervals; *Deciding* is the corrected interval of a
claim that is undecided although the uncorrected one excludes 0. *Detectable* is the smallest
effect that this run would find with 80 % power. *Planned* is the detectable effect as computed
before the other seeds were run, from the images of the first seed (or pre-training), at the
strictest level of the correction over the six. It is for five seeds (three pre-trainings), or
as many as there are, with the variance that was found; where there are fewer, their variance is
assumed to be as large as that of the images.

A *family* is a model, or the pre-trainings of one architecture that differ in their seed. Test
images are the same for all seeds and pre-trainings (crossed with them), and fine-tuning seeds
are nested in pre-trainings. With three or more pre-trainings an estimate is their mean, else it
is that over fine-tuning seeds; its variance is that over pre-trainings (or seeds) plus what the
images add to it, from bootstrap replicates of each on the same images, with Satterthwaite's
degrees of freedom. Every difference (of modes, initialisations, steps of a pre-training, sizes)
is one of replicates, image by image. Sizes are compared pre-training by pre-training of the
same seed, which saw the same pictures in the same order. Each verdict holds for what its last
column names: with fewer than five seeds of one pre-training the interval is over images alone,
conditional on these seeds.
""",
)
ESTIMATE = "Estimate [95 %]"
VERDICT = "Verdict"
DECIDING = "Deciding"
RANK = "Rank"
RANKS = ("primary", "secondary")
COLUMNS = (  # on a telephone the first two are all that is seen at once
    VERDICT,
    ESTIMATE,
    DECIDING,
    RANK,
    "Quantity",
    "Paper",
    "Detectable",
    "Planned",
    "n",
    "Conditional on",
)
NOT_RUN = "not tested in this run"
NOT_DEFINED = "no gain to share"
NOT_HERE = "not tested at this scale"


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns cells: a row for each claim, the six primary ones first, then the others.

    Several families of models have a row each. Secondary claims that were not tested stand last.

    Args:
        rows: with their replicates (`store/replicates.py`).

    Raises:
        ValueError: rows of task addition are missing, or replicates.
    """
    from tangent_bench.judging.evidence import weigh

    need(rows, *FIGURE.reads)
    lines = weigh(gains.defined(rows))
    undefined = {line.claim.text for line in weigh(rows)}
    several = len({line.family for line in lines} - {None}) > 1
    items = []
    for claim in PRIMARY:
        own = [line for line in lines if line.claim is claim]
        for line in own:
            items += _tested(line, several)
        if not own:
            items += _untested(claim, undefined)
    for line in lines:
        if not line.claim.primary:
            items += _tested(line, several)
    tested = {line.claim.text for line in lines}
    rest = [claim for claim in CLAIMS if not claim.primary and claim.text not in tested]
    for claim in sorted(rest, key=lambda claim: claim.text not in undefined):
        items += _untested(claim, undefined)
    for text, place in BEYOND_SCALE:
        estimate = Cell(text, "", ESTIMATE, unit="points")
        items += _row(estimate, {"Paper": place, VERDICT: NOT_HERE})
    return cells(items)


def brief(table: pd.DataFrame) -> pd.DataFrame:
    """Returns what fits a terminal: estimates and verdicts of the primary claims.

    Args:
        table: the cells of `build`.
    """
    items = []
    for row in _of_rank(table, RANKS[0]):
        verdict = row[VERDICT]
        words = f"{verdict.text} {row[DECIDING].text}".strip()
        items += [row[ESTIMATE], verdict._replace(text=words)]
    return cells(items)


def verdicts(table: pd.DataFrame, rank: str) -> list[str]:
    """Returns the verdicts on the claims of a rank that were tested.

    Args:
        table: the cells of `build`.
        rank: one of `RANKS`.
    """
    words = [row[VERDICT].text for row in _of_rank(table, rank)]
    return [word for word in words if word not in (NOT_RUN, NOT_DEFINED)]


def _of_rank(table: pd.DataFrame, rank: str) -> list[dict[str, Cell]]:
    """Returns column → cell of each row about a claim of this rank."""
    rows: dict[str, dict[str, Cell]] = {}
    for found in map(Cell._make, table.itertuples(index=False, name=None)):
        rows.setdefault(found.row, {})[found.column] = found
    return [row for row in rows.values() if row[RANK].text == rank]


def _tested(line: TestedClaim, several: bool) -> list[Cell]:
    claim = line.claim
    name = claim.text
    if several and line.family:
        name = f"{name} ({_family_title(line.family, line.num_pretrainings)})"
    size = ""
    if not math.isnan(line.level):
        size = _size(claim, line.estimate.detectable(line.level))
    deciding = ""
    if line.deciding:
        deciding = f"[{', '.join(_signed(claim, end) for end in line.deciding)}]"
    planned = "" if math.isnan(line.planned) else _size(claim, line.planned)
    low, high = line.estimate.interval()
    estimate = Cell(name, "", ESTIMATE, line.estimate.value, low, high, claim.unit)
    words = {
        VERDICT: line.verdict,
        DECIDING: deciding,
        "Detectable": size,
        "Planned": planned,
        "n": f"{line.num_samples:,}",
        "Conditional on": line.given,
    }
    return _row(estimate, _about(claim) | words)


def _family_title(family: Family, num: int) -> str:
    """Returns the base's title, with the number of pre-trainings if the DAG made them."""
    title = model_title(family.base)
    if not family.rebuilt:
        return title
    return f"{title}, {num} pre-training{'s' * (num > 1)}"


def _untested(claim: Claim, undefined: set[str]) -> list[Cell]:
    estimate = Cell(claim.text, "", ESTIMATE, unit="points")
    why = NOT_DEFINED if claim.text in undefined else NOT_RUN
    return _row(estimate, _about(claim) | {VERDICT: why})


def _row(estimate: Cell, words: Mapping[str, str]) -> list[Cell]:
    """Returns the cells of a row: the estimate, and words in other columns."""
    items = []
    for column in COLUMNS:
        text = words.get(column, "")
        items.append(Cell(estimate.row, "", column, unit="text", text=text))
    items[COLUMNS.index(ESTIMATE)] = estimate
    return items


def _about(claim: Claim) -> dict[str, str]:
    """Returns the words that a claim has whatever came out."""
    quantity = f"{claim.quantity} (points)" if claim.unit == "points" else claim.quantity
    rank = RANKS[0] if claim.primary else RANKS[1]
    return {RANK: rank, "Paper": claim.place, "Quantity": quantity}


def _size(claim: Claim, value: float) -> str:
    return f"{100 * value:.1f}" if claim.unit == "points" else f"{value:.2f}"


def _signed(claim: Claim, value: float) -> str:
    printed = f"{100 * value:+.1f}" if claim.unit == "points" else f"{value:.2f}"
    return printed.replace("-", "−")
