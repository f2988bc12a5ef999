"""From rows to verdicts: each claim's estimate in a run, pooled over seeds, with Holm's correction for each family.

Models that differ in nothing but their pre-training seed are one family (`families.py`). Test images are the same for
all of them (crossed), fine-tuning seeds are nested in pre-trainings: over K of these, x_k each a mean over seeds,

    variance of a mean = s²(x_k) / K + s²_image,  Student's t with K − 1 degrees of freedom.

What compares families, and what is the same for all, belongs to the first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tangent_bench.judging.claims import CLAIMS, Claim
from tangent_bench.judging.families import Family, families, pretraining_seed
from tangent_bench.judging.verdicts import Estimate, combine, holm, verdict

if TYPE_CHECKING:
    import pandas as pd

METHOD = "task_arithmetic"
FEWEST_STEPS = 3  # of the pre-training, the last included, for a rise along it
FEWEST_PRETRAININGS = (
    3  # with fewer their spread is not worth estimating: a claim is conditional on them
)


@dataclass(frozen=True)
class Tested:
    """A claim with what a run says about it: for one family, or for all together (None).

    Attributes:
        level: of its interval under Holm's procedure.
        num_samples: the images (or points) behind it. num_seeds: the fewest of any row. num_pretrainings: of the
            family, those that the rows are about.
    """

    claim: Claim
    family: Family | None
    estimate: Estimate
    verdict: str
    level: float
    num_samples: int
    num_seeds: int
    num_pretrainings: int
    given: str


@dataclass(frozen=True)
class Found:
    """An estimate, and what stands behind it.

    Attributes:
        images: the same value, with the errors that are the test images' alone.
    """

    estimate: Estimate
    images: Estimate
    num_samples: int
    num_seeds: int
    num_pretrainings: int = 1


def weigh(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[Tested]:
    """The claims that the rows can test, in order, those of a family together.

    Raises:
        ValueError: the rows do not obey the schema, or several of them answer to one claim.
    """
    from tangent_bench.judging.pooling import pool

    read = (
        {c.rows["experiment"] for c in claims}
        | {c.paired.get("experiment") for c in claims}
        | {"vector_geometry"}
    )
    rows = rows[
        rows["experiment"].isin(read)
        & rows["method"].isin(["", METHOD])
        & (rows["protocol"] == "own")
    ]
    table = pool(rows)
    kin = families(table.loc[table["init"] == "pretrained", "model"])
    out = []
    for family in kin:
        asked = [claim for claim in claims if family is kin[0] or not _for_all(claim)]
        found = [
            (claim, line)
            for claim in asked
            if (line := _find(table, claim, family, kin)) is not None
        ]
        out += _judged(found, family)
    return out


def _for_all(claim: Claim) -> bool:
    return claim.once or claim.contrast == "sizes"


def _judged(found: Sequence[tuple[Claim, Found]], family: Family) -> list[Tested]:
    """Verdicts on the claims about one family, with Holm's correction over those that are tested."""

    def testable(claim: Claim, line: Found) -> bool:
        return not claim.descriptive and not math.isnan(line.estimate.below)

    levels = iter(holm([line.estimate for claim, line in found if testable(claim, line)]))
    out = []
    for claim, line in found:
        level = next(levels) if testable(claim, line) else math.nan
        said = "descriptive" if claim.descriptive else "undecided"
        said = (
            said
            if math.isnan(level)
            else verdict(line.estimate, level, claim.sign, claim.threshold)
        )
        whose = None if _for_all(claim) else family
        behind = line.num_samples, line.num_seeds, line.num_pretrainings
        out.append(Tested(claim, whose, line.estimate, said, level, *behind, _given(claim, line)))
    return out


def _given(claim: Claim, found: Found) -> str:
    """What the estimate is conditional on."""
    from tangent_bench.judging.pooling import MIN_SEEDS

    if claim.once:
        return claim.given
    many = found.num_pretrainings >= FEWEST_PRETRAININGS
    words = [
        ""
        if many
        else "this pre-training"
        if found.num_pretrainings == 1
        else "these pre-trainings"
    ]
    if found.num_seeds < MIN_SEEDS and claim.rows["training"] != "none":
        words.append("this seed" if found.num_seeds == 1 else "these seeds")
    return ", ".join(filter(None, [claim.given, *words]))


def _find(table: pd.DataFrame, claim: Claim, family: Family, kin: Sequence[Family]) -> Found | None:
    """What the rows say about a claim, or None if they say nothing."""
    if claim.contrast == "sizes":
        return _sizes(table, claim, kin)
    if claim.once:
        lines = (
            _line(table[table["model"] == model], claim) for each in kin for model in each.models
        )
        return next((line for line in lines if line is not None), None)
    own = table[table["model"].isin(family.models)]
    steps = _steps(own, claim) if claim.contrast == "along" else []
    found = [_of_model(own[own["model"] == model], claim, steps) for model in family.models]
    return pooled([line for line in found if line is not None])


def _of_model(own: pd.DataFrame, claim: Claim, steps: Sequence[str]) -> Found | None:
    if claim.contrast == "along":
        lines = [line for init in steps if (line := _line(own, claim, init=init)) is not None]
        return (
            _sum(zip(rise(len(lines)), lines, strict=True)) if len(lines) >= FEWEST_STEPS else None
        )
    if claim.contrast == "value":
        return _line(own, claim)
    if claim.paired and (pair := _line(own, claim, **claim.against, **claim.paired)) is not None:
        return _sum(
            [(-1.0, pair)]
        )  # rows are the other initialisation less this one, on the same resampled images
    lines = [_line(own, claim), _line(own, claim, **claim.against)]
    return None if None in lines else _sum(zip((1.0, -1.0), lines, strict=True))


def _steps(own: pd.DataFrame, claim: Claim) -> list[str]:
    """The steps of the pre-training at which every model that was followed has a row of the claim, the end last."""
    named = re.compile(rf"{claim.course}-(\d+)|pretrained")
    rows = _at(own, claim.rows)
    of_model = rows[rows["init"].str.fullmatch(named)].groupby("model")["init"].agg(set)
    sets = [inits for inits in of_model if "pretrained" in inits and len(inits) >= FEWEST_STEPS]
    return (
        sorted(set.intersection(*sets), key=lambda i: float(named.fullmatch(i)[1] or math.inf))
        if sets
        else []
    )


def rise(num: int) -> list[float]:
    """Weights of the fitted rise from the first of `num` equally spaced values to the last (least squares).

    >>> rise(2), rise(3)
    ([-1.0, 1.0], [-1.0, 0.0, 1.0])
    """
    middle = (num - 1) / 2.0
    total = sum((k - middle) ** 2 for k in range(num))
    return [(k - middle) * (num - 1) / total for k in range(num)]


def _at(table: pd.DataFrame, where: dict) -> pd.DataFrame:
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def _line(table: pd.DataFrame, claim: Claim, **changed: object) -> Found | None:
    """The one line of a pooled table at the claim's coordinates."""
    table = _at(table, {"init": "pretrained", **claim.rows} | changed)
    if (
        len(table) > 1 and "sources" not in claim.rows
    ):  # sums of fewer tasks stand beside the sum of all
        table = table[table["sources"].str.count(r"\+") == table["sources"].str.count(r"\+").max()]
    if len(table) == 0:
        return None
    if len(table) > 1:
        raise ValueError(
            f"{len(table)} rows answer to the claim {claim.text!r}; expected one of each coordinate."
        )
    return from_line(table.iloc[0])


def from_line(line: pd.Series) -> Found:
    """What a line of `summary.pool` says of one model; the interval at 95 % is that of `summary.summarize`."""
    from tangent_bench.judging.pooling import MIN_SEEDS

    value, num = float(line["value"]), int(line["num_seeds"])
    sides = [float(line["image_below"]), float(line["image_above"])]
    seed, degrees = 0.0, math.inf
    if num >= MIN_SEEDS:
        seed, degrees = math.sqrt(line["seed_variance"] / num), num - 1.0
        sides = [0.0 if math.isnan(side) else side for side in sides]
    whole = Estimate(value, *(math.hypot(seed, side) for side in sides), degrees)
    return Found(whole, Estimate(value, *sides), int(line["num_samples"]), num)


def _sum(parts: Iterable[tuple[float, Found]]) -> Found:
    """Σ w x of estimates of one model."""
    parts = list(parts)
    whole, images = (
        combine([(w, getattr(found, kind)) for w, found in parts])
        for kind in ("estimate", "images")
    )
    found = [found for _, found in parts]
    pretrainings = min(f.num_pretrainings for f in found)
    return Found(
        whole,
        images,
        max(f.num_samples for f in found),
        min(f.num_seeds for f in found),
        pretrainings,
    )


def pooled(found: Sequence[Found]) -> Found | None:
    """Mean over pre-trainings; their spread holds that of the fine-tuning seeds, which are nested in them.

    With fewer than `FEWEST_PRETRAININGS` the errors are those of one model: conditional on these pre-trainings.
    """
    num = len(found)
    if num <= 1:
        return found[0] if found else None
    mean = sum(f.estimate.value for f in found) / num
    images = Estimate(mean, *_root_mean_square([f.images for f in found]))
    if num < FEWEST_PRETRAININGS:
        sides, degrees = (
            _root_mean_square([f.estimate for f in found]),
            min(f.estimate.degrees for f in found),
        )
    else:
        spread = sum((f.estimate.value - mean) ** 2 for f in found) / (num - 1) / num
        sides, degrees = (
            [math.hypot(math.sqrt(spread), side) for side in (images.below, images.above)],
            num - 1.0,
        )
    seeds, samples = min(f.num_seeds for f in found), max(f.num_samples for f in found)
    return Found(Estimate(mean, *sides, degrees), images, samples, seeds, num)


def _root_mean_square(estimates: Sequence[Estimate]) -> list[float]:
    """Errors below and above: images are shared, so that a mean over models is no more certain than one."""
    return [
        math.sqrt(sum(getattr(e, side) ** 2 for e in estimates) / len(estimates))
        for side in ("below", "above")
    ]


def _sizes(table: pd.DataFrame, claim: Claim, kin: Sequence[Family]) -> Found | None:
    """The largest family less the smallest: of those that the DAG pre-trained, if they have two sizes, else of others.

    Pre-trainings of one number share their pictures and the order of them, and are compared with one another.
    """
    norms = table[(table["experiment"] == "vector_geometry") & (table["metric"] == "norm")]
    for rebuilt in (True, False):
        of_size: dict[int, list[dict[int | None, Found]]] = {}
        for family in kin:
            found = {
                pretraining_seed(m): _line(table[table["model"] == m], claim) for m in family.models
            }
            lines = {seed: line for seed, line in found.items() if line is not None}
            sizes = norms.loc[norms["model"].isin(family.models), "num_samples"]
            if family.rebuilt == rebuilt and lines and len(sizes):
                of_size.setdefault(int(sizes.max()), []).append(lines)
        if len(of_size) > 1:
            large, small = of_size[max(of_size)], of_size[min(of_size)]
            # which of several families of one size is meant is not for this rule to say
            return (
                _larger_less_smaller(large[0], small[0]) if len(large) == len(small) == 1 else None
            )
    return None


def _larger_less_smaller(large: dict[int | None, Found], small: dict[int | None, Found]) -> Found:
    """Mean difference over the pre-training seeds that both have; of the means, where they share none."""
    if shared := [seed for seed in large if seed in small]:
        return pooled([_sum([(1.0, large[seed]), (-1.0, small[seed])]) for seed in shared])
    return _sum([(1.0, pooled([*large.values()])), (-1.0, pooled([*small.values()]))])
