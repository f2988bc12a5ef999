"""What the rows of models say, seed by seed, and its mean over seeds and pre-trainings.

Test images are crossed with both; fine-tuning seeds are nested in pre-trainings. So the unit of the
rule of `components` is

    from three pre-trainings on     a pre-training: the mean over its seeds
    otherwise                       a seed: the mean over the pre-trainings, which are given

Shapes: R bootstrap replicates; leading axes [...] are for simulations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tangent_bench.judging import components
from tangent_bench.judging.components import LEAST_PRETRAININGS, LEAST_SEEDS, Crossed, crossed
from tangent_bench.judging.verdicts import Estimate


@dataclass(frozen=True)
class Reading:
    """What the rows of one model say about a claim.

    Attributes:
        by_seed: fine-tuning seed → the value, followed by its replicates, [..., 1 + R].
        num_units: independent units that were resampled.
        num_samples: images behind the value.
    """

    by_seed: Mapping[int, np.ndarray]
    num_units: int
    num_samples: int


def weighted(parts: Sequence[tuple[float, Reading]]) -> Reading | None:
    """Returns Σ w x over readings, image by image, at the seeds that all of them have."""
    readings = [reading for _, reading in parts]
    by_seed = {}
    for seed in _common_seeds(readings):
        terms = [weight * reading.by_seed[seed] for weight, reading in parts]
        by_seed[seed] = np.sum(_cut(terms), axis=0)
    if not by_seed:
        return None
    return Reading(
        by_seed,
        num_units=min(reading.num_units for reading in readings),
        num_samples=max(reading.num_samples for reading in readings),
    )


def _common_seeds(readings: Iterable[Reading]) -> list[int]:
    return sorted(set.intersection(*(set(reading.by_seed) for reading in readings)))


def _cut(values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Cuts values to the replicates that all of them have: those without an interval have none."""
    shortest = min(each.shape[-1] for each in values)
    return [each[..., :shortest] for each in values]


def over_units(readings: Sequence[Reading]) -> Crossed:
    """Returns the components of the mean over pre-trainings and seeds, [...].

    Args:
        readings: of one or more pre-trainings.
    """
    num_units = min(reading.num_units for reading in readings)
    return crossed(units(readings), num_units, _least(readings))


def planned(readings: Sequence[Reading]) -> Estimate:
    """Returns the error that was to be expected from the first seed or pre-training."""
    every = units(readings)
    num_units = min(reading.num_units for reading in readings)
    num = max(len(every), _least(readings))
    return components.planned(every[0], num_units, over_units(readings), num)


def _least(readings: Sequence[Reading]) -> int:
    """From how many units on their spread is estimated."""
    return LEAST_PRETRAININGS if len(readings) >= LEAST_PRETRAININGS else LEAST_SEEDS


def units(readings: Sequence[Reading]) -> np.ndarray:
    """Returns the value of each unit with its replicates, [..., units, 1 + R]."""
    found = []
    seeds = _common_seeds(readings) if len(readings) < LEAST_PRETRAININGS else []
    for seed in seeds:
        found.append(np.mean(_cut([reading.by_seed[seed] for reading in readings]), axis=0))
    if not seeds:
        for reading in readings:
            found.append(np.mean(_cut([*reading.by_seed.values()]), axis=0))
    return np.stack(_cut(found), -2)
