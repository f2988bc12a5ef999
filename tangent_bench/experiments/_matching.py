"""Disentanglement at equal single-task accuracy: weak vectors disturb little.

The *level* of a pair of tasks is the accuracy that each vector gives on its own task at α = 1, mean
of the two, in the weakest of the compared (modes, or initialisations). Each is put at the smallest
α, one for both vectors, at which its own accuracy reaches that level: on validation, linear between
the coefficients of addition, again in each replicate. ξ is taken there on test.
Shapes: A coefficients, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from tangent_bench.experiments import ComparisonStudy, Replicates
from tangent_bench.experiments.disentanglement import Pair, size
from tangent_bench.measuring import disentanglement

METRICS = ("matched_disentanglement_error", "matched_coefficient", "matched_accuracy")
ON_VALIDATION = METRICS[1:]  # where they are matched

Compared = TypeVar("Compared", bound=Hashable)


def curve(study: ComparisonStudy, kept: Replicates, kind: str, pair: Pair) -> np.ndarray:
    """What `disentanglement` kept of a pair along the coefficients of addition, [R, A].

    Args:
        study: the comparison.
        kept: replicates of one mode or initialisation.
        kind: "own", the mean accuracy of each vector on its own task, on validation; or "diagonal",
            ξ(α, α) on test.
        pair: of tasks.
    """
    name = "+".join(pair)
    values_AR = [kept[f"{kind}/{name}/{place}"] for place in range(len(study.coefficients))]
    return np.stack(values_AR, axis=-1)


def level(
    study: ComparisonStudy, replicates: Mapping[Compared, Replicates], pair: Pair
) -> np.ndarray:
    """The accuracy at which a pair is compared, [R]: that of the weakest at α = 1."""
    at_one = int(np.argmin(np.abs(study.coefficients - 1.0)))
    own = [curve(study, kept, "own", pair)[:, at_one] for kept in replicates.values()]
    return np.min(own, axis=0)


def matchable(
    study: ComparisonStudy, replicates: Mapping[Compared, Replicates], pair: Pair
) -> bool:
    """Whether all of the compared are below the pair's level untouched (α = 0); by the estimate.

    One that is not would be put at α = 0, where ξ is 0 whatever its vectors do.
    """
    untouched = [curve(study, kept, "own", pair)[0, 0] for kept in replicates.values()]
    return max(untouched) < level(study, replicates, pair)[0]


def matched(
    study: ComparisonStudy, replicates: Mapping[Compared, Replicates], pairs: Sequence[Pair]
) -> dict[Compared, dict[str, np.ndarray]]:
    """`METRICS` of each of the compared, means over pairs, [R].

    They are ξ at equal single-task accuracy, the α where that is, and that accuracy.
    """
    parts: defaultdict[Compared, list[tuple[np.ndarray, ...]]] = defaultdict(list)
    for pair in pairs:
        level_R = level(study, replicates, pair)
        for key, kept in replicates.items():
            own_RA = curve(study, kept, "own", pair)
            error_RA = curve(study, kept, "diagonal", pair)
            at_R = disentanglement.first_reaching(study.coefficients, own_RA, level_R)
            error_R = disentanglement.along(study.coefficients, error_RA, at_R)
            parts[key].append((error_R, at_R, level_R))
    means = {}
    for key, part in parts.items():
        means[key] = dict(zip(METRICS, np.mean(part, axis=0), strict=True))
    return means


def add(
    study: ComparisonStudy,
    metric: str,
    values_R: np.ndarray,
    pairs: Sequence[Pair],
    **coordinates: str,
) -> None:
    """Adds a row of a mean over pairs.

    Args:
        study: the comparison.
        metric: its name.
        values_R: the mean.
        pairs: that it runs over.
        coordinates: of the row, others than the study's own.
    """
    split = "val" if metric in ON_VALIDATION else "test"
    study.add(
        metric,
        values_R,
        sources="each",
        task="all",
        split=split,
        num_samples=size(study, *pairs, split=split),
        **coordinates,
    )
