"""From rows to verdicts: each claim's estimate in a run, pooled over seeds, with Holm's correction for each model.

Rows of one model are one family of claims; what compares models, and what is the same for all, belongs to the first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tangent_bench.claims import CLAIMS, Claim
from tangent_bench.verdicts import Estimate, combine, holm, verdict

if TYPE_CHECKING:
    import pandas as pd

METHOD = "task_arithmetic"
FEWEST_STEPS = 3  # of the pre-training, the last included, for a rise along it


@dataclass(frozen=True)
class Tested:
    """A claim with what a run says about it: for one model, or for all together ("").

    Attributes:
        level: of its interval under Holm's procedure.
        num_samples: the images (or points) behind it. num_seeds: the fewest of any row.
    """

    claim: Claim
    model: str
    estimate: Estimate
    verdict: str
    level: float
    num_samples: int
    num_seeds: int
    given: str


@dataclass(frozen=True)
class Found:
    """An estimate, and what stands behind it."""

    estimate: Estimate
    num_samples: int
    num_seeds: int
    given: str = ""


def weigh(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[Tested]:
    """The claims that the rows can test, in order, those of a model together.

    Raises:
        ValueError: the rows do not obey the schema, or several of them answer to one claim.
    """
    from tangent_bench.summary import summarize

    wanted = {claim.rows["experiment"] for claim in claims} | {"vector_geometry"}
    rows = rows[rows["experiment"].isin(wanted) & rows["method"].isin(["", METHOD]) & (rows["protocol"] == "own")]
    table = summarize(rows)
    models = list(dict.fromkeys(table.loc[table["init"] == "pretrained", "model"]))
    out = []
    for model in models:
        first = model == models[0]
        family = [claim for claim in claims if first or not (claim.once or claim.contrast == "sizes")]
        out += _family(table, family, model)
    return out


def _family(table: pd.DataFrame, claims: Iterable[Claim], model: str) -> list[Tested]:
    """The claims about one model, with Holm's correction over those that have an interval."""
    found = [(claim, line) for claim in claims if (line := _find(table, claim, model)) is not None]
    bounded = [line.estimate for _, line in found if not math.isnan(line.estimate.below)]
    levels = iter(holm(bounded))
    return [
        _judge(claim, line, math.nan if math.isnan(line.estimate.below) else next(levels), model)
        for claim, line in found
    ]


def _judge(claim: Claim, found: Found, level: float, model: str) -> Tested:
    said = "undecided" if math.isnan(level) else verdict(found.estimate, level, claim.sign, claim.threshold)
    whose = "" if claim.once or claim.contrast == "sizes" else model
    given = ", ".join(filter(None, [claim.given, "" if claim.once else found.given]))
    return Tested(claim, whose, found.estimate, said, level, found.num_samples, found.num_seeds, given)


def _find(table: pd.DataFrame, claim: Claim, model: str) -> Found | None:
    """What the rows say about a claim, or None if they say nothing."""
    if claim.contrast == "sizes":
        return _sizes(table, claim)
    own = table[table["model"] == model]
    if claim.contrast == "along":
        steps = sorted({i for i in own["init"] if re.fullmatch(r"step-\d+", i)}, key=lambda init: int(init[5:]))
        lines = [line for init in (*steps, "pretrained") if (line := _line(own, claim, init=init)) is not None]
        return _sum(zip(rise(len(lines)), lines, strict=True)) if len(lines) >= FEWEST_STEPS else None
    lines = [_line(own, claim)]
    if claim.contrast == "difference":
        lines.append(_line(own, claim, **claim.against))
    return None if None in lines else _sum(zip((1.0, -1.0), lines, strict=False))


def rise(num: int) -> list[float]:
    """Weights of the fitted rise from the first of `num` equally spaced values to the last (least squares).

    >>> rise(2), rise(3)
    ([-1.0, 1.0], [-1.0, 0.0, 1.0])
    """
    middle = (num - 1) / 2.0
    total = sum((k - middle) ** 2 for k in range(num))
    return [(k - middle) * (num - 1) / total for k in range(num)]


def _line(table: pd.DataFrame, claim: Claim, **changed: object) -> Found | None:
    """The one line of a summary at the claim's coordinates."""
    for column, value in ({"init": "pretrained", **claim.rows} | changed).items():
        table = table[table[column] == value]
    if len(table) > 1 and "sources" not in claim.rows:  # sums of fewer tasks stand beside the sum of all
        table = table[table["sources"].str.count(r"\+") == table["sources"].str.count(r"\+").max()]
    if len(table) == 0:
        return None
    if len(table) > 1:
        raise ValueError(f"{len(table)} rows answer to the claim {claim.text!r}; expected one of each coordinate.")
    line = table.iloc[0]
    return Found(from_line(line), int(line["num_samples"]), int(line["num_seeds"]), _seeds(int(line["num_seeds"])))


def _seeds(num: int) -> str:
    from tangent_bench.summary import MIN_SEEDS

    return "" if num >= MIN_SEEDS else "this seed" if num == 1 else "these seeds"


def from_line(line: pd.Series) -> Estimate:
    """An estimate from a line of `summary.summarize`, whose interval it gives back at 95 %."""
    from tangent_bench.summary import MIN_SEEDS

    degrees = float(line["num_seeds"] - 1) if line["num_seeds"] >= MIN_SEEDS else math.inf
    reach = Estimate(0.0, 1.0, 1.0, degrees).interval()[1]
    below, above = ((line["value"] - line["low"]) / reach, (line["high"] - line["value"]) / reach)
    return Estimate(float(line["value"]), float(below), float(above), degrees)


def _sum(parts: Iterable[tuple[float, Found]]) -> Found:
    parts = list(parts)
    estimate = combine([(weight, found.estimate) for weight, found in parts])
    seeds = min(found.num_seeds for _, found in parts)
    return Found(estimate, max(found.num_samples for _, found in parts), seeds, _seeds(seeds))


def _sizes(table: pd.DataFrame, claim: Claim) -> Found | None:
    """Mean of the largest models less mean of the smallest; models of one size are pre-training seeds of it."""
    sizes = table[(table["experiment"] == "vector_geometry") & (table["metric"] == "norm")]
    of_size: dict[int, list[Found]] = {}
    for model, size in sizes.groupby("model", sort=False)["num_samples"].max().items():
        line = _line(table[table["model"] == model], claim)
        if line is not None:
            of_size.setdefault(int(size), []).append(line)
    if len(of_size) < 2:
        return None
    large, small = (_pool(of_size[size]) for size in (max(of_size), min(of_size)))
    found = _sum([(1.0, large), (-1.0, small)])
    several = min(len(of_size[size]) for size in (max(of_size), min(of_size))) > 1
    given = ", ".join(filter(None, ["" if several else "these pre-trainings", found.given]))
    return Found(found.estimate, found.num_samples, found.num_seeds, given)


def _pool(found: list[Found]) -> Found:
    """Mean over pre-trainings: images are shared, so their error does not shrink; s² / K of the pre-trainings adds."""
    values, num = [f.estimate.value for f in found], len(found)
    mean = sum(values) / num
    spread = sum((v - mean) ** 2 for v in values) / max(num - 1, 1) / num
    below, above = (
        math.sqrt(sum(getattr(f.estimate, side) ** 2 for f in found) / num + spread) for side in ("below", "above")
    )
    degrees = min([f.estimate.degrees for f in found] + ([num - 1.0] if num > 1 else []))
    seeds = min(f.num_seeds for f in found)
    return Found(Estimate(mean, below, above, degrees), max(f.num_samples for f in found), seeds)
