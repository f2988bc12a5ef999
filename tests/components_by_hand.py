"""The components of variance over crossed seeds and images, by loops over plain floats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, pvariance, variance


def components(
    units: Sequence[Sequence[float]], num_units: int, least: int
) -> tuple[float, float, float]:
    """Mean, standard error and degrees of freedom of the mean over units (seeds, pre-trainings).

    Each unit has its value, followed by its image replicates.
    """
    num = len(units)
    factor = num_units / (num_units - 1)
    replicates = [[float(value) for value in unit[1:]] for unit in units]
    together = [fmean(column) for column in zip(*replicates, strict=True)]
    images = factor * pvariance(together)
    mean = fmean(float(unit[0]) for unit in units)
    if num < least:
        return mean, math.sqrt(images), math.inf
    between = variance([float(unit[0]) for unit in units]) / num
    rest = 0.0
    for unit in replicates:
        rest += pvariance([one - all_ for one, all_ in zip(unit, together, strict=True)])
    interaction = factor * rest / (num * (num - 1))
    total = between + max(images - interaction, 0.0)
    spread = between**2 / (num - 1)
    spread += images**2 / (num_units - 1)
    spread += interaction**2 / ((num - 1) * (num_units - 1))
    return mean, math.sqrt(total), max(total**2 / spread, num - 1.0)
