"""Disentanglement of the modes beside each other: on the whole range, where addition chose, and at equal accuracy.

Weak vectors disturb little, so that a mode may look disentangled because it does little. Hence three comparisons
beside the mean over the range: relative to the changes that each vector makes alone; at the coefficient that task
addition chose in that mode and replicate; and at *matched single-task accuracy*. There the level of a pair of tasks is
the accuracy that each vector gives on its own task at α = 1, mean of the two, in the weakest mode of the run. Each
mode is put at the smallest α, one for both vectors, at which its own accuracy reaches that level: on validation,
linear between the coefficients of addition, again in each replicate. ξ is taken there on test.
Shapes: A coefficients, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tangent_bench import disentanglement
from tangent_bench.experiments import Experiment, Study, tuned
from tangent_bench.experiments.disentanglement import pairs, size
from tangent_bench.layout import Mode

EXPERIMENT = Experiment(
    title="Disentanglement of the modes compared",
    scope="together",
    reads=("task_addition", "disentanglement"),
    section="disentanglement",
    stands_on=("disentanglement.py", "experiments/disentanglement.py"),
    reference="Ortiz-Jimenez et al. 2023, §4; matching and normalization are this suite's own",
)
BASELINES = (Mode("standard", "network"), Mode("standard", "tangent"))
ON_VALIDATION = ("matched_coefficient", "matched_accuracy")  # where the modes are matched
OVER_RANGE = ("mean_disentanglement_error", "relative_disentanglement_error")

Replicates = Mapping[str, np.ndarray]


def run(study: Study) -> None:
    found = {mode: others for (name, mode), others in study.others.items() if name == "disentanglement"}
    values = {mode: {metric: others[metric] for metric in OVER_RANGE} for mode, others in found.items()}
    for mode, others in found.items():
        if ("task_addition", mode) in study.others:
            values[mode]["disentanglement_error_tuned"] = _at_selected(study, mode, others)
    for mode, measured in _matched(study, found).items():
        values[mode] |= measured
    for mode in sorted(values, key=str):
        _absolute(study, mode, values[mode])
        for baseline in BASELINES[: BASELINES.index(mode)] if mode in BASELINES else BASELINES:
            _difference(study, mode, baseline, values)


def _curves(study: Study, others: Replicates, kind: str) -> list[np.ndarray]:
    """Replicates that `disentanglement` kept along the coefficients of addition, one curve for each pair, [R, A]
    each.
    """
    names = ["+".join(pair) for pair in pairs(study)]
    steps = range(len(study.coefficients))
    return [np.stack([others[f"{kind}/{name}/{k}"] for k in steps], axis=-1) for name in names]


def _at_selected(study: Study, mode: Mode, others: Replicates) -> np.ndarray:
    """ξ(α, α), mean over pairs, at the α that addition of all tasks chose in the same replicate, [R]."""
    index_R = study.others["task_addition", mode]["selected_index"].astype(int)
    return tuned(np.mean(_curves(study, others, "diagonal"), axis=0), index_R)


def _matched(study: Study, found: Mapping[Mode, Replicates]) -> dict[Mode, dict[str, np.ndarray]]:
    """ξ at equal single-task accuracy, the α where that is, and that accuracy: means over pairs, [R] each."""
    own = {mode: _curves(study, others, "own") for mode, others in found.items()}
    error = {mode: _curves(study, others, "diagonal") for mode, others in found.items()}
    last = int(np.argmin(np.abs(study.coefficients - 1.0)))
    parts = {mode: [] for mode in found}
    for k in range(len(pairs(study))):
        level_R = np.min([curves[k][:, last] for curves in own.values()], axis=0)
        for mode in found:
            at_R = disentanglement.first_reaching(study.coefficients, own[mode][k], level_R)
            parts[mode].append((disentanglement.along(study.coefficients, error[mode][k], at_R), at_R, level_R))
    names = "matched_disentanglement_error", *ON_VALIDATION
    return {mode: dict(zip(names, np.mean(part, axis=0), strict=True)) for mode, part in parts.items()}


def _absolute(study: Study, mode: Mode, values: Replicates) -> None:
    """What no other experiment has rows of yet."""
    for metric in sorted(set(values) - set(OVER_RANGE)):
        _add(study, metric, values[metric], mode)


def _difference(study: Study, mode: Mode, baseline: Mode, values: Mapping[Mode, Replicates]) -> None:
    for metric in values[mode] if baseline in values else ():
        if metric.endswith(("_error", "_error_tuned")) and metric in values[baseline]:
            _add(study, metric, values[mode][metric] - values[baseline][metric], mode, f"minus {baseline}")


def _add(study: Study, metric: str, values_R: np.ndarray, mode: Mode, params_id: str = "") -> None:
    where = {"training": mode.training, "evaluation": mode.evaluation, "params_id": params_id}
    split = "val" if metric in ON_VALIDATION else "test"
    number = size(study, *pairs(study), split=split)
    study.add(metric, values_R, sources="each", task="all", split=split, num_samples=number, **where)
