"""Task addition: θ0 + α Σ_t τ_t with one α for all tasks, tuned on validation; and α = 1; and all subsets on the
tangent side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy, tuned
from tangent_bench.measuring.selection import select_addition
from tangent_bench.seeds import generator

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Task addition",
    scope=EachMode(merges="all"),
    reference="Ortiz-Jimenez et al. 2023, Table 1; Ilharco et al. 2023, §4",
    selected_on_test=3,
)


OF_A_SIZE = 100  # subsets; twenty tasks have a million in all


def run(study: ModeStudy) -> None:
    direction = study.merger.direction(study.tasks)
    grid = study.coefficients
    points = [{s: float(a) * w for s, w in direction.items()} for a in grid]
    sources = "+".join(study.tasks)
    val = {t: study.accuracy(t, "val", points, keep="addition") for t in study.tasks}
    single = {s: _single(study, s) for s in ("val", "test")}
    chosen_R = select_addition(
        np.stack([val[t] for t in study.tasks], -1),
        np.stack([single["val"][t] for t in study.tasks], -1),
    )
    _validation_rows(study, val, single["val"], sources)
    study.replicates["selected_index"] = chosen_R.astype(np.float64)
    chosen = int(chosen_R[0])
    where = {
        **study.merged_by,
        "sources": sources,
        "task": "all",
        "split": "val",
        "num_samples": study.size("val", *study.tasks),
    }
    study.add("selected_coefficient", float(grid[chosen]), **where)
    study.add("selected_at_edge", float(len(grid) > 1 and chosen in (0, len(grid) - 1)), **where)
    _test_rows(study, points, chosen_R, single["test"], sources)
    if study.mode.evaluation == "tangent" and study.merger.is_sum:
        _subsets(study, single)


def _single(study: ModeStudy, split: str) -> dict[str, np.ndarray]:
    """Single-task accuracies, the denominators; none is below half an image, so that a hopeless model divides nothing
    by 0.
    """
    return {
        t: np.maximum(study.accuracy(t, split, [{t: 1.0}])[:, 0], 0.5 / study.size(split, t))
        for t in study.tasks
    }


def _mean(by_task: dict[str, np.ndarray]) -> np.ndarray:
    return np.mean(list(by_task.values()), axis=0)


def normalized(accuracy: dict[str, np.ndarray], single: dict[str, np.ndarray]) -> np.ndarray:
    """mean_t acc_t(merged) / acc_t(single-task model of the same mode)."""
    return _mean({t: accuracy[t] / single[t] for t in accuracy})


def recovered_gain(accuracy, zero_shot, single) -> np.ndarray:
    """(acc − zero-shot) / (single-task − zero-shot), each a mean over tasks; a gain below 0.01 % counts as 0.01 %."""
    gain = _mean(single) - _mean(zero_shot)
    gain = np.where(
        np.abs(gain) < 1e-4, np.copysign(1e-4, gain), gain
    )  # a hopeless model divides nothing by 0
    return (_mean(accuracy) - _mean(zero_shot)) / gain


def _validation_rows(study: ModeStudy, val: dict, single: dict, sources: str) -> None:
    zero = _zero_shot(study, val, "val")
    for k, coefficient in enumerate(study.coefficients):
        at = {t: val[t][:, k] for t in study.tasks}
        for task in study.tasks:
            _add(study, "accuracy", at[task], task, "val", coefficient, sources)
        _summaries(study, "", at, zero, single, "val", coefficient, sources)


def _test_rows(
    study: ModeStudy, points: list, chosen_R: np.ndarray, single: dict, sources: str
) -> None:
    # Only coefficients that some replicate selected, the first and 1 (or the last) are ever looked at on test.
    shown = sorted({0, _whole(study.coefficients)})
    needed = sorted({*shown, *chosen_R.tolist()})
    place = np.searchsorted(needed, chosen_R)
    test = {
        t: study.accuracy(t, "test", [points[k] for k in needed], keep="addition")
        for t in study.tasks
    }
    zero = _zero_shot(study, test, "test")
    for k in shown:
        at = {t: test[t][:, needed.index(k)] for t in study.tasks}
        for task in study.tasks:
            _add(study, "accuracy", at[task], task, "test", study.coefficients[k], sources)
        _summaries(study, "", at, zero, single, "test", study.coefficients[k], sources)
    best, coefficient = (
        {t: tuned(test[t], place) for t in study.tasks},
        study.coefficients[chosen_R[0]],
    )
    for task in study.tasks:
        _add(study, "accuracy_tuned", best[task], task, "test", coefficient, sources)
    study.replicates |= _summaries(
        study, "_tuned", best, zero, single, "test", coefficient, sources
    )
    study.replicates |= {f"accuracy_tuned/{t}": best[t] for t in study.tasks}


def _whole(coefficients: np.ndarray) -> int:
    """Place of α = 1 on the grid, or its last place."""
    at_one = np.flatnonzero(coefficients == 1.0)
    return int(at_one[0]) if len(at_one) else len(coefficients) - 1


def _zero_shot(study: ModeStudy, found: dict, split: str) -> dict[str, np.ndarray]:
    """Accuracy of θ0, which begins a grid that begins at 0."""
    if study.coefficients[0] == 0.0:
        return {t: found[t][:, 0] for t in study.tasks}
    return {t: study.accuracy(t, split, [{}])[:, 0] for t in study.tasks}


def _summaries(
    study: ModeStudy,
    suffix: str,
    at: dict,
    zero: dict,
    single: dict,
    split: str,
    coefficient: float,
    sources: str,
) -> dict:
    values = {
        f"accuracy{suffix}": _mean(at),
        f"normalized_accuracy{suffix}": normalized(at, single),
        f"recovered_gain{suffix}": recovered_gain(at, zero, single),
    }
    for metric, value in values.items():
        _add(study, metric, value, "all", split, coefficient, sources)
    return values


def _add(
    study: ModeStudy,
    metric: str,
    values: np.ndarray,
    task: str,
    split: str,
    coefficient: float,
    sources: str,
) -> None:
    size = study.size(split, *(study.tasks if task in ("all", "own") else [task]))
    where = {
        "sources": sources,
        "task": task,
        "split": split,
        "coefficient": float(coefficient),
        **study.merged_by,
    }
    study.add(metric, values, num_samples=size, **where)


def subsets(tasks: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """All subsets of a size, in order; `OF_A_SIZE` of them, drawn by their names, where there are more (nine tasks on).

    >>> list(subsets("abc", 2))
    [('a', 'b'), ('a', 'c'), ('b', 'c')]
    """
    if comb(len(tasks), size) <= OF_A_SIZE:
        yield from combinations(tasks, size)
        return
    rng, drawn = generator("subsets", *tasks, size), set()
    while len(drawn) < OF_A_SIZE:
        drawn.add(tuple(sorted(rng.choice(len(tasks), size, replace=False).tolist())))
    yield from (tuple(tasks[k] for k in places) for places in sorted(drawn))


def _subsets(study: ModeStudy, single: dict[str, dict[str, np.ndarray]]) -> None:
    """Non-empty subsets of tasks with a tuned α of their own: accuracy on their tasks and on all. Point estimates."""
    for number in range(1, len(study.tasks) + 1):
        for subset in subsets(study.tasks, number):
            points = [
                {s: float(a) * w for s, w in study.merger.direction(subset).items()}
                for a in study.coefficients
            ]
            hits = {t: study.hits(t, "val", points) for t in subset}
            one = np.stack([single["val"][t][0] for t in subset])
            chosen = int(select_addition(np.stack([hits[t] for t in subset], -1), one))
            test = {t: study.hits(t, "test", [points[chosen]])[0] for t in study.tasks}
            for task, members in (("own", subset), ("all", study.tasks)):
                ratio = np.mean([test[t] / single["test"][t][0] for t in members])
                for metric, value in (
                    ("accuracy_tuned", np.mean([test[t] for t in members])),
                    ("normalized_accuracy_tuned", ratio),
                ):
                    if number == len(study.tasks) and task == "all":
                        continue  # the full set on all tasks is the tuned row above, with its interval
                    where = {
                        "sources": "+".join(subset),
                        "task": task,
                        "split": "test",
                        "num_samples": study.size("test", *members),
                        **study.merged_by,
                    }
                    study.add(metric, value, coefficient=float(study.coefficients[chosen]), **where)


def cost(asking: Asking) -> None:
    """Counts the grid on validation, the selected points and both ends on test, and the subsets."""
    num = asking.num_coefficients
    on_test = min(num, EXPERIMENT.selected_on_test + 2)
    for task in asking.tasks:
        for split, points in (("val", num), ("test", on_test)):
            asking.predict(task, split, points, len(asking.tasks), asking.tasks)
            asking.keep(task, split, points)
            asking.predict(task, split, 1, 1, [task])
        if asking.mode.evaluation == "tangent" and (asking.merger is None or asking.merger.is_sum):
            _subset_cost(asking, task)


def _subset_cost(asking: Asking, task: str) -> None:
    """Counts |s| logits for every subset s and image.

    The subsets with the task, |s| / T of those of a size, are looked at on its validation images at
    A points; all of them on its test images at one point.
    """
    num = len(asking.tasks)
    subsets_of_size = {size: min(comb(num, size), OF_A_SIZE) for size in range(1, num + 1)}
    val_points = asking.num_coefficients * sum(
        subsets * size**2 / num for size, subsets in subsets_of_size.items()
    )
    test_points = sum(subsets * size for size, subsets in subsets_of_size.items())
    on_val = val_points * asking.images(task, "val")
    on_test = test_points * asking.images(task, "test")
    num_classes = asking.num_classes(task)
    asking.work.add("logit", (on_val + on_test) * num_classes)
