"""Task addition: θ0 + α Σ_t τ_t with one α for all tasks, tuned on validation; and α = 1.

On the tangent side all subsets of the tasks are added as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy, tuned
from tangent_bench.measuring.evaluation import Point
from tangent_bench.measuring.selection import select_addition
from tangent_bench.seeds import generator

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Task addition",
    scope=EachMode(merges="all"),
    selected_on_test=3,
    reference="Ortiz-Jimenez et al. 2023, Table 1; Ilharco et al. 2023, §4",
)


OF_A_SIZE = 100  # subsets; twenty tasks have a million in all

ByTask = Mapping[str, np.ndarray]


def run(study: ModeStudy) -> None:
    points = _along(study, study.tasks)
    val_RA = {task: study.accuracy(task, "val", points, keep="addition") for task in study.tasks}
    single = {split: _single(study, split) for split in ("val", "test")}
    chosen_R = select_addition(_stacked(val_RA), _stacked(single["val"]))
    _validation_rows(study, val_RA, single["val"])
    study.replicates["selected_index"] = chosen_R.astype(np.float64)
    _selection_rows(study, int(chosen_R[0]))
    _test_rows(study, points, chosen_R, single["test"])
    if study.mode.evaluation == "tangent" and study.merger.is_sum:
        _subsets(study, single)


def _along(study: ModeStudy, tasks: Sequence[str]) -> list[Point]:
    """The direction of these tasks at every coefficient."""
    direction = study.merger.direction(tasks)
    points = []
    for alpha in study.coefficients.tolist():
        points.append({source: alpha * weight for source, weight in direction.items()})
    return points


def _single(study: ModeStudy, split: str) -> dict[str, np.ndarray]:
    """Single-task accuracies, the denominators, [R] each.

    None is below half an image, so that a hopeless model divides nothing by 0.
    """
    accuracies = {}
    for task in study.tasks:
        accuracy_R = study.accuracy(task, split, [{task: 1.0}])[:, 0]
        accuracies[task] = np.maximum(accuracy_R, 0.5 / study.size(split, task))
    return accuracies


def _stacked(by_task: ByTask) -> np.ndarray:
    return np.stack(list(by_task.values()), -1)


def _mean(by_task: ByTask) -> np.ndarray:
    return np.mean(list(by_task.values()), axis=0)


def normalized(accuracy: ByTask, single: ByTask) -> np.ndarray:
    """mean_t acc_t(merged) / acc_t(single-task model of the same mode)."""
    return _mean({task: accuracy[task] / single[task] for task in accuracy})


def recovered_gain(accuracy: ByTask, zero_shot: ByTask, single: ByTask) -> np.ndarray:
    """(acc − zero-shot) / (single-task − zero-shot), each a mean over tasks.

    A gain below 0.01 % counts as 0.01 %, so that a hopeless model divides nothing by 0.
    """
    gain = _mean(single) - _mean(zero_shot)
    gain = np.where(np.abs(gain) < 1e-4, np.copysign(1e-4, gain), gain)
    return (_mean(accuracy) - _mean(zero_shot)) / gain


def _validation_rows(study: ModeStudy, val_RA: ByTask, single: ByTask) -> None:
    zero = _zero_shot(study, val_RA, "val")
    for place, alpha in enumerate(study.coefficients):
        at = {task: val_RA[task][:, place] for task in study.tasks}
        _rows(study, "", at, zero, single, "val", float(alpha))


def _selection_rows(study: ModeStudy, chosen: int) -> None:
    """Rows of the selected coefficient, and of whether it is at an edge of its grid."""
    last = len(study.coefficients) - 1
    at_edge = last > 0 and chosen in (0, last)
    values = {
        "selected_coefficient": float(study.coefficients[chosen]),
        "selected_at_edge": float(at_edge),
    }
    for metric, value in values.items():
        study.add(
            metric,
            value,
            sources="+".join(study.tasks),
            task="all",
            split="val",
            num_samples=study.size("val", *study.tasks),
            **study.merged_by,
        )


def _test_rows(
    study: ModeStudy, points: Sequence[Point], chosen_R: np.ndarray, single: ByTask
) -> None:
    # Only coefficients that some replicate selected, the first and 1 (or the last) are looked at.
    shown = sorted({0, _whole(study.coefficients)})
    needed = sorted({*shown, *chosen_R.tolist()})
    needed_points = [points[place] for place in needed]
    test = {}
    for task in study.tasks:
        test[task] = study.accuracy(task, "test", needed_points, keep="addition")
    zero = _zero_shot(study, test, "test")
    for place in shown:
        at = {task: test[task][:, needed.index(place)] for task in study.tasks}
        _rows(study, "", at, zero, single, "test", float(study.coefficients[place]))
    place_R = np.searchsorted(needed, chosen_R)
    best = {task: tuned(test[task], place_R) for task in study.tasks}
    coefficient = float(study.coefficients[int(chosen_R[0])])
    study.replicates |= _rows(study, "_tuned", best, zero, single, "test", coefficient)
    study.replicates |= {f"accuracy_tuned/{task}": best[task] for task in study.tasks}


def _whole(coefficients: np.ndarray) -> int:
    """Place of α = 1 on the grid, or its last place."""
    at_one = np.flatnonzero(coefficients == 1.0)
    return int(at_one[0]) if len(at_one) else len(coefficients) - 1


def _zero_shot(study: ModeStudy, accuracies: ByTask, split: str) -> dict[str, np.ndarray]:
    """Accuracy of θ0, which begins a grid that begins at 0."""
    zero_shot = {}
    for task in study.tasks:
        known = study.coefficients[0] == 0.0
        accuracy_RP = accuracies[task] if known else study.accuracy(task, split, [{}])
        zero_shot[task] = accuracy_RP[:, 0]
    return zero_shot


def _rows(
    study: ModeStudy,
    suffix: str,
    at: ByTask,
    zero: ByTask,
    single: ByTask,
    split: str,
    coefficient: float,
) -> dict[str, np.ndarray]:
    """Rows of the accuracies at one coefficient, and of their means, which it returns."""
    for task in study.tasks:
        _add(study, f"accuracy{suffix}", at[task], task, split, coefficient)
    means = {
        f"accuracy{suffix}": _mean(at),
        f"normalized_accuracy{suffix}": normalized(at, single),
        f"recovered_gain{suffix}": recovered_gain(at, zero, single),
    }
    for metric, values_R in means.items():
        _add(study, metric, values_R, "all", split, coefficient)
    return means


def _add(
    study: ModeStudy, metric: str, values: np.ndarray, task: str, split: str, coefficient: float
) -> None:
    evaluated = study.tasks if task == "all" else (task,)
    study.add(
        metric,
        values,
        sources="+".join(study.tasks),
        task=task,
        split=split,
        num_samples=study.size(split, *evaluated),
        coefficient=coefficient,
        **study.merged_by,
    )


def subsets(tasks: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """All subsets of a size, in order.

    Where there are more than `OF_A_SIZE` (nine tasks on), so many of them, drawn by their names.

    >>> list(subsets("abc", 2))
    [('a', 'b'), ('a', 'c'), ('b', 'c')]
    """
    if comb(len(tasks), size) <= OF_A_SIZE:
        yield from combinations(tasks, size)
        return
    rng = generator("subsets", *tasks, size)
    drawn: set[tuple[int, ...]] = set()
    while len(drawn) < OF_A_SIZE:
        drawn.add(tuple(sorted(rng.choice(len(tasks), size, replace=False).tolist())))
    for places in sorted(drawn):
        yield tuple(tasks[place] for place in places)


def _subsets(study: ModeStudy, single: Mapping[str, ByTask]) -> None:
    """Adds non-empty subsets of the tasks, each with a tuned α of its own: point estimates."""
    for size in range(1, len(study.tasks) + 1):
        for subset in subsets(study.tasks, size):
            _subset_rows(study, subset, single)


def _subset_rows(study: ModeStudy, subset: tuple[str, ...], single: Mapping[str, ByTask]) -> None:
    """Rows of a subset's accuracy on its own tasks and on all."""
    points = _along(study, subset)
    hits = {task: study.hits(task, "val", points) for task in subset}
    single_T = np.stack([single["val"][task][0] for task in subset])
    chosen = int(select_addition(_stacked(hits), single_T))
    test = {}
    ratio = {}
    for task in study.tasks:
        test[task] = study.hits(task, "test", [points[chosen]])[0]
        ratio[task] = test[task] / single["test"][task][0]
    for task, evaluated in (("own", subset), ("all", study.tasks)):
        if task == "all" and len(subset) == len(study.tasks):
            continue  # this is the tuned row of addition, which has an interval
        for metric, values in (
            ("accuracy_tuned", test),
            ("normalized_accuracy_tuned", ratio),
        ):
            study.add(
                metric,
                float(np.mean([values[member] for member in evaluated])),
                sources="+".join(subset),
                task=task,
                split="test",
                num_samples=study.size("test", *evaluated),
                coefficient=float(study.coefficients[chosen]),
                **study.merged_by,
            )


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
    on_val = 0.0  # logits of an image at each point
    on_test = 0
    for size in range(1, num + 1):
        num_subsets = min(comb(num, size), OF_A_SIZE)
        on_val += num_subsets * size**2 / num
        on_test += num_subsets * size
    on_val = asking.num_coefficients * on_val * asking.images(task, "val")
    on_test *= asking.images(task, "test")
    asking.work.add("logit", (on_val + on_test) * asking.num_classes(task))
