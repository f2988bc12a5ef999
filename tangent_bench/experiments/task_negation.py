"""Task negation: θ0 − α τ_t forgets task t.

α is the one that hurts the target most while the control keeps 95 % of its accuracy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy, tuned
from tangent_bench.measuring.evaluation import Point
from tangent_bench.measuring.selection import select_negation

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Task negation",
    scope=EachMode(merges="each"),
    selected_on_test=6,
    reference="Ortiz-Jimenez et al. 2023, Table 2; Ilharco et al. 2023, §3",
)


def run(study: ModeStudy) -> None:
    target = {}
    control = {}
    for task in study.tasks:
        target[task], control[task] = _negate(study, task)
    target_R = np.mean(list(target.values()), 0)
    control_R = np.mean(list(control.values()), 0)
    _add(study, "accuracy_tuned", target_R, "each", "own", "test")
    _add(study, "accuracy_tuned", control_R, "each", study.control, "test")
    _add(study, "control_threshold", study.control_threshold, "each", study.control, "val")
    study.replicates |= {"target_accuracy_tuned": target_R, "control_accuracy_tuned": control_R}
    for task, values_R in target.items():
        study.replicates[f"target_accuracy_tuned/{task}"] = values_R


def _negate(study: ModeStudy, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one target.

    Returns:
        Accuracies of target and control on test at the selected coefficient, [R] each.
    """
    points = _along(study, task)
    # The label under which a task's predictions are kept.
    labels = {task: "negation", study.control: f"negation of {task}"}
    val = {}
    for evaluated, label in labels.items():
        val[evaluated] = study.accuracy(evaluated, "val", points, keep=label)
    control_RA = val[study.control]
    chosen_R = select_negation(val[task], control_RA, control_RA[:, 0], study.control_threshold)
    for evaluated, values_RA in val.items():
        for place, alpha in enumerate(study.coefficients):
            values_R = values_RA[:, place]
            _add(study, "accuracy", values_R, task, evaluated, "val", _negative(alpha))
    chosen = int(chosen_R[0])
    selected = -study.coefficients[chosen]
    at_edge = chosen == len(points) - 1
    _add(study, "selected_coefficient", float(selected), task, task, "val")
    _add(study, "selected_at_edge", float(at_edge), task, task, "val")
    needed = np.unique(chosen_R)
    place_R = np.searchsorted(needed, chosen_R)
    needed_points = [points[place] for place in needed]
    test = {}
    for evaluated, label in labels.items():
        test_RA = study.accuracy(evaluated, "test", needed_points, keep=label)
        test[evaluated] = tuned(test_RA, place_R)
        coefficient = _negative(study.coefficients[chosen])
        _add(study, "accuracy_tuned", test[evaluated], task, evaluated, "test", coefficient)
    return test[task], test[study.control]


def _along(study: ModeStudy, task: str) -> list[Point]:
    """The task's direction, taken backwards, at every coefficient."""
    direction = study.merger.direction([task])
    points = []
    for alpha in study.coefficients.tolist():
        points.append({source: -alpha * weight for source, weight in direction.items()})
    return points


def _negative(alpha: float) -> float:
    """−α, and 0 rather than −0."""
    return -float(alpha) + 0.0


def _add(
    study: ModeStudy,
    metric: str,
    values: np.ndarray | float,
    sources: str,
    task: str,
    split: str,
    coefficient: float | None = None,
) -> None:
    evaluated = study.tasks if task == "own" else (task,)
    study.add(
        metric,
        values,
        sources=sources,
        task=task,
        split=split,
        num_samples=study.size(split, *evaluated),
        coefficient=coefficient,
        **study.merged_by,
    )


def cost(asking: Asking) -> None:
    """Counts, for each vector, the grid on validation and the selected points on test.

    Each is on the images of its own task and on those of the control.
    """
    num = asking.num_coefficients
    on_test = min(num, EXPERIMENT.selected_on_test)
    for task in asking.tasks:
        for evaluated in (task, asking.control):
            for split, points in (("val", num), ("test", on_test)):
                asking.predict(evaluated, split, points, 1, [task])
                asking.keep(evaluated, split, points)
