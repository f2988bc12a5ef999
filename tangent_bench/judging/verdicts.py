"""Verdicts on claims by a rule that was fixed beforehand, with Holm's correction over the claims of one table.

    supported      the Holm interval excludes 0 on the claimed side, and the estimate is at least the threshold in size
    contradicted   it excludes 0 on the other side, or lies within ± the threshold
    undecided      else

Nothing here reads a row: an estimate is a number with its standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.05
POWER = 0.8  # of the minimum detectable effect


@dataclass(frozen=True)
class Estimate:
    """An estimate and the standard errors below and above it (percentile intervals are not symmetric).

    Attributes:
        degrees: of freedom of Student's t; infinite where only images were resampled.
    """

    value: float
    below: float
    above: float
    degrees: float = math.inf

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The interval that misses the truth in a share `level` of cases."""
        reach = self._quantile(1.0 - level / 2.0)
        return self.value - reach * self.below, self.value + reach * self.above

    def p_value(self) -> float:
        """Two-sided, against 0: the smallest level at which the interval excludes 0."""
        error = self.below if self.value > 0 else self.above
        if self.value == 0 or error == 0:
            return float(self.value == 0)
        return 2.0 * self._survival(abs(self.value) / error)

    def detectable(self, level: float = LEVEL) -> float:
        """Size of an effect that is found at this level with probability `POWER`, from the larger error."""
        return (self._quantile(1.0 - level / 2.0) + self._quantile(POWER)) * max(
            self.below, self.above
        )

    def _quantile(self, probability: float) -> float:
        from scipy.stats import norm, t

        return float(
            norm.ppf(probability) if math.isinf(self.degrees) else t.ppf(probability, self.degrees)
        )

    def _survival(self, ratio: float) -> float:
        from scipy.stats import norm, t

        return float(norm.sf(ratio) if math.isinf(self.degrees) else t.sf(ratio, self.degrees))


def combine(parts: Sequence[tuple[float, Estimate]]) -> Estimate:
    """Σ w_i x_i of independent estimates: variances add. The degrees of freedom are the fewest of any part.

    Parts that share images vary together; their difference is then more certain than this says.
    """
    value = sum(weight * part.value for weight, part in parts)
    sides = (
        (w, (part.below, part.above) if w > 0 else (part.above, part.below)) for w, part in parts
    )
    errors = [(weight * low, weight * high) for weight, (low, high) in sides]
    below, above = (math.hypot(*side) for side in zip(*errors, strict=True))
    return Estimate(value, below, above, min(part.degrees for _, part in parts))


def holm(estimates: Sequence[Estimate], level: float = LEVEL) -> list[float]:
    """The level of each estimate's interval in Holm's step-down procedure (Holm 1979).

    The k-th smallest p-value is tested at level / (m − k + 1); from the first that is not below its level on, all keep
    that one.
    """
    order = sorted(range(len(estimates)), key=lambda k: estimates[k].p_value())
    levels, stopped = [level] * len(estimates), 0.0
    for rank, k in enumerate(order):
        levels[k] = stopped or level / (len(estimates) - rank)
        if not stopped and estimates[k].p_value() > levels[k]:
            stopped = levels[k]
    return levels


def verdict(estimate: Estimate, level: float, sign: int, threshold: float) -> str:
    """The rule, with the interval at the level that Holm's procedure gives.

    >>> effect = Estimate(-0.03, 0.005, 0.005)
    >>> verdict(effect, 0.01, -1, 0.01), verdict(effect, 0.01, +1, 0.01)
    ('supported', 'contradicted')
    >>> verdict(Estimate(0.02, 0.015, 0.015), 0.05, +1, 0.01), verdict(Estimate(0.001, 0.002, 0.002), 0.05, +1, 0.01)
    ('undecided', 'contradicted')
    """
    low, high = (sign * end for end in estimate.interval(level)[::sign])
    if low > 0 and sign * estimate.value >= threshold:
        return "supported"
    if high < 0 or (-threshold < low and high < threshold):
        return "contradicted"
    return "undecided"
