"""Disentanglement of the modes beside each other.

Weak vectors disturb little, so that a mode may look disentangled because it does little. Hence
three comparisons beside the mean over the range: relative to the changes that each vector makes
alone; at the coefficient that task addition chose in that mode and replicate; and at *matched
single-task accuracy* (`_matching`), that of the weakest mode of the run.
Shapes: R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tangent_bench.experiments import (
    AcrossModes,
    AcrossModesStudy,
    Experiment,
    Replicates,
    _matching,
    disentanglement,
    scope_of,
    tuned,
)
from tangent_bench.experiments.disentanglement import pairs
from tangent_bench.store.layout import Mode

SCOPE = AcrossModes(reads=("task_addition", "disentanglement"))
EXPERIMENT = Experiment(
    title="Disentanglement of the modes compared",
    scope=SCOPE,
    section="disentanglement",
    reference="Ortiz-Jimenez et al. 2023, §4; matching and normalization are this suite's own",
)
BASELINES = (Mode("standard", "network"), Mode("standard", "tangent"))
OVER_RANGE = ("mean_disentanglement_error", "relative_disentanglement_error")
ERRORS = ("_error", "_error_tuned")  # how metrics end that are compared with a baseline


def run(study: AcrossModesStudy) -> None:
    replicates = study.left_by("disentanglement")
    values: dict[Mode, dict[str, np.ndarray]] = {}
    for mode, kept in replicates.items():
        values[mode] = {metric: kept[metric] for metric in OVER_RANGE}
        if ("task_addition", mode) in study.others:
            values[mode]["disentanglement_error_tuned"] = _at_selected(study, mode, kept)
    for mode, at_equal in _matching.matched(study, replicates, pairs(study)).items():
        values[mode] |= at_equal
    for mode in sorted(values, key=str):
        _absolute(study, mode, values[mode])
        for baseline in _baselines(mode):
            _difference(study, mode, baseline, values)


def require(config: Mapping) -> None:
    """Raises ValueError if a config has no pairs or no maps to compare."""
    disentanglement.require(config)
    if "disentanglement" not in SCOPE.compared(config):
        raise ValueError(
            "Experiment 'disentanglement_comparison' compares the maps of 'disentanglement', which "
            "is not among `experiments`; name it there too."
        )
    if not scope_of("disentanglement").modes(config):
        raise ValueError(
            "Experiment 'disentanglement_comparison' compares modes with vectors, but `modes` has "
            f"only {', '.join(config['modes'])}; name one more, as standard-network."
        )


def _baselines(mode: Mode) -> tuple[Mode, ...]:
    """What a mode is compared with; a baseline only with those before it."""
    return BASELINES[: BASELINES.index(mode)] if mode in BASELINES else BASELINES


def _at_selected(study: AcrossModesStudy, mode: Mode, kept: Replicates) -> np.ndarray:
    """ξ(α, α), mean over pairs, at the α that addition chose in the same replicate, [R]."""
    index_R = study.others["task_addition", mode]["selected_index"].astype(int)
    curves = [_matching.curve(study, kept, "diagonal", pair) for pair in pairs(study)]
    return tuned(np.mean(curves, axis=0), index_R)


def _absolute(study: AcrossModesStudy, mode: Mode, values: Replicates) -> None:
    """Rows of the metrics that no other experiment has."""
    for metric in sorted(set(values) - set(OVER_RANGE)):
        _add(study, metric, values[metric], mode)


def _difference(
    study: AcrossModesStudy, mode: Mode, baseline: Mode, values: Mapping[Mode, Replicates]
) -> None:
    """Rows of a mode minus a baseline."""
    if baseline not in values:
        return
    for metric, values_R in values[mode].items():
        if metric.endswith(ERRORS) and metric in values[baseline]:
            difference_R = values_R - values[baseline][metric]
            _add(study, metric, difference_R, mode, f"minus {baseline}")


def _add(
    study: AcrossModesStudy, metric: str, values_R: np.ndarray, mode: Mode, params_id: str = ""
) -> None:
    coordinates = {
        "training": mode.training,
        "evaluation": mode.evaluation,
        "params_id": params_id,
    }
    _matching.add(study, metric, values_R, pairs(study), **coordinates)
