"""The variance of a mean over seeds and test images, which are crossed: one rule for all.

The test images are the same for every seed (crossed, not nested). For a number d, be it a
difference of two methods, a claim's quantity or a mean in a table, seed s and image n give

    d_sn = μ + a_s + b_n + e_sn

so that the error of the images does not shrink with more seeds, and that of the seeds does. The
components come from the bootstrap replicates that every seed has on the same resampled images.

Shapes: S seeds, N independent images, R replicates.
Reference: Satterthwaite 1946, An approximate distribution of estimates of variance components.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tangent_bench.judging.verdicts import Estimate

LEAST_SEEDS = 5  # with fewer, nothing is said about other seeds
LEAST_PRETRAININGS = 3  # likewise, about other pre-trainings
Z = 1.959963984540054  # 97.5 % point of the normal distribution: the rows' intervals are 95 %


@dataclass(frozen=True)
class Crossed:
    """Components of the variance of a mean over crossed seeds and images, [...] each.

    `crossed` has the equations.
    """

    value: np.ndarray
    seeds: np.ndarray
    images: np.ndarray
    interaction: np.ndarray
    variance: np.ndarray
    degrees: np.ndarray

    @property
    def images_share(self) -> np.ndarray:
        """Share of the variance that more seeds would not make smaller; 1 where there is none."""
        none = np.zeros_like(self.variance)
        return 1.0 - np.divide(self.seeds, self.variance, out=none, where=self.variance > 0)

    def estimate(self, *index: int) -> Estimate:
        """Returns one of the means, with the same standard error on both sides.

        Args:
            index: along the axes of `value`; none where it is a single number.
        """
        error = float(np.sqrt(self.variance[index]))
        return Estimate(float(self.value[index]), error, error, float(self.degrees[index]))


def crossed(values: np.ndarray, num_units: np.ndarray | int, least: int = LEAST_SEEDS) -> Crossed:
    """Returns the variance of the mean over crossed seeds and images.

    For independent units n = 1 ... N the parts are

        seeds        variance over seeds / S                   →  σ²_a / S + σ²_e / (S N)
        images       variance over images of the seeds' mean   →  σ²_b / N + σ²_e / (S N)
        interaction  variance of seeds around their mean       →  σ²_e / (S N)
        variance     seeds + max(images − interaction, 0)

    Adding `images` without subtracting the interaction would count σ²_e twice. S − 1 degrees of
    freedom hold only where seeds dominate; where images do, they reject far less often than the
    level says. Hence Satterthwaite's, which are S − 1 in the former case and N − 1 in the latter.
    With fewer than `least` seeds: images alone, infinite degrees.

    Args:
        values: [..., S, 1 + R]; index 0 of the last axis is the estimate, the others are its image
            replicates.
        num_units: independent units [...] that were resampled; one alone says nothing (NaN).
        least: from so many seeds on, their spread is estimated.
    """
    estimates = values[..., 0]
    replicates = values[..., 1:]
    num_seeds = values.shape[-2]
    rest = np.where(np.asarray(num_units) > 1, np.asarray(num_units) - 1.0, np.nan)
    mean = replicates.mean(-2)
    unbiased = (rest + 1) / rest  # a bootstrap's variance is that of the population of N units
    images = unbiased * mean.var(-1)
    if num_seeds < least:
        zero = np.zeros_like(images)
        degrees = np.full_like(images, math.inf)
        return Crossed(estimates.mean(-1), zero, images, zero, images, degrees)
    seeds = estimates.var(-1, ddof=1) / num_seeds
    around = (replicates - mean[..., None, :]).var(-1).sum(-1)
    interaction = unbiased * around / (num_seeds * (num_seeds - 1))
    variance = seeds + np.maximum(images - interaction, 0.0)
    spread = (
        seeds**2 / (num_seeds - 1) + images**2 / rest + interaction**2 / ((num_seeds - 1) * rest)
    )
    degrees = np.divide(variance**2, spread, out=np.full_like(variance, math.inf), where=spread > 0)
    degrees = np.maximum(degrees, num_seeds - 1)  # a sum has no fewer than its scarcest part
    return Crossed(estimates.mean(-1), seeds, images, interaction, variance, degrees)


def planned(first: np.ndarray, num_units: int, found: Crossed, num_seeds: int) -> Estimate:
    """Returns the error that a mean over S seeds may be expected to have, from the first of them.

    Of one seed the images are known, and not how far other seeds lie:

        variance = images of the first seed + variance over seeds / S

    The variance over seeds is the one that was found, where there are enough seeds to find it.
    Until then it is *assumed* to be as large as that of the first seed's images. These hold the
    interaction as well, so that the plan is on the safe side.

    Args:
        first: the first seed's value with its replicates, [1 + R].
        num_units: independent units that were resampled.
        found: the components over all seeds that there are.
        num_seeds: S of the plan; of `found` too, where that has a part of seeds.
    """
    images = float(crossed(first[None], num_units).images)
    seeds = float(found.seeds) if math.isfinite(found.degrees) else images / num_seeds
    variance = seeds + images
    spread = seeds**2 / (num_seeds - 1) + images**2 / (num_units - 1)
    error = math.sqrt(variance)
    return Estimate(float(first[0]), error, error, variance**2 / spread if spread else math.inf)
