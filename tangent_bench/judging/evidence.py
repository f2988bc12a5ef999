"""From rows to verdicts: estimates each claim by the replicates of its rows, and applies the rule.

Models that differ only in their pre-training seed are one family (`families.py`); `readings` has
the mean over one, with the rule of `components`. A contrast of rows is one of their replicates,
image by image and seed by seed.

Rows without replicates are those of the theory of wide networks alone, whose units are
initialisations: they keep their own interval.

Holm's correction is over the six primary claims, tested or not, and over the secondary ones that
were tested, of one family each. Claims that compare families, and claims whose rows are the same
for all, are counted with the first family.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tangent_bench.judging import readings as joint
from tangent_bench.judging.claims import CLAIMS, PRIMARY, Claim
from tangent_bench.judging.components import LEAST_PRETRAININGS, LEAST_SEEDS, Z
from tangent_bench.judging.families import Family, families, pretraining_seed
from tangent_bench.judging.readings import Reading, weighted
from tangent_bench.judging.verdicts import LEVEL, Estimate, holm, verdict
from tangent_bench.store import replicates

if TYPE_CHECKING:
    import pandas as pd

METHOD = "task_arithmetic"
FEWEST_STEPS = 3  # of the pre-training, the last included, for a rise along it


@dataclass(frozen=True)
class TestedClaim:
    """A claim with what a run says about it.

    Attributes:
        family: the family that the verdict is about; None: all families together.
        level: level of its interval under Holm's procedure; NaN without a test.
        planned: the effect that was to be found four times in five (`components.planned`), at the
            first level of Holm's procedure; NaN of a secondary claim.
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
    planned: float
    num_samples: int
    num_seeds: int
    num_pretrainings: int
    given: str

    @property
    def deciding(self) -> tuple[float, float] | None:
        """The interval at Holm's level of an undecided claim whose plain one excludes 0."""
        if self.verdict != "undecided" or math.isnan(self.level):
            return None
        low, high = self.estimate.interval()
        return None if low <= 0.0 <= high else self.estimate.interval(self.level)


@dataclass(frozen=True)
class Evidence:
    """An estimate, and what stands behind it."""

    estimate: Estimate
    planned: float
    num_samples: int
    num_seeds: int
    num_pretrainings: int = 1


def weigh(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[TestedClaim]:
    """Returns the claims that the rows can test, family by family, in order.

    Args:
        rows: with their replicates (`store/replicates.py`, `attach`).
        claims: those to test.

    Raises:
        ValueError: the rows do not obey the schema, lack replicates, or several of them answer to
            one claim.
    """
    from tangent_bench.store.rows import check

    table = _relevant(check(rows), claims)
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
    read = {("vector_geometry", "norm")}
    for claim in claims:
        read.add((str(claim.rows["experiment"]), str(claim.rows["metric"])))
    found = [pair in read for pair in zip(rows["experiment"], rows["metric"], strict=True)]
    rows = rows.loc[found]
    return rows.loc[rows["method"].isin(["", METHOD]) & (rows["protocol"] == "own")]


def _is_shared(claim: Claim) -> bool:
    """Whether the claim is about all families together."""
    return claim.once or claim.contrast == "sizes"


def _judged(pairs: Sequence[tuple[Claim, Evidence]], family: Family) -> list[TestedClaim]:
    """Gives verdicts on a family's claims, with Holm's correction over primary and others."""
    levels = _levels(pairs)
    return [
        TestedClaim(
            claim,
            None if _is_shared(claim) else family,
            evidence.estimate,
            _word(claim, evidence.estimate, level),
            level,
            evidence.planned if claim.primary else math.nan,
            evidence.num_samples,
            evidence.num_seeds,
            evidence.num_pretrainings,
            _conditions(claim, evidence),
        )
        for (claim, evidence), level in zip(pairs, levels, strict=True)
    ]


def _levels(pairs: Sequence[tuple[Claim, Evidence]]) -> list[float]:
    """Returns the level of each claim's interval, NaN where nothing is tested."""
    levels = [math.nan] * len(pairs)
    for primary, num_tests in ((True, len(PRIMARY)), (False, None)):
        tested = []
        for place, (claim, evidence) in enumerate(pairs):
            if claim.primary == primary and _is_testable(claim, evidence):
                tested.append(place)
        estimates = [pairs[place][1].estimate for place in tested]
        for place, level in zip(tested, holm(estimates, LEVEL, num_tests), strict=True):
            levels[place] = level
    return levels


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
    if claim.once:
        return claim.given
    words = [claim.given]
    if evidence.num_pretrainings == 1:
        words.append("this pre-training")
    elif evidence.num_pretrainings < LEAST_PRETRAININGS:
        words.append("these pre-trainings")
    if evidence.num_seeds < LEAST_SEEDS and claim.rows["training"] != "none":
        words.append("this seed" if evidence.num_seeds == 1 else "these seeds")
    return ", ".join(filter(None, words))


def _evidence(
    table: pd.DataFrame, claim: Claim, family: Family, kin: Sequence[Family]
) -> Evidence | None:
    """Returns what the rows say about a claim, or None if they say nothing."""
    if claim.contrast == "sizes":
        return pooled(_between_sizes(table, claim, kin))
    if claim.once:
        return _of_any_model(table, claim, kin)
    own = table.loc[table["model"].isin(family.models)]
    steps = _steps(own, claim) if claim.contrast == "along" else []
    readings = []
    for model in family.models:
        readings.append(_of_model(own.loc[own["model"] == model], claim, steps))
    return pooled([reading for reading in readings if reading is not None])


def _of_any_model(table: pd.DataFrame, claim: Claim, kin: Sequence[Family]) -> Evidence | None:
    """Returns what the first model's row says: it is the same for all, with its own interval."""
    for family in kin:
        for model in family.models:
            found = _lines(table.loc[table["model"] == model], claim)
            if found:
                return _from_interval(found[0])
    return None


def _from_interval(line: Mapping[str, Any]) -> Evidence:
    value = line["value"]
    estimate = Estimate(value, (value - line["low"]) / Z, (line["high"] - value) / Z)
    return Evidence(estimate, math.nan, line["num_samples"], num_seeds=1)


def _of_model(own: pd.DataFrame, claim: Claim, steps: Sequence[str]) -> Reading | None:
    """Returns what one model's rows say about a claim."""
    if claim.contrast == "along":
        return _along(own, claim, steps)
    here = _reading(own, claim)
    if claim.contrast != "difference":
        return here
    other = _reading(own, claim, **claim.against)
    if here is None or other is None:
        return None
    return weighted([(1.0, here), (-1.0, other)])


def _along(own: pd.DataFrame, claim: Claim, steps: Sequence[str]) -> Reading | None:
    """Returns the fitted rise over the steps of the pre-training."""
    found = [_reading(own, claim, init=init) for init in steps]
    present = [reading for reading in found if reading is not None]
    if len(present) < FEWEST_STEPS:
        return None
    return weighted([*zip(rise(len(present)), present, strict=True)])


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


def _reading(table: pd.DataFrame, claim: Claim, **changed: object) -> Reading | None:
    """Returns what the rows at the claim's coordinates say, a row for each seed."""
    lines = _lines(table, claim, **changed)
    if not lines:
        return None
    kept = replicates.of(table) or replicates.NONE
    by_seed = {}
    num_units = []
    for line in lines:
        name = replicates.name(line)
        if name in kept:
            by_seed[line["seed"]] = kept.around(name, line["value"])
            num_units.append(kept.num_units[name])
        elif math.isnan(line["low"]):
            by_seed[line["seed"]] = np.array([line["value"]])
        else:
            raise ValueError(_missing(name))
    return Reading(by_seed, min(num_units, default=0), max(line["num_samples"] for line in lines))


def _missing(name: str) -> str:
    return (
        f"There are no replicates of the row {name}, by which claims are judged: read rows with "
        f"the {replicates.FILE} beside them, or run the preset again, which makes it."
    )


def _lines(table: pd.DataFrame, claim: Claim, **changed: object) -> list[dict[str, Any]]:
    """Returns the rows at the claim's coordinates, one for each seed, in order of seeds."""
    table = _at(table, {"init": "pretrained", **claim.rows} | changed)
    if "sources" not in claim.rows:
        # Sums of fewer tasks stand beside the sum of all.
        num_terms = table["sources"].str.count(r"\+")
        table = table.loc[num_terms == num_terms.max()]
    if table["seed"].duplicated().any():
        raise ValueError(
            f"{len(table)} rows answer to the claim {claim.text!r}; "
            "expected one of each coordinate and seed."
        )
    return table.sort_values("seed").to_dict("records")


def pooled(readings: Sequence[Reading]) -> Evidence | None:
    """Returns the mean over pre-trainings and seeds, with its error and the planned one."""
    if not readings:
        return None
    units = joint.units(readings)
    estimate = Estimate(float(units[:, 0].mean()), math.nan, math.nan)
    detectable = math.nan
    if units.shape[-1] > 2:  # else there is a row without an interval
        estimate = joint.over_units(readings).estimate()
        detectable = joint.planned(readings).detectable(LEVEL / len(PRIMARY))
    return Evidence(
        estimate,
        detectable,
        num_samples=max(reading.num_samples for reading in readings),
        num_seeds=min(len(reading.by_seed) for reading in readings),
        num_pretrainings=len(readings),
    )


def _between_sizes(table: pd.DataFrame, claim: Claim, kin: Sequence[Family]) -> list[Reading]:
    """Returns the largest family less the smallest, pre-training by pre-training.

    Families that the DAG pre-trained are compared if they have two sizes, otherwise the others.
    """
    families_of_size: dict[tuple[bool, int], list[dict[int | None, Reading]]] = {}
    for family in kin:
        found = _by_pretraining(table, claim, family)
        size = _num_params(table, family)
        if found and size is not None:
            families_of_size.setdefault((family.rebuilt, size), []).append(found)
    for rebuilt in (True, False):
        keys = sorted(key for key in families_of_size if key[0] == rebuilt)
        if len(keys) > 1:
            small = families_of_size[keys[0]]
            large = families_of_size[keys[-1]]
            # This rule cannot choose between several families of one size.
            unique = len(large) == len(small) == 1
            return _larger_less_smaller(large[0], small[0]) if unique else []
    return []


def _by_pretraining(table: pd.DataFrame, claim: Claim, family: Family) -> dict[int | None, Reading]:
    """Returns what the rows of each model of a family say, by pre-training seed."""
    found = {}
    for model in family.models:
        reading = _reading(table.loc[table["model"] == model], claim)
        if reading is not None:
            found[pretraining_seed(model)] = reading
    return found


def _num_params(table: pd.DataFrame, family: Family) -> int | None:
    """Returns the length of the family's vectors, which rows of their norm have as sample size."""
    norms = table.loc[(table["experiment"] == "vector_geometry") & (table["metric"] == "norm")]
    sizes = norms.loc[norms["model"].isin(family.models), "num_samples"]
    return int(sizes.max()) if len(sizes) else None


def _larger_less_smaller(
    large: Mapping[int | None, Reading], small: Mapping[int | None, Reading]
) -> list[Reading]:
    """Returns the difference for each pre-training seed that both have.

    Pre-trainings of one seed see the same pictures in the same order, so they are paired. Without
    a common seed they are independent, and any pairs do: they are taken in order.
    """
    shared = [(large[seed], small[seed]) for seed in large if seed in small]
    pairs = shared or [*zip(large.values(), small.values())]
    differences = [weighted([(1.0, greater), (-1.0, lesser)]) for greater, lesser in pairs]
    return [reading for reading in differences if reading is not None]
