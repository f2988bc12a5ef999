"""From rows to verdicts: estimates each claim from a run, pools over seeds, applies Holm's rule.

Models that differ only in their pre-training seed are one family (`families.py`). The test images
are the same for all of them (crossed); fine-tuning seeds are nested in pre-trainings. Over K
pre-trainings, with x_k the mean over the seeds of one,

    variance of a mean = s²(x_k) / K + s²_image,  Student's t with K − 1 degrees of freedom.

Holm's correction is over the claims of one family. Claims that compare families, and claims whose
rows are the same for all, are counted with the first family.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tangent_bench.judging.claims import CLAIMS, Claim
from tangent_bench.judging.families import Family, families, pretraining_seed
from tangent_bench.judging.verdicts import Estimate, combine, holm, verdict

if TYPE_CHECKING:
    import pandas as pd

METHOD = "task_arithmetic"
FEWEST_STEPS = 3  # of the pre-training, the last included, for a rise along it
# With fewer, their spread is not worth estimating: the claim is conditional on them.
FEWEST_PRETRAININGS = 3


@dataclass(frozen=True)
class TestedClaim:
    """A claim with what a run says about it.

    Attributes:
        family: the family that the verdict is about; None: all families together.
        level: level of its interval under Holm's procedure; NaN without a test.
        num_samples: images (or points) behind the estimate.
        num_seeds: the fewest seeds behind any of its rows.
        num_pretrainings: pre-trainings of the family that the rows are about.
        given: what the estimate is conditional on.
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
class Evidence:
    """An estimate, and what stands behind it.

    Attributes:
        images: the same value, with the errors of the test images alone.
    """

    estimate: Estimate
    images: Estimate
    num_samples: int
    num_seeds: int
    num_pretrainings: int = 1


def weigh(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[TestedClaim]:
    """Returns the claims that the rows can test, family by family, in order.

    Raises:
        ValueError: the rows do not obey the schema, or several of them answer to one claim.
    """
    from tangent_bench.judging.pooling import pool

    table = pool(_relevant(rows, claims))
    kin = families(table.loc[table["init"] == "pretrained", "model"])
    tested = []
    for family in kin:
        pairs = []
        for claim in claims:
            if _is_shared(claim) and family is not kin[0]:
                continue
            evidence = _evidence(table, claim, family, kin)
            if evidence is not None:
                pairs.append((claim, evidence))
        tested += _judged(pairs, family)
    return tested


def _relevant(rows: pd.DataFrame, claims: Sequence[Claim]) -> pd.DataFrame:
    """Selects the rows that the claims read, of task arithmetic and of our own checkpoints."""
    experiments = ["vector_geometry"]
    for claim in claims:
        experiments += [claim.rows["experiment"], claim.paired.get("experiment")]
    read = rows["experiment"].isin(experiments)
    return rows.loc[read & rows["method"].isin(["", METHOD]) & (rows["protocol"] == "own")]


def _is_shared(claim: Claim) -> bool:
    """Whether the claim is about all families together."""
    return claim.once or claim.contrast == "sizes"


def _judged(pairs: Sequence[tuple[Claim, Evidence]], family: Family) -> list[TestedClaim]:
    """Gives verdicts on a family's claims, with Holm's correction over those that are tested."""
    testable = [_is_testable(claim, evidence) for claim, evidence in pairs]
    estimates = [pair[1].estimate for pair, tested in zip(pairs, testable) if tested]
    holm_levels = iter(holm(estimates))
    levels = [next(holm_levels) if tested else math.nan for tested in testable]
    return [
        TestedClaim(
            claim,
            None if _is_shared(claim) else family,
            evidence.estimate,
            _word(claim, evidence.estimate, level),
            level,
            evidence.num_samples,
            evidence.num_seeds,
            evidence.num_pretrainings,
            _conditions(claim, evidence),
        )
        for (claim, evidence), level in zip(pairs, levels)
    ]


def _is_testable(claim: Claim, evidence: Evidence) -> bool:
    """Whether the claim could be turned down, and its estimate has an interval."""
    return not claim.descriptive and not math.isnan(evidence.estimate.below)


def _word(claim: Claim, estimate: Estimate, level: float) -> str:
    if claim.descriptive:
        return "descriptive"
    if math.isnan(level):
        return "undecided"
    return verdict(estimate, level, claim.sign, claim.threshold)


def _conditions(claim: Claim, evidence: Evidence) -> str:
    """Says what the estimate is conditional on."""
    from tangent_bench.judging.pooling import MIN_SEEDS

    if claim.once:
        return claim.given
    words = [claim.given]
    if evidence.num_pretrainings == 1:
        words.append("this pre-training")
    elif evidence.num_pretrainings < FEWEST_PRETRAININGS:
        words.append("these pre-trainings")
    if evidence.num_seeds < MIN_SEEDS and claim.rows["training"] != "none":
        words.append("this seed" if evidence.num_seeds == 1 else "these seeds")
    return ", ".join(filter(None, words))


def _evidence(
    table: pd.DataFrame, claim: Claim, family: Family, kin: Sequence[Family]
) -> Evidence | None:
    """Returns what the rows say about a claim, or None if they say nothing."""
    if claim.contrast == "sizes":
        return _between_sizes(table, claim, kin)
    if claim.once:
        return _of_any_model(table, claim, kin)
    own = table.loc[table["model"].isin(family.models)]
    steps = _steps(own, claim) if claim.contrast == "along" else []
    replicates = [
        _of_model(own.loc[own["model"] == model], claim, steps) for model in family.models
    ]
    present = [evidence for evidence in replicates if evidence is not None]
    return pooled(present) if present else None


def _of_any_model(table: pd.DataFrame, claim: Claim, kin: Sequence[Family]) -> Evidence | None:
    """Returns the first model's evidence: the rows are the same for all."""
    for family in kin:
        for model in family.models:
            evidence = _line(table.loc[table["model"] == model], claim)
            if evidence is not None:
                return evidence
    return None


def _of_model(own: pd.DataFrame, claim: Claim, steps: Sequence[str]) -> Evidence | None:
    """Returns what one model's rows say about a claim."""
    if claim.contrast == "along":
        return _along(own, claim, steps)
    if claim.contrast == "value":
        return _line(own, claim)
    if claim.paired:
        pair = _line(own, claim, **claim.against, **claim.paired)
        if pair is not None:
            # The row is the other initialisation less this one, on the same resampled images.
            return _sum([(-1.0, pair)])
    here = _line(own, claim)
    other = _line(own, claim, **claim.against)
    if here is None or other is None:
        return None
    return _sum([(1.0, here), (-1.0, other)])


def _along(own: pd.DataFrame, claim: Claim, steps: Sequence[str]) -> Evidence | None:
    """Returns the fitted rise over the steps of the pre-training."""
    lines = [_line(own, claim, init=init) for init in steps]
    present = [line for line in lines if line is not None]
    if len(present) < FEWEST_STEPS:
        return None
    return _sum(zip(rise(len(present)), present, strict=True))


def _steps(own: pd.DataFrame, claim: Claim) -> list[str]:
    """Returns the steps at which every model that was followed has a row, the last step last."""
    rows = _at(own, claim.rows)
    named = rows["init"].str.fullmatch(re.compile(rf"{claim.course}-(\d+)|pretrained"))
    courses = []
    for _, followed in rows.loc[named].groupby("model"):
        inits = set(followed["init"])
        if "pretrained" in inits and len(inits) >= FEWEST_STEPS:
            courses.append(inits)
    return sorted(set.intersection(*courses), key=_step_number) if courses else []


def _step_number(init: str) -> float:
    return math.inf if init == "pretrained" else float(init.rpartition("-")[2])


def rise(num: int) -> list[float]:
    """Returns the weights of a fitted rise (least squares).

    They give the rise from the first of `num` equally spaced values to the last.

    >>> rise(2), rise(3)
    ([-1.0, 1.0], [-1.0, 0.0, 1.0])
    """
    middle = (num - 1) / 2.0
    total = math.fsum((k - middle) ** 2 for k in range(num))
    return [(k - middle) * (num - 1) / total for k in range(num)]


def _at(table: pd.DataFrame, coordinates: Mapping[str, object]) -> pd.DataFrame:
    for column, value in coordinates.items():
        table = table.loc[table[column] == value]
    return table


def _line(table: pd.DataFrame, claim: Claim, **changed: object) -> Evidence | None:
    """Returns the one line of a pooled table at the claim's coordinates, if there is one."""
    table = _at(table, {"init": "pretrained", **claim.rows} | changed)
    if len(table) > 1 and "sources" not in claim.rows:
        # Sums of fewer tasks stand beside the sum of all.
        num_terms = table["sources"].str.count(r"\+")
        table = table.loc[num_terms == num_terms.max()]
    if len(table) == 0:
        return None
    if len(table) > 1:
        raise ValueError(
            f"{len(table)} rows answer to the claim {claim.text!r}; "
            "expected one of each coordinate."
        )
    return from_line(table.iloc[0].to_dict())


def from_line(line: Mapping[str, Any]) -> Evidence:
    """Returns what a line of `pooling.pool`, by column, says of one model.

    Its interval at 95 % is that of `pooling.summarize`.
    """
    from tangent_bench.judging.pooling import MIN_SEEDS

    value = float(line["value"])
    num_seeds = int(line["num_seeds"])
    below = float(line["image_below"])
    above = float(line["image_above"])
    seed = 0.0
    degrees = math.inf
    if num_seeds >= MIN_SEEDS:
        seed = math.sqrt(line["seed_variance"] / num_seeds)
        degrees = num_seeds - 1.0
        below = 0.0 if math.isnan(below) else below
        above = 0.0 if math.isnan(above) else above
    estimate = Estimate(value, math.hypot(seed, below), math.hypot(seed, above), degrees)
    images = Estimate(value, below, above)
    return Evidence(estimate, images, int(line["num_samples"]), num_seeds)


def _sum(parts: Iterable[tuple[float, Evidence]]) -> Evidence:
    """Returns Σ w x over the evidence of one model."""
    parts = list(parts)
    terms = [evidence for _, evidence in parts]
    return Evidence(
        estimate=combine([(weight, evidence.estimate) for weight, evidence in parts]),
        images=combine([(weight, evidence.images) for weight, evidence in parts]),
        num_samples=max(evidence.num_samples for evidence in terms),
        num_seeds=min(evidence.num_seeds for evidence in terms),
        num_pretrainings=min(evidence.num_pretrainings for evidence in terms),
    )


def pooled(replicates: Sequence[Evidence]) -> Evidence:
    """Returns the mean over one or more pre-trainings.

    Their spread contains that of the fine-tuning seeds, which are nested in them. With fewer than
    `FEWEST_PRETRAININGS` the errors are those of one model: conditional on these pre-trainings.
    """
    num = len(replicates)
    if num == 1:
        return replicates[0]
    estimates = [evidence.estimate for evidence in replicates]
    mean = math.fsum(estimate.value for estimate in estimates) / num
    images = _with_shared_images(mean, [evidence.images for evidence in replicates])
    if num < FEWEST_PRETRAININGS:
        estimate = _with_shared_images(mean, estimates)
    else:
        variance = math.fsum((each.value - mean) ** 2 for each in estimates) / (num - 1) / num
        spread = math.sqrt(variance)
        below = math.hypot(spread, images.below)
        estimate = Estimate(mean, below, math.hypot(spread, images.above), num - 1.0)
    return Evidence(
        estimate,
        Estimate(mean, images.below, images.above),
        num_samples=max(evidence.num_samples for evidence in replicates),
        num_seeds=min(evidence.num_seeds for evidence in replicates),
        num_pretrainings=num,
    )


def _with_shared_images(mean: float, estimates: Sequence[Estimate]) -> Estimate:
    """Returns the mean with root mean square errors and the fewest degrees of freedom.

    The models share their images, so that a mean over models is no more certain than one.
    """
    num = len(estimates)
    return Estimate(
        mean,
        below=math.sqrt(math.fsum(estimate.below**2 for estimate in estimates) / num),
        above=math.sqrt(math.fsum(estimate.above**2 for estimate in estimates) / num),
        degrees=min(estimate.degrees for estimate in estimates),
    )


def _between_sizes(table: pd.DataFrame, claim: Claim, kin: Sequence[Family]) -> Evidence | None:
    """Returns the largest family less the smallest.

    Families that the DAG pre-trained are compared if they have two sizes, otherwise the others.
    """
    families_of_size: dict[tuple[bool, int], list[dict[int | None, Evidence]]] = {}
    for family in kin:
        lines = _by_pretraining(table, claim, family)
        size = _num_params(table, family)
        if lines and size is not None:
            families_of_size.setdefault((family.rebuilt, size), []).append(lines)
    for rebuilt in (True, False):
        keys = sorted(key for key in families_of_size if key[0] == rebuilt)
        if len(keys) > 1:
            small = families_of_size[keys[0]]
            large = families_of_size[keys[-1]]
            # This rule cannot choose between several families of one size.
            unique = len(large) == len(small) == 1
            return _larger_less_smaller(large[0], small[0]) if unique else None
    return None


def _by_pretraining(
    table: pd.DataFrame, claim: Claim, family: Family
) -> dict[int | None, Evidence]:
    """Returns the evidence of each model of a family, by pre-training seed."""
    lines = {}
    for model in family.models:
        line = _line(table.loc[table["model"] == model], claim)
        if line is not None:
            lines[pretraining_seed(model)] = line
    return lines


def _num_params(table: pd.DataFrame, family: Family) -> int | None:
    """Returns the length of the family's vectors, which rows of their norm have as sample size."""
    norms = table.loc[(table["experiment"] == "vector_geometry") & (table["metric"] == "norm")]
    sizes = norms.loc[norms["model"].isin(family.models), "num_samples"]
    return int(sizes.max()) if len(sizes) else None


def _larger_less_smaller(
    large: Mapping[int | None, Evidence], small: Mapping[int | None, Evidence]
) -> Evidence:
    """Returns the mean difference over the pre-training seeds that both have.

    Pre-trainings of one seed see the same pictures in the same order, so they are paired. Without
    a common seed the difference is that of the means.
    """
    shared = [seed for seed in large if seed in small]
    if shared:
        return pooled([_sum([(1.0, large[seed]), (-1.0, small[seed])]) for seed in shared])
    return _sum([(1.0, pooled([*large.values()])), (-1.0, pooled([*small.values()]))])
