"""Task negation: θ0 − α τ_t forgets task t; α is the one that hurts the target most while the control keeps 95 %."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy, tuned
from tangent_bench.measuring.selection import select_negation

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Task negation",
    scope=EachMode(merges="each"),
    reference="Ortiz-Jimenez et al. 2023, Table 2; Ilharco et al. 2023, §3",
    selected_on_test=6,
)


def run(study: ModeStudy) -> None:
    target, control = {}, {}
    for task in study.tasks:
        target[task], control[task] = _negate(study, task)
    size = study.size("test", *study.tasks)
    means = {
        "target_accuracy_tuned": np.mean(list(target.values()), 0),
        "control_accuracy_tuned": np.mean(list(control.values()), 0),
    }
    common = {"sources": "each", "split": "test", **study.merged_by}
    study.add(
        "accuracy_tuned", means["target_accuracy_tuned"], task="own", num_samples=size, **common
    )
    control_size = study.size("test", study.control)
    study.add(
        "accuracy_tuned",
        means["control_accuracy_tuned"],
        task=study.control,
        num_samples=control_size,
        **common,
    )
    rule = {"task": study.control, "split": "val", "num_samples": study.size("val", study.control)}
    study.add(
        "control_threshold", study.control_threshold, sources="each", **study.merged_by, **rule
    )
    study.replicates |= means | {f"target_accuracy_tuned/{t}": v for t, v in target.items()}


def _negate(study: ModeStudy, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one target; returns target and control test accuracy at the selected coefficient, [R] each."""
    direction = study.merger.direction([task])
    points = [{s: -float(a) * w for s, w in direction.items()} for a in study.coefficients]
    target_RA = study.accuracy(task, "val", points, keep="negation")
    control_RA = study.accuracy(study.control, "val", points, keep=f"negation of {task}")
    chosen_R = select_negation(target_RA, control_RA, control_RA[:, 0], study.control_threshold)
    for where, values_RA in ((task, target_RA), (study.control, control_RA)):
        for k, coefficient in enumerate(study.coefficients):
            _add(study, "accuracy", values_RA[:, k], task, where, "val", coefficient)
    chosen = int(chosen_R[0])
    _add(study, "selected_coefficient", -study.coefficients[chosen], task, task, "val", None)
    _add(study, "selected_at_edge", float(chosen == len(points) - 1), task, task, "val", None)
    needed = np.unique(chosen_R)
    place = np.searchsorted(needed, chosen_R)
    found = []
    for where, label in ((task, "negation"), (study.control, f"negation of {task}")):
        test_RA = study.accuracy(where, "test", [points[k] for k in needed], keep=label)
        found.append(tuned(test_RA, place))
        _add(study, "accuracy_tuned", found[-1], task, where, "test", study.coefficients[chosen])
    return found[0], found[1]


def _add(
    study: ModeStudy,
    metric: str,
    values,
    source: str,
    task: str,
    split: str,
    coefficient: float | None,
) -> None:
    where = {
        "sources": source,
        "task": task,
        "split": split,
        "num_samples": study.size(split, task),
        **study.merged_by,
    }
    study.add(
        metric,
        values,
        coefficient=None if coefficient is None else -float(coefficient) + 0.0,
        **where,
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
