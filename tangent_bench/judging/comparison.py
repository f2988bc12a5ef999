"""The statistics of a paired comparison of methods, with seeds crossed with test images.

On the same vectors, a candidate is compared with a baseline:

    d = mean over seeds and tasks of  acc_test(candidate at its α*) − acc_test(baseline at its α*)

with the variance that `components` gives. Each seed selects its α* on validation images, and
selects again in every replicate, so that the error includes the selection. The rule of the verdicts
was fixed beforehand. In this order:

    same        two one-sided tests place d within ± MARGIN, each at LEVEL / number of candidates
    better      the interval at Holm's level over the candidates lies above 0; worse: below 0
    undecided   otherwise

Both "same" and "better" can hold, for a difference that is surely not 0 and surely smaller than
half a point. The verdict is then "same", as in `verdicts`, where a real effect within the threshold
is no support; the table marks it. Holm's procedure runs over the candidates of each line (a task,
or all) separately: the lines of tasks describe, the line "all" decides.

Letters: S seeds, N images, T tasks, R replicates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tangent_bench.judging.components import LEAST_SEEDS, crossed
from tangent_bench.judging.verdicts import LEVEL, Estimate, holm

MARGIN = 0.005
ALL = "all"  # line of the macro average


@dataclass(frozen=True)
class Tuned:
    """What a method reached on test images, at the α that each seed selected on validation images.

    Attributes:
        accuracy: task → [S, 1 + R], the estimate and its image replicates, each at the α that it
            selected itself (`replicates/accuracy_tuned/<task>` of `task_addition`).
        coefficients: the selected α of each seed, [S].
        at_edge: number of seeds whose α is the first or last of its grid.
    """

    name: str
    accuracy: Mapping[str, np.ndarray]
    coefficients: Sequence[float] = ()
    at_edge: int = 0


@dataclass(frozen=True)
class ComparisonLine:
    """One method against the baseline, on one task or on all.

    Attributes:
        task: the task, or `ALL`.
        baseline: mean accuracy of the baseline.
        candidate: mean accuracy of the method.
        level: level of the interval in Holm's procedure over the candidates.
        one_sided: level of each of the two one-sided tests of "same", over all candidates.
        images_share: of the variance of the difference, what images make; seeds make the rest.
    """

    task: str
    method: str
    baseline: float
    candidate: float
    estimate: Estimate
    level: float
    num_candidates: int
    one_sided: float = LEVEL
    images_share: float = 0.0

    @property
    def verdict(self) -> str:
        """The verdict at this line's level: better, same, worse or undecided."""
        return judge(self.estimate, self.level, self.num_candidates, self.one_sided)


@dataclass(frozen=True)
class Comparison:
    """Lines by candidate, tasks first and the macro average last.

    Attributes:
        at_edge: number of seeds whose α* is the first or last of its grid, by method.
        num_planned: seeds of the plan of which these are the first (`looks`); 0: there is no plan.
    """

    baseline: str
    lines: tuple[ComparisonLine, ...]
    num_seeds: int
    at_edge: Mapping[str, int] = field(default_factory=dict)
    num_planned: int = 0

    @property
    def conditional(self) -> bool:
        """Whether only images were resampled, so that nothing is said about other seeds."""
        return self.num_seeds < LEAST_SEEDS


def compare(
    baseline: Tuned, candidates: Sequence[Tuned], num_units: Mapping[str, int]
) -> Comparison:
    """Compares every candidate with the baseline, on each task and on their mean.

    Args:
        baseline: the method that the others are compared with.
        candidates: one or more, with the baseline's seeds, tasks and replicates; Holm's
            correction is over them.
        num_units: independent test images of each task that the replicates drew from.

    Raises:
        ValueError: methods of different seeds, tasks or replicates; fewer than two independent
            images; one name twice.
    """
    methods = [baseline, *candidates]
    _check(methods, num_units)
    tasks = list(num_units)
    accuracy_MTSR = np.array([_with_mean(method, tasks) for method in methods])
    units_T = np.array([*num_units.values(), min(num_units.values())])
    fits = [crossed(candidate - accuracy_MTSR[0], units_T) for candidate in accuracy_MTSR[1:]]
    means_MT = accuracy_MTSR[..., 0].mean(-1)
    levels = []
    for k in range(len(units_T)):
        levels.append(holm([fit.estimate(k) for fit in fits]))
    lines = []
    for c, candidate in enumerate(candidates):
        for k, task in enumerate([*tasks, ALL]):
            line = ComparisonLine(
                task=task,
                method=candidate.name,
                baseline=float(means_MT[0, k]),
                candidate=float(means_MT[c + 1, k]),
                estimate=fits[c].estimate(k),
                level=levels[k][c],
                num_candidates=len(candidates),
                images_share=float(fits[c].images_share[k]),
            )
            lines.append(line)
    at_edge = {method.name: method.at_edge for method in methods}
    return Comparison(baseline.name, tuple(lines), accuracy_MTSR.shape[2], at_edge)


def _with_mean(method: Tuned, tasks: Sequence[str]) -> np.ndarray:
    """Returns [T + 1, S, 1 + R]; the last of the first axis is the mean over tasks."""
    accuracy_TSR = np.array([method.accuracy[task] for task in tasks])
    return np.concatenate([accuracy_TSR, accuracy_TSR.mean(0, keepdims=True)])


def judge(
    estimate: Estimate, level: float = LEVEL, num_candidates: int = 1, one_sided: float = LEVEL
) -> str:
    """Returns the verdict by the rule above.

    Args:
        estimate: the difference of candidate and baseline.
        level: Holm's level of its interval.
        num_candidates: number of candidates that share the error rate of "same".
        one_sided: that error rate.

    >>> judge(Estimate(0.02, 0.005, 0.005)), judge(Estimate(0.02, 0.02, 0.02))
    ('better', 'undecided')
    >>> judge(Estimate(0.003, 0.001, 0.001))
    'same'
    """
    low, high = estimate.interval(2.0 * one_sided / num_candidates)  # two one-sided tests
    if low > -MARGIN and high < MARGIN:
        return "same"
    low, high = estimate.interval(level)
    if low > 0:
        return "better"
    return "worse" if high < 0 else "undecided"


def _check(methods: Sequence[Tuned], num_units: Mapping[str, int]) -> None:
    names = [method.name for method in methods]
    if len(set(names)) < len(names) or len(names) < 2:
        raise ValueError(
            f"Compared are {', '.join(names)}; "
            "expected a baseline and candidates of different names."
        )
    if not num_units or min(num_units.values()) < 2:
        raise ValueError(
            f"Independent test images are {dict(num_units)}; "
            "expected two or more of at least one task."
        )
    expected = np.shape(next(iter(methods[0].accuracy.values()), ()))
    for method in methods:
        _check_method(method, num_units, expected)


def _check_method(method: Tuned, tasks: Mapping[str, int], expected: tuple[int, ...]) -> None:
    if set(method.accuracy) != set(tasks):
        raise ValueError(
            f"{method.name} has tasks {', '.join(method.accuracy)}, expected {', '.join(tasks)}; "
            "evaluate all methods on the same tasks."
        )
    for task, accuracy in method.accuracy.items():
        if accuracy.shape != expected or accuracy.ndim != 2 or accuracy.shape[1] < 3:
            raise ValueError(
                f"{method.name}, {task}: accuracies are {accuracy.shape}, "
                f"expected {expected} (seeds, 1 + replicates)."
            )
