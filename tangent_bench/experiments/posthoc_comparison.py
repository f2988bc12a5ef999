"""Modes compared on the same resampled images, with paired intervals.

Post-hoc linearization and linear fine-tuning are compared with standard fine-tuning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tangent_bench.experiments import AcrossModes, AcrossModesStudy, Experiment
from tangent_bench.measuring.resampling import nonlinear_advantage
from tangent_bench.store.layout import Mode

EXPERIMENT = Experiment(
    title="Post-hoc linearization and linear fine-tuning against non-linear fine-tuning",
    scope=AcrossModes(reads=("single_task", "task_addition", "task_negation")),
    reference="Ortiz-Jimenez et al. 2023, Fig. 1, Tables 1 and 2",
)
BASELINE = Mode("standard", "network")
POSTHOC = Mode("standard", "tangent")


class ComparedQuantity(NamedTuple):
    """What is compared: an experiment, its replicates, and the metric of the difference."""

    experiment: str
    replicates: str
    metric: str


_COMPARED = (
    ComparedQuantity("single_task", "test/own", "single_task/accuracy"),
    ComparedQuantity("task_addition", "accuracy_tuned", "task_addition/accuracy_tuned"),
    ComparedQuantity(
        "task_addition", "normalized_accuracy_tuned", "task_addition/normalized_accuracy_tuned"
    ),
    ComparedQuantity("task_addition", "recovered_gain_tuned", "task_addition/recovered_gain_tuned"),
    ComparedQuantity(
        "task_negation", "target_accuracy_tuned", "task_negation/target_accuracy_tuned"
    ),
    ComparedQuantity(
        "task_negation", "control_accuracy_tuned", "task_negation/control_accuracy_tuned"
    ),
)


def run(study: AcrossModesStudy) -> None:
    modes = {mode for _, mode in study.others if mode.training != "none"}
    if BASELINE not in modes:
        return
    for mode in sorted(modes - {BASELINE}, key=str):
        for quantity in _COMPARED:
            if (quantity.experiment, mode) in study.others:
                sources, task = _coordinates(study, quantity.metric)
                _difference(study, mode, quantity, sources, task)
        if ("single_task", mode) in study.others:
            for task in study.tasks:
                quantity = ComparedQuantity("single_task", f"test/{task}", "single_task/accuracy")
                _difference(study, mode, quantity, task, task)
    if ("single_task", POSTHOC) in study.others:
        _advantages(study)


def require(config: Mapping) -> None:
    """Raises ValueError if nothing else is measured and there is no baseline to compare with."""
    if config["experiments"] == ["posthoc_comparison"] and str(BASELINE) not in config["modes"]:
        raise ValueError(
            f"Experiment 'posthoc_comparison' compares modes with {BASELINE}, which is not among "
            "`modes`; name it there, or name another experiment."
        )


def _difference(
    study: AcrossModesStudy, mode: Mode, quantity: ComparedQuantity, sources: str, task: str
) -> None:
    """A row of a mode minus the baseline."""
    values_R = study.others[quantity.experiment, mode][quantity.replicates]
    baseline_R = study.others[quantity.experiment, BASELINE][quantity.replicates]
    evaluated = study.tasks if task in ("own", "all") else (task,)
    _add(study, quantity.metric, values_R - baseline_R, mode, sources, task, evaluated)


def _coordinates(study: AcrossModesStudy, metric: str) -> tuple[str, str]:
    """Sources and task of the rows of a metric."""
    if metric.startswith("task_addition"):
        return "+".join(study.tasks), "all"
    return "each", study.control if "control" in metric else "own"


def _advantages(study: AcrossModesStudy) -> None:
    """Rows of the non-linear advantage on each task."""
    for task in study.tasks:
        nonlinear_R = study.others["single_task", BASELINE][f"test/{task}"]
        linear_R = study.others["single_task", POSTHOC][f"test/{task}"]
        num_classes = study.labels(task, "test").num_classes
        advantage_R = nonlinear_advantage(nonlinear_R, linear_R, num_classes)
        _add(study, "nonlinear_advantage", advantage_R, POSTHOC, task, task, (task,))


def _add(
    study: AcrossModesStudy,
    metric: str,
    values_R: np.ndarray,
    mode: Mode,
    sources: str,
    task: str,
    evaluated: tuple[str, ...],
) -> None:
    study.add(
        metric,
        values_R,
        sources=sources,
        task=task,
        split="test",
        num_samples=study.size("test", *evaluated),
        training=mode.training,
        evaluation=mode.evaluation,
        params_id=f"minus {BASELINE}",
    )
