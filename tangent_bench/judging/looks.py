"""Verdicts while seeds are still to come: looks at the first k of the K seeds of a plan.

With fewer than `LEAST_SEEDS` an interval is conditional on its seeds (`components`). Such a look
says nothing about others, and ends nothing. From then on a look may end the run, and whoever looks
often at the whole level finds too much. Each look has a part of it (Lan and DeMets 1983): of a
one-sided test of level a, after k seeds

    a(t) = 2 − 2 Φ(z / √t),   t = k / K,   z the 1 − a/2 point of the normal distribution

is spent, which is little early (O'Brien and Fleming 1979) and a at the end. The bound c_k of a look
is that of a Brownian motion at its time:

    P(Z_j < c_j for all j < k, Z_k ≥ c_k) = a(t_k) − a(t_{k−1}),   Cov(Z_j, Z_k) = √(t_j / t_k)

and is used as the level 1 − Φ(c_k) of Student's t (Jennison and Turnbull 2000, 4.4). So the levels
are fixed by K alone, before any seed. Two things make up for what is not known then:

- All seeds see the same images, and so Cov(d_j, d_k) = Var(d_k) of the means after j < k seeds:
  looks have the times Var(d_K) / Var(d_k), which are k/K where seeds make the variance and 1 where
  images do. The last look has what is left of a at the times of the components that were found.
- Satterthwaite's degrees are uncertain, and small levels are exceeded for it. A look that is not
  the last has the fewest that there can be, k − 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from tangent_bench.judging.comparison import ALL, Comparison, ComparisonLine
from tangent_bench.judging.components import LEAST_SEEDS
from tangent_bench.judging.outcomes import Place
from tangent_bench.judging.verdicts import LEVEL

NODES = 400  # of the integrals over paths
REACH = 8.0  # standard deviations beyond which no path goes
MOST_IMAGES = 0.95  # share of the images from which on looks are as good as one


@cache
def levels(num_seeds: int, level: float = LEVEL) -> Mapping[int, float]:
    """Returns number of seeds → level of the interval at that look, for all looks that may end.

    The last is that of seeds which make all the variance (`last_level`).

    Args:
        num_seeds: K of the plan.
        level: of the two-sided test over all looks.

    >>> levels(5)
    {5: 0.05}
    >>> {count: round(at_look, 4) for count, at_look in levels(7).items()}
    {5: 0.016, 6: 0.0263, 7: 0.04}
    """
    if num_seeds == LEAST_SEEDS:
        return {LEAST_SEEDS: level}
    counts = range(LEAST_SEEDS, num_seeds + 1)
    ends = bounds([count / num_seeds for count in counts], level / 2.0)
    return {count: 2.0 * _beyond(end) for count, end in zip(counts, ends, strict=True)}


def last_level(num_seeds: int, images_share: float, level: float = LEVEL) -> float:
    """Returns the level of the last look: all that the looks before it have left.

    Args:
        num_seeds: K of the plan.
        images_share: of the variance after all seeds, as it was found.
        level: of the two-sided test over all looks.

    >>> round(last_level(7, 0.0), 4), round(last_level(7, 1.0), 3), last_level(5, 0.3)
    (0.04, 0.05, 0.05)
    """
    share = min(images_share, MOST_IMAGES)
    paths = _start()
    for count, at_look in levels(num_seeds, level).items():
        if count == num_seeds:
            break
        time = 1.0 / ((1.0 - share) * num_seeds / count + share)
        paths = paths.below(_end(at_look / 2.0) * math.sqrt(time), time)
    if paths.time == 0.0:
        return level
    spent = 1.0 - float(paths.masses.sum())
    return 2.0 * _beyond(paths.bound(1.0, level / 2.0 - spent))


def bounds(times: Sequence[float], level: float) -> list[float]:
    """Returns c_k for each time, in standard deviations.

    Args:
        times: t_k of the looks, ascending, the last one 1.
        level: a of the one-sided test over all looks.
    """
    found = []
    spent = 0.0
    paths = _start()
    for time in times:
        due = 2.0 * _beyond(_end(level / 2.0) / math.sqrt(time))  # a(t)
        end = paths.bound(time, due - spent)
        paths = paths.below(end, time)
        found.append(end / math.sqrt(time))
        spent = due
    return found


def _beyond(end: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(-end))


def _end(probability: float) -> float:
    """The number beyond which a normal variable lies with this probability."""
    from scipy.special import ndtri

    return -float(ndtri(probability))


@dataclass(frozen=True)
class _Paths:
    """The paths of a Brownian motion that have crossed no bound yet.

    Attributes:
        time: at which they are looked at.
        places: [n], where they are.
        masses: [n], with which probability.
    """

    time: float
    places: np.ndarray
    masses: np.ndarray

    def bound(self, time: float, probability: float) -> float:
        """Returns the bound that paths will lie above at a later time with this probability."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        step = math.sqrt(time - self.time)

        def too_many(bound: float) -> float:
            return float(self.masses @ ndtr((self.places - bound) / step)) - probability

        root: Any = brentq(too_many, -REACH, REACH)  # its type is another one if it is asked more
        return float(root)

    def below(self, bound: float, time: float) -> _Paths:
        """Returns the paths that lie below a bound at a later time."""
        nodes, weights = _nodes()
        half = (bound + REACH) / 2.0
        places = bound - half * (1.0 - nodes)
        step = math.sqrt(time - self.time)
        moved = (places[:, None] - self.places) / step
        density = np.exp(-(moved**2) / 2.0) @ self.masses / (step * math.sqrt(2.0 * math.pi))
        return _Paths(time, places, half * weights * density)


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Legendre's rule on [−1, 1], [n] each."""
    return np.polynomial.legendre.leggauss(NODES)


def _start() -> _Paths:
    """All paths, at 0."""
    return _Paths(0.0, np.zeros(1), np.ones(1))


def at(found: Comparison, num_planned: int) -> Comparison:
    """Returns a comparison of one candidate at the levels of its look.

    The line over all tasks decides, and has them. Lines of tasks describe, and keep theirs.

    Args:
        found: of the first seeds.
        num_planned: K, the seeds of the plan.
    """
    found = replace(found, num_planned=num_planned)
    if found.conditional:
        return found
    lines = []
    for line in found.lines:
        lines.append(_at(line, found.num_seeds, num_planned) if line.task == ALL else line)
    return replace(found, lines=tuple(lines))


def _at(line: ComparisonLine, num_seeds: int, num_planned: int) -> ComparisonLine:
    assert line.num_candidates == 1, line
    both = 2.0 * LEVEL  # "same" is two one-sided tests
    if num_seeds == num_planned:
        level = last_level(num_planned, line.images_share)
        outer = last_level(num_planned, line.images_share, both)
        return replace(line, level=level, one_sided=outer / 2.0)
    level = levels(num_planned)[num_seeds]
    outer = levels(num_planned, both)[num_seeds]
    degrees = min(line.estimate.degrees, num_seeds - 1.0)
    estimate = replace(line.estimate, degrees=degrees)
    return replace(line, estimate=estimate, level=level, one_sided=outer / 2.0)


def is_decided(found: Comparison) -> bool:
    """Returns whether a look has a verdict that holds for other seeds as well."""
    verdicts = [line.verdict for line in found.lines if line.task == ALL]
    return not found.conditional and "undecided" not in verdicts


def onwards(
    before: Mapping[Place, Comparison], now: Mapping[Place, Comparison], num_planned: int
) -> dict[Place, Comparison]:
    """Returns what is known after one more look: a place that was decided stays as it was then.

    Args:
        before: what was known after the look before.
        now: the comparisons of this look, at any level.
        num_planned: the seeds of the plan.
    """
    kept = {place: found for place, found in before.items() if is_decided(found)}
    return {place: at(found, num_planned) for place, found in now.items()} | kept
