"""Is one method of merging better than another on the same vectors? Paired, with fine-tuning seeds crossed with images.

    d = mean over seeds and tasks of  acc_test(candidate at its α*) − acc_test(baseline at its α*)
    Var d = s²_seed / S + s²_image / n

Each seed selects its α* on validation images, and again in every replicate, so that selection is part of the error.
Verdicts by a rule that was fixed beforehand, in this order:

    same        two one-sided tests place d within ± MARGIN, each at LEVEL / number of candidates
    better      the interval at Holm's level over the candidates lies above 0; worse: below 0
    undecided   else

Both "same" and "better" can hold: a difference that is surely not 0 and surely smaller than half a point. It is "same",
as a real effect within the threshold is no support in `verdicts`; the table marks it. Holm's procedure is over the
candidates, for each line (a task, or all) by itself: the lines of tasks describe, the line "all" decides.

Letters: S seeds, A coefficients, N images, T tasks, R replicates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tangent_bench import statistics
from tangent_bench.selection import select_addition
from tangent_bench.verdicts import LEVEL, Estimate, holm

MARGIN = 0.005
LEAST_SEEDS = 5  # with fewer, nothing is said about other seeds
ALL = "all"  # line of the macro average
Hits = Sequence[Mapping[str, np.ndarray]]  # [S][task]


@dataclass(frozen=True)
class MethodHits:
    """Which images a method gets right, for each set of vectors and coefficient: val, test [S][task] → bool [A, N]."""

    name: str
    coefficients: np.ndarray
    val: Hits
    test: Hits


@dataclass(frozen=True)
class Images:
    """What the methods share: the unit that each image belongs to, by task [N], and the single-task models' hits.

    Attributes:
        single_val: [S][task] → bool [N]. With them α is selected by mean normalized accuracy, as in `task_addition`;
            without, by mean accuracy.
    """

    val: Mapping[str, np.ndarray]
    test: Mapping[str, np.ndarray]
    single_val: Hits = ()


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


def hits(predictions: Hits, labels: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Predicted classes [S][task] → int [A, N] against labels of each task [N]."""
    return [{task: predicted == labels[task] for task, predicted in seed.items()} for seed in predictions]


def compare(
    baseline: MethodHits, candidates: Sequence[MethodHits], images: Images, replicates: int = 1000
) -> Comparison:
    """Every candidate against the baseline, on each task and on their mean.

    Raises:
        ValueError: methods of different seeds, tasks or images; fewer than two independent images; twice one name.
    """
    methods = [baseline, *candidates]
    _check(methods, images)
    tasks = list(images.test)
    chosen = _chosen(methods, images, replicates)
    accuracy = _on_test(methods, chosen, images, replicates)
    units = np.array([len(np.unique(images.test[t])) for t in tasks])
    fits = [crossed(found - accuracy[0], np.append(units, units.min())) for found in accuracy[1:]]
    levels = np.array([holm([fit.estimate(k) for fit in fits]) for k in range(len(tasks) + 1)])
    means = accuracy[..., 0].mean(-1)
    lines = [
        Line(t, m.name, float(means[0, k]), float(means[c + 1, k]), fits[c].estimate(k), levels[k, c], len(candidates))
        for c, m in enumerate(candidates)
        for k, t in enumerate([*tasks, ALL])
    ]
    edges = {m.name: _at_edge(m, chosen_SR) for m, chosen_SR in zip(methods, chosen)}
    return Comparison(baseline.name, tuple(lines), len(baseline.val), edges)


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
        num_units: independent units [...] that were resampled.
    """
    estimates, replicated = differences[..., 0], differences[..., 1:]
    num_seeds, rest = differences.shape[-2], np.asarray(num_units) - 1.0
    mean = replicated.mean(-2)
    unbiased = (rest + 1) / rest  # a bootstrap's variance is that of the population of N units
    images = unbiased * mean.var(-1)
    if num_seeds < LEAST_SEEDS:
        none = np.zeros_like(images)
        return Crossed(estimates.mean(-1), none, images, none, images, np.full_like(images, math.inf))
    seeds = estimates.var(-1, ddof=1) / num_seeds
    around = (replicated - mean[..., None, :]).var(-1).sum(-1)
    interaction = unbiased * around / (num_seeds * (num_seeds - 1))
    variance = seeds + np.maximum(images - interaction, 0.0)
    spread = seeds**2 / (num_seeds - 1) + images**2 / rest + interaction**2 / ((num_seeds - 1) * rest)
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
    head = ["candidate", "task", comparison.baseline, "candidate", "difference [interval]", "verdict", "detectable"]
    cells = [head, *(_cells(line) for line in comparison.lines)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    seeds = f"{comparison.num_seeds} seed{'s' if comparison.num_seeds > 1 else ''}"
    lines.append(f"{seeds}{', conditional on these seeds: images alone were resampled' * comparison.conditional}.")
    if any("*" in row[5] for row in cells):
        lines.append(f"* not 0, but within ±{100 * MARGIN:g} point.")
    for name, count in comparison.at_edge.items():
        if count:
            of = f"{count} of {comparison.num_seeds}"
            lines.append(f"{name}: the best coefficient is at the edge of its grid in {of} seeds; widen the grid.")
    return "\n".join(lines)


def _cells(line: Line) -> list[str]:
    low, high = line.estimate.interval(line.level)
    real = "*" * (line.verdict == "same" and not low <= 0 <= high)
    difference = f"{100 * line.estimate.value:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"
    sides = f"{100 * line.baseline:.1f}", f"{100 * line.candidate:.1f}"
    return [line.method, line.task, *sides, difference, line.verdict + real, _detectable(line)]


def _detectable(line: Line) -> str:
    return f"{100 * line.estimate.detectable(line.level):.2f}"


def _chosen(methods: Sequence[MethodHits], images: Images, replicates: int) -> list[np.ndarray]:
    """Indices of α*, int [S, 1 + R] for each method."""
    weights = {t: statistics.weights(images.val[t], replicates, t, "val") for t in images.test}
    single, single_SRT = images.single_val, np.ones((len(methods[0].val), 1, 1))
    if single:
        # No denominator is below half an image, as in `task_addition`.
        models = [[np.maximum(_one(seed[t], w), 0.5 / w.shape[1]) for t, w in weights.items()] for seed in single]
        single_SRT = np.moveaxis(np.array(models), 1, 2)
    return [
        np.stack(
            [
                select_addition(np.stack([statistics.accuracy(seed[t], w) for t, w in weights.items()], -1), single_RT)
                for seed, single_RT in zip(method.val, single_SRT)
            ]
        )
        for method in methods
    ]


def _one(hits_N: np.ndarray, weights_RN: np.ndarray) -> np.ndarray:
    return statistics.accuracy(hits_N[None], weights_RN)[:, 0]


def _on_test(methods: Sequence[MethodHits], chosen: list, images: Images, replicates: int) -> np.ndarray:
    """Test accuracy at α*, [methods, T + 1, S, 1 + R]; the last of the second axis is the mean over tasks."""
    shape = len(methods), len(images.test), *chosen[0].shape
    found = np.empty(shape)
    for k, (task, blocks) in enumerate(images.test.items()):
        weights = statistics.weights(blocks, replicates, task, "test")
        for m, s in np.ndindex(shape[0], shape[2]):
            # Only coefficients that some replicate selected are ever looked at on test.
            needed, place_R = np.unique(chosen[m][s], return_inverse=True)
            accuracy_RA = statistics.accuracy(methods[m].test[s][task][needed], weights)
            found[m, k, s] = np.take_along_axis(accuracy_RA, place_R[:, None], 1)[:, 0]
    return np.concatenate([found, found.mean(1, keepdims=True)], axis=1)


def _at_edge(method: MethodHits, chosen_SR: np.ndarray) -> int:
    """A grid of one coefficient selects nothing and has no edge."""
    last = len(method.coefficients) - 1
    return int(np.isin(chosen_SR[:, 0], (0, last)).sum()) if last else 0


def _check(methods: Sequence[MethodHits], images: Images) -> None:
    names = [method.name for method in methods]
    if len(set(names)) < len(names) or len(names) < 2:
        raise ValueError(f"Compared are {', '.join(names)}; expected a baseline and candidates of different names.")
    if not images.test or set(images.test) != set(images.val):
        raise ValueError(
            f"Tasks are {list(images.val)} on val, {list(images.test)} on test; give the same, at least one."
        )
    for task, blocks in images.test.items():
        if len(np.unique(blocks)) < 2:
            raise ValueError(f"Task {task} has fewer than two independent test images, so no error; add some.")
    if images.single_val and len(images.single_val) != len(methods[0].val):
        raise ValueError(
            f"Single-task hits of {len(images.single_val)} seeds, {len(methods[0].val)} compared; give all."
        )
    for method in methods:
        for split, blocks in (("val", images.val), ("test", images.test)):
            _check_split(method, split, blocks, len(methods[0].val))


def _check_split(method: MethodHits, split: str, blocks: Mapping[str, np.ndarray], num_seeds: int) -> None:
    seeds = getattr(method, split)
    if len(seeds) != num_seeds or not num_seeds:
        raise ValueError(
            f"{method.name} has {len(seeds)} seeds on {split}, expected {num_seeds or 'some'}; use the same vectors."
        )
    for task, units in blocks.items():
        expected = len(method.coefficients), len(units)
        for s, seed in enumerate(seeds):
            if task not in seed or seed[task].shape != expected:
                given = seed[task].shape if task in seed else "none"
                raise ValueError(
                    f"{method.name}, seed {s}, {task} {split}: hits are {given}, expected {expected}; "
                    "evaluate all methods on the same images."
                )
