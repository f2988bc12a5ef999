"""Modes compared on the same resampled images: post-hoc and linear against standard, with paired intervals."""

from __future__ import annotations

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
# experiment, its replicates, the metric of the difference
_COMPARED = (
    ("single_task", "test/own", "single_task/accuracy"),
    ("task_addition", "accuracy_tuned", "task_addition/accuracy_tuned"),
    ("task_addition", "normalized_accuracy_tuned", "task_addition/normalized_accuracy_tuned"),
    ("task_addition", "recovered_gain_tuned", "task_addition/recovered_gain_tuned"),
    ("task_negation", "target_accuracy_tuned", "task_negation/target_accuracy_tuned"),
    ("task_negation", "control_accuracy_tuned", "task_negation/control_accuracy_tuned"),
)


def run(study: AcrossModesStudy) -> None:
    modes = {mode for _, mode in study.others if mode.training != "none"}
    if BASELINE not in modes:
        return
    for mode in sorted(modes - {BASELINE}, key=str):
        for experiment, name, metric in _COMPARED:
            if (experiment, mode) in study.others:
                _difference(study, mode, experiment, name, metric)
        for task in study.tasks if ("single_task", mode) in study.others else ():
            _difference(study, mode, "single_task", f"test/{task}", "single_task/accuracy", task)
    if ("single_task", POSTHOC) in study.others:
        _advantages(study)


def _difference(
    study: AcrossModesStudy, mode: Mode, experiment: str, name: str, metric: str, task: str = ""
) -> None:
    pair = (study.others[experiment, m][name] for m in (mode, BASELINE))
    ours, baseline = pair
    where = {
        "training": mode.training,
        "evaluation": mode.evaluation,
        "params_id": f"minus {BASELINE}",
    }
    sources, at = _coordinates(study, metric, task)
    measured = study.tasks if at in ("own", "all") else [at]
    study.add(
        metric,
        ours - baseline,
        sources=sources,
        task=at,
        split="test",
        num_samples=study.size("test", *measured),
        **where,
    )


def _coordinates(study: AcrossModesStudy, metric: str, task: str) -> tuple[str, str]:
    if task:
        return task, task
    if metric.startswith("task_addition"):
        return "+".join(study.tasks), "all"
    return "each", study.control if "control" in metric else "own"


def _advantages(study: AcrossModesStudy) -> None:
    for task in study.tasks:
        pair = (study.others["single_task", m][f"test/{task}"] for m in (BASELINE, POSTHOC))
        nonlinear, linear = pair
        value = nonlinear_advantage(nonlinear, linear, study.labels(task, "test").num_classes)
        where = {
            "training": POSTHOC.training,
            "evaluation": POSTHOC.evaluation,
            "params_id": f"minus {BASELINE}",
        }
        study.add(
            "nonlinear_advantage",
            value,
            sources=task,
            task=task,
            split="test",
            num_samples=study.size("test", task),
            **where,
        )
