"""Verdicts on claims: one rule, fixed beforehand, with Holm's correction over several claims.

    supported      the Holm interval excludes 0 on the claimed side,
                   and the estimate is at least as large as the threshold
    contradicted   the interval excludes 0 on the other side, or lies within ± the threshold
    undecided      otherwise

This module reads no rows: an estimate is a number with its standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.05
POWER = 0.8  # of the minimum detectable effect


@dataclass(frozen=True)
class Estimate:
    """An estimate with standard errors below and above it, which differ for a percentile interval.

    Attributes:
        degrees: degrees of freedom of Student's t; infinite where only images were resampled.
    """

    value: float
    below: float
    above: float
    degrees: float = math.inf

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Returns the interval that misses the truth in a share `level` of cases."""
        reach = self._quantile(1.0 - level / 2.0)
        return self.value - reach * self.below, self.value + reach * self.above

    def p_value(self) -> float:
        """Returns the two-sided p-value against 0: the smallest level whose interval excludes 0."""
        error = self.below if self.value > 0 else self.above
        if self.value == 0 or error == 0:
            return float(self.value == 0)
        return 2.0 * self._survival(abs(self.value) / error)

    def detectable(self, level: float = LEVEL) -> float:
        """Returns the effect that this level finds with probability `POWER`.

        The larger of the two errors counts.
        """
        reach = self._quantile(1.0 - level / 2.0) + self._quantile(POWER)
        return reach * max(self.below, self.above)

    def _quantile(self, probability: float) -> float:
        from scipy.stats import norm, t

        if math.isinf(self.degrees):
            return float(norm.ppf(probability))
        return float(t.ppf(probability, self.degrees))

    def _survival(self, ratio: float) -> float:
        from scipy.stats import norm, t

        if math.isinf(self.degrees):
            return float(norm.sf(ratio))
        return float(t.sf(ratio, self.degrees))


def holm(
    estimates: Sequence[Estimate], level: float = LEVEL, num_tests: int | None = None
) -> list[float]:
    """Returns the level of each estimate's interval in Holm's step-down procedure (Holm 1979).

    The k-th smallest p-value is tested at level / (m − k + 1). From the first p-value that is not
    below its level onwards, all estimates keep that level.

    Args:
        estimates: in any order.
        level: familywise error rate.
        num_tests: m; None: as many as there are estimates. Tests that were fixed beforehand and
            have no estimate here count as if nothing had been found.
    """
    num_tests = num_tests or len(estimates)
    assert num_tests >= len(estimates), num_tests
    order = sorted(range(len(estimates)), key=lambda k: estimates[k].p_value())
    levels = [level] * len(estimates)
    stopped = 0.0
    for rank, k in enumerate(order):
        levels[k] = stopped or level / (num_tests - rank)
        if not stopped and estimates[k].p_value() > levels[k]:
            stopped = levels[k]
    return levels


def verdict(estimate: Estimate, level: float, sign: int, threshold: float) -> str:
    """Returns the verdict of the rule, with the interval at Holm's level.

    Args:
        estimate: the estimate of the claim's quantity.
        level: the level that `holm` gives.
        sign: +1 or −1, the side on which the claim puts the estimate.
        threshold: smallest size that counts as support, in the estimate's unit.

    >>> effect = Estimate(-0.03, 0.005, 0.005)
    >>> verdict(effect, 0.01, -1, 0.01), verdict(effect, 0.01, +1, 0.01)
    ('supported', 'contradicted')
    >>> verdict(Estimate(0.02, 0.015, 0.015), 0.05, +1, 0.01)
    'undecided'
    >>> verdict(Estimate(0.001, 0.002, 0.002), 0.05, +1, 0.01)
    'contradicted'
    """
    low, high = (sign * end for end in estimate.interval(level)[::sign])
    if low > 0 and sign * estimate.value >= threshold:
        return "supported"
    if high < 0 or (-threshold < low and high < threshold):
        return "contradicted"
    return "undecided"
