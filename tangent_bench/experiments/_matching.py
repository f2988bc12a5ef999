"""Disentanglement at equal single-task accuracy: weak vectors disturb little, and so look disentangled.

The *level* of a pair of tasks is the accuracy that each vector gives on its own task at α = 1, mean of the two, in the
weakest of what is compared (modes, or initialisations). Each is put at the smallest α, one for both vectors, at which
its own accuracy reaches that level: on validation, linear between the coefficients of addition, again in each
replicate. ξ is taken there on test.
Shapes: A coefficients, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from tangent_bench.experiments import ComparisonStudy, Replicates
from tangent_bench.experiments.disentanglement import Pair, size
from tangent_bench.measuring import disentanglement

METRICS = ("matched_disentanglement_error", "matched_coefficient", "matched_accuracy")
ON_VALIDATION = METRICS[1:]  # where they are matched

Compared = TypeVar("Compared", bound=Hashable)


def curve(study: ComparisonStudy, others: Replicates, kind: str, pair: Pair) -> np.ndarray:
    """What `disentanglement` kept of a pair along the coefficients of addition, [R, A].

    Args:
        kind: "own", the mean accuracy of each vector on its own task, on validation; or "diagonal", ξ(α, α) on test.
    """
    name = "+".join(pair)
    return np.stack([others[f"{kind}/{name}/{k}"] for k in range(len(study.coefficients))], axis=-1)


def level(study: ComparisonStudy, found: Mapping[Compared, Replicates], pair: Pair) -> np.ndarray:
    """The accuracy at which a pair is compared, [R]: that of the weakest at α = 1."""
    last = int(np.argmin(np.abs(study.coefficients - 1.0)))
    return np.min([curve(study, others, "own", pair)[:, last] for others in found.values()], axis=0)


def matchable(study: ComparisonStudy, found: Mapping[Compared, Replicates], pair: Pair) -> bool:
    """Whether every one is below the pair's level untouched (α = 0); by the estimate.

    One that is there already would be put at α = 0, where ξ is 0 whatever its vectors do.
    """
    untouched = [curve(study, others, "own", pair)[0, 0] for others in found.values()]
    return max(untouched) < level(study, found, pair)[0]


def matched(
    study: ComparisonStudy, found: Mapping[Compared, Replicates], of: Sequence[Pair]
) -> dict[Compared, dict[str, np.ndarray]]:
    """`METRICS`: ξ at equal single-task accuracy, the α where that is, and that accuracy; means over pairs, [R]."""
    parts = {key: [] for key in found}
    for pair in of:
        level_R = level(study, found, pair)
        for key, others in found.items():
            at_R = disentanglement.first_reaching(
                study.coefficients, curve(study, others, "own", pair), level_R
            )
            error_R = disentanglement.along(
                study.coefficients, curve(study, others, "diagonal", pair), at_R
            )
            parts[key].append((error_R, at_R, level_R))
    return {
        key: dict(zip(METRICS, np.mean(part, axis=0), strict=True)) for key, part in parts.items()
    }


def add(
    study: ComparisonStudy, metric: str, values_R: np.ndarray, of: Sequence[Pair], **where: str
) -> None:
    """A row of what these pairs come to."""
    split = "val" if metric in ON_VALIDATION else "test"
    number = size(study, *of, split=split)
    study.add(
        metric, values_R, sources="each", task="all", split=split, num_samples=number, **where
    )
