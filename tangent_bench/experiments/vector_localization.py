"""Localization of task vectors: what each does to the embeddings of other tasks' test images.

With E, R and others / own as in `measuring.localization`, at each α of the config (coefficient):
  relative_change      E[t, s], sources t, task s; mean over tasks of E[t, t]: "each", "own"
  localization_ratio   R[t, s], sources t, task s; 1 where t = s
  one_other_over_own   mean of R[t, s] over t ≠ s: "each", s
  others_over_own      change by the sum of all others over the own one, task s, sources the others
The last two have means over tasks: sources "each", task "all".
Shapes: P points, N images, D embedding, A coefficients, S sums of vectors (T single ones, and all
others), R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy
from tangent_bench.measuring import localization, resampling
from tangent_bench.measuring.evaluation import Point

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Localization of task vectors: effect on other tasks' images over that on their own",
    scope=EachMode(),
    section="vector_localization",
    reference=(
        "Ortiz-Jimenez et al. 2023, §4 (g_t = 0 outside D_t); the measure is this suite's own"
    ),
)
RATIOS = ("others_over_own", "one_other_over_own")


@dataclass(frozen=True)
class Effects:
    """What all vectors do to the images of one task, at one coefficient.

    Attributes:
        relative: source → mean change over the embedding's length, [R].
        own: mean change by the task's own vector, [R].
        others: mean change by the sum of all others, [R].
    """

    relative: Mapping[str, np.ndarray]
    own: np.ndarray
    others: np.ndarray


def run(study: ModeStudy) -> None:
    by_task = {task: effects(study, task) for task in study.tasks}
    for alpha in _alphas(study):
        at_alpha = {task: by_alpha[alpha] for task, by_alpha in by_task.items()}
        _matrix_rows(study, alpha, at_alpha)
        _ratio_rows(study, alpha, at_alpha)


def require(config: Mapping) -> None:
    """Raises ValueError if a config has only one task."""
    tasks = config["tasks"]
    if len(tasks) < 2:
        raise ValueError(
            "Localization compares what a vector does to its own task with what it does to others, "
            f"but `tasks` has {', '.join(map(repr, tasks))} alone; add one, or take "
            "'vector_localization' out of `experiments`."
        )


def effects(study: ModeStudy, task: str) -> dict[float, Effects]:
    """α → what the vectors do to the first test images of a task."""
    limit = study.settings["num_images"]
    points = [{}, *_points(study, task)]
    embeddings = study.evaluator.embeddings(task, "test", points, limit)
    base_ND = next(embeddings)
    lengths_PN = np.stack([localization.lengths(moved_ND, base_ND) for moved_ND in embeddings])
    blocks_N = study.labels(task, "test").blocks[:limit]  # blocks that the limit cuts stay whole
    weights_RN = resampling.weights(blocks_N, study.num_replicates, task, "test")
    shape = (-1, len(_alphas(study)), len(study.tasks) + 1)  # at each α: T vectors, then a sum
    absolute_RAS = resampling.mean(lengths_PN, weights_RN).reshape(shape)
    relative_PN = localization.relative(lengths_PN, base_ND)
    relative_RAS = resampling.mean(relative_PN, weights_RN).reshape(shape)
    own = study.tasks.index(task)
    found = {}
    for number, alpha in enumerate(_alphas(study)):
        found[alpha] = Effects(
            relative=dict(zip(study.tasks, relative_RAS[:, number, :-1].T, strict=True)),
            own=absolute_RAS[:, number, own],
            others=absolute_RAS[:, number, -1],
        )
    return found


def _alphas(study: ModeStudy) -> list[float]:
    return [float(alpha) for alpha in study.settings["coefficients"]]


def _points(study: ModeStudy, task: str) -> list[Point]:
    """At each coefficient every vector alone, and the sum of all but the task's own."""
    points = []
    for alpha in _alphas(study):
        points += [{source: alpha} for source in study.tasks]
        points.append(dict.fromkeys(_others(study, task), alpha))
    return points


def _others(study: ModeStudy, task: str) -> list[str]:
    return [name for name in study.tasks if name != task]


def _matrix_rows(study: ModeStudy, alpha: float, at_alpha: Mapping[str, Effects]) -> None:
    """E and R, and the mean over tasks of what a vector does to its own images."""
    for task, found in at_alpha.items():
        own_R = found.relative[task]
        for source, change_R in found.relative.items():
            ratio_R = localization.over_own(change_R, own_R, task)
            _add(study, "relative_change", change_R, source, task, alpha)
            _add(study, "localization_ratio", ratio_R, source, task, alpha)
    own = [found.relative[task] for task, found in at_alpha.items()]
    _add(study, "relative_change", np.mean(own, axis=0), "each", "own", alpha)


def _ratio_rows(study: ModeStudy, alpha: float, at_alpha: Mapping[str, Effects]) -> None:
    """What others do over what the own vector does: all of them together, and one of them."""
    by_metric: dict[str, list[np.ndarray]] = {metric: [] for metric in RATIOS}
    for task, found in at_alpha.items():
        others = _others(study, task)
        together_R = localization.over_own(found.others, found.own, task)
        single_R = np.mean([found.relative[source] for source in others], axis=0)
        single_R = localization.over_own(single_R, found.relative[task], task)
        _add_kept(study, "others_over_own", together_R, "+".join(others), task, alpha)
        _add_kept(study, "one_other_over_own", single_R, "each", task, alpha)
        by_metric["others_over_own"].append(together_R)
        by_metric["one_other_over_own"].append(single_R)
    for metric, values in by_metric.items():
        _add_kept(study, metric, np.mean(values, axis=0), "each", "all", alpha)


def _add_kept(
    study: ModeStudy, metric: str, values_R: np.ndarray, sources: str, task: str, alpha: float
) -> None:
    """Adds a row, and keeps its replicates as "metric@α/task"."""
    _add(study, metric, values_R, sources, task, alpha)
    study.replicates[f"{metric}@{alpha}/{task}"] = values_R


def _add(
    study: ModeStudy, metric: str, values_R: np.ndarray, sources: str, task: str, alpha: float
) -> None:
    evaluated = study.tasks if task in ("all", "own") else (task,)
    limit = study.settings["num_images"]
    study.add(
        metric,
        values_R,
        sources=sources,
        task=task,
        split="test",
        num_samples=sum(min(limit, study.size("test", name)) for name in evaluated),
        coefficient=alpha,
    )


def cost(asking: Asking) -> None:
    """Counts θ0, and at each coefficient every vector alone and the sum of the others."""
    num_alphas = len(asking.settings["coefficients"])
    num_tasks = len(asking.tasks)
    limit = asking.settings["num_images"]
    for task in asking.tasks:
        asking.embed(task, "test", 1, 0, limit)
        asking.embed(task, "test", num_alphas * num_tasks, 1, limit)
        asking.embed(task, "test", num_alphas, num_tasks - 1, limit)
