"""Is one method of merging better than another on the same vectors? Paired, with fine-tuning seeds crossed with images.

    d = mean over seeds and tasks of  acc_test(candidate at its α*) − acc_test(baseline at its α*)
    Var d = s²_seed / S + s²_image / n

Each seed selected its α* on validation images, and again in every replicate, so that selection is part of the error.
Verdicts by a rule that was fixed beforehand, in this order:

    same        two one-sided tests place d within ± MARGIN, each at LEVEL / number of candidates
    better      the interval at Holm's level over the candidates lies above 0; worse: below 0
    undecided   else

Both "same" and "better" can hold: a difference that is surely not 0 and surely smaller than half a point. It is "same",
as a real effect within the threshold is no support in `verdicts`; the table marks it. Holm's procedure is over the
candidates, for each line (a task, or all) by itself: the lines of tasks describe, the line "all" decides.

Letters: S seeds, N images, T tasks, R replicates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tangent_bench.judging.verdicts import LEVEL, Estimate, holm

MARGIN = 0.005
LEAST_SEEDS = 5  # with fewer, nothing is said about other seeds
ALL = "all"  # line of the macro average


@dataclass(frozen=True)
class Tuned:
    """What a method reached on test images at the α that each seed selected on validation images.

    Attributes:
        accuracy: task → [S, 1 + R], the estimate and its image replicates, each at the α that it selected itself
            (`replicates/accuracy_tuned/<task>` of `task_addition`).
        coefficients: the selected α of each seed, [S].
        at_edge: number of seeds whose α is the first or last of its grid.
    """

    name: str
    accuracy: Mapping[str, np.ndarray]
    coefficients: Sequence[float] = ()
    at_edge: int = 0


@dataclass(frozen=True)
class Crossed:
    """Components of the variance of a mean over crossed seeds and images, [...] each; see `crossed`."""

    value: np.ndarray
    seeds: np.ndarray
    images: np.ndarray
    interaction: np.ndarray
    variance: np.ndarray
    degrees: np.ndarray

    def estimate(self, *index: int) -> Estimate:
        """One of the differences, with the same standard error on both sides.

        Args:
            index: along the axes of `value`; none where it is a single number.
        """
        error = float(np.sqrt(self.variance[index]))
        return Estimate(float(self.value[index]), error, error, float(self.degrees[index]))


@dataclass(frozen=True)
class Line:
    """One method against the baseline, on one task or all; `level` is Holm's, over `num_candidates`."""

    task: str
    method: str
    baseline: float
    candidate: float
    estimate: Estimate
    level: float
    num_candidates: int

    @property
    def verdict(self) -> str:
        """better, same, worse or undecided: `judge` at this line's level."""
        return judge(self.estimate, self.level, self.num_candidates)


@dataclass(frozen=True)
class Comparison:
    """Lines by candidate, tasks first and the macro average last.

    Attributes:
        at_edge: number of seeds whose α* is the first or last of its grid, by method.
    """

    baseline: str
    lines: tuple[Line, ...]
    num_seeds: int
    at_edge: Mapping[str, int] = field(default_factory=dict)

    @property
    def conditional(self) -> bool:
        """Images alone were resampled: nothing is said about other seeds."""
        return self.num_seeds < LEAST_SEEDS


def compare(
    baseline: Tuned, candidates: Sequence[Tuned], num_units: Mapping[str, int]
) -> Comparison:
    """Every candidate against the baseline, on each task and on their mean.

    Args:
        baseline: what the others are compared with, with the same seeds, tasks and replicates.
        candidates: one or more; Holm's correction is over them.
        num_units: independent test images of each task that the replicates drew from.

    Raises:
        ValueError: methods of different seeds, tasks or replicates; fewer than two independent images; twice one name.
    """
    methods = [baseline, *candidates]
    _check(methods, num_units)
    tasks = list(num_units)
    accuracy = np.array([_with_mean(method, tasks) for method in methods])
    units = np.array([*num_units.values(), min(num_units.values())])
    fits = [crossed(found - accuracy[0], units) for found in accuracy[1:]]
    levels = np.array([holm([fit.estimate(k) for fit in fits]) for k in range(len(units))])
    means = accuracy[..., 0].mean(-1)
    lines = [
        Line(
            t,
            m.name,
            float(means[0, k]),
            float(means[c + 1, k]),
            fits[c].estimate(k),
            levels[k, c],
            len(candidates),
        )
        for c, m in enumerate(candidates)
        for k, t in enumerate([*tasks, ALL])
    ]
    return Comparison(
        baseline.name, tuple(lines), accuracy.shape[2], {m.name: m.at_edge for m in methods}
    )


def _with_mean(method: Tuned, tasks: Sequence[str]) -> np.ndarray:
    """[T + 1, S, 1 + R]; the last is the mean over tasks."""
    found = np.array([method.accuracy[task] for task in tasks])
    return np.concatenate([found, found.mean(0, keepdims=True)])


def crossed(differences: np.ndarray, num_units: np.ndarray | int) -> Crossed:
    """Variance of the mean over crossed seeds and images, from [..., S, 1 + R] estimates and their image replicates.

    With d_sn = μ + a_s + b_n + e_sn the parts are, for independent units n = 1 ... N,

        seeds        variance among seeds / S          →  σ²_a / S + σ²_e / (S N)
        images       that of the mean of seeds         →  σ²_b / N + σ²_e / (S N)
        interaction  that of seeds around their mean   →  σ²_e / (S N)
        variance     seeds + max(images − interaction, 0)

    (images as they come, in place of the difference, would count σ²_e twice). S − 1 degrees of freedom hold only where
    seeds dominate; where images do they reject far less often than LEVEL. Hence Satterthwaite's (1946), which are S − 1
    in the former case and N − 1 in the latter. Fewer than LEAST_SEEDS seeds: images alone, infinite degrees.

    Args:
        differences: of the candidate's accuracy and the baseline's; index 0 of the last axis is the estimate.
        num_units: independent units [...] that were resampled.
    """
    estimates, replicated = differences[..., 0], differences[..., 1:]
    num_seeds, rest = differences.shape[-2], np.asarray(num_units) - 1.0
    mean = replicated.mean(-2)
    unbiased = (rest + 1) / rest  # a bootstrap's variance is that of the population of N units
    images = unbiased * mean.var(-1)
    if num_seeds < LEAST_SEEDS:
        none = np.zeros_like(images)
        return Crossed(
            estimates.mean(-1), none, images, none, images, np.full_like(images, math.inf)
        )
    seeds = estimates.var(-1, ddof=1) / num_seeds
    around = (replicated - mean[..., None, :]).var(-1).sum(-1)
    interaction = unbiased * around / (num_seeds * (num_seeds - 1))
    variance = seeds + np.maximum(images - interaction, 0.0)
    spread = (
        seeds**2 / (num_seeds - 1) + images**2 / rest + interaction**2 / ((num_seeds - 1) * rest)
    )
    degrees = np.divide(variance**2, spread, out=np.full_like(variance, math.inf), where=spread > 0)
    degrees = np.maximum(degrees, num_seeds - 1)  # a sum has no fewer than its scarcest part
    return Crossed(estimates.mean(-1), seeds, images, interaction, variance, degrees)


def judge(estimate: Estimate, level: float = LEVEL, num_candidates: int = 1) -> str:
    """The verdict by the rule above.

    >>> judge(Estimate(0.02, 0.005, 0.005)), judge(Estimate(0.02, 0.02, 0.02)), judge(Estimate(0.003, 0.001, 0.001))
    ('better', 'undecided', 'same')
    """
    low, high = estimate.interval(2.0 * LEVEL / num_candidates)  # two one-sided tests
    if low > -MARGIN and high < MARGIN:
        return "same"
    low, high = estimate.interval(level)
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def text(comparison: Comparison) -> str:
    """A table for a terminal, in points (hundredths of accuracy)."""
    head = [
        "candidate",
        "task",
        comparison.baseline,
        "candidate",
        "difference [interval]",
        "verdict",
        "detectable",
    ]
    cells = [head, *(_cells(line) for line in comparison.lines)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    seeds = f"{comparison.num_seeds} seed{'s' if comparison.num_seeds > 1 else ''}"
    lines.append(
        f"{seeds}{', conditional on these seeds: images alone were resampled' * comparison.conditional}."
    )
    if any("*" in row[5] for row in cells):
        lines.append(f"* not 0, but within ±{100 * MARGIN:g} point.")
    for name, count in comparison.at_edge.items():
        if count:
            of = f"{count} of {comparison.num_seeds}"
            lines.append(
                f"{name}: the best coefficient is at the edge of its grid in {of} seeds; widen the grid."
            )
    return "\n".join(lines)


def _cells(line: Line) -> list[str]:
    low, high = line.estimate.interval(line.level)
    real = "*" * (line.verdict == "same" and not low <= 0 <= high)
    difference = f"{100 * line.estimate.value:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"
    sides = f"{100 * line.baseline:.1f}", f"{100 * line.candidate:.1f}"
    return [line.method, line.task, *sides, difference, line.verdict + real, _detectable(line)]


def _detectable(line: Line) -> str:
    return f"{100 * line.estimate.detectable(line.level):.2f}"


def _check(methods: Sequence[Tuned], num_units: Mapping[str, int]) -> None:
    names = [method.name for method in methods]
    if len(set(names)) < len(names) or len(names) < 2:
        raise ValueError(
            f"Compared are {', '.join(names)}; expected a baseline and candidates of different names."
        )
    if not num_units or min(num_units.values()) < 2:
        raise ValueError(
            f"Independent test images are {dict(num_units)}; expected two or more of at least one task."
        )
    expected = np.shape(next(iter(methods[0].accuracy.values()), ()))
    for method in methods:
        if set(method.accuracy) != set(num_units):
            raise ValueError(
                f"{method.name} has tasks {', '.join(method.accuracy)}, expected {', '.join(num_units)}; evaluate all "
                "methods on the same tasks."
            )
        for task, found in method.accuracy.items():
            if found.shape != expected or found.ndim != 2 or found.shape[1] < 3:
                raise ValueError(
                    f"{method.name}, {task}: accuracies are {found.shape}, expected {expected} (seeds, 1 + replicates)."
                )
