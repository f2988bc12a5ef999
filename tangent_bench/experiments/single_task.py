"""Single-task accuracy: zero-shot, and each vector at α = 1 on every task (T × T).

A vector that was trained on all tasks jointly is the upper bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy
from tangent_bench.store.layout import JOINT

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Single-task accuracy",
    scope=EachMode(needs_vectors=False),
    reference="Ortiz-Jimenez et al. 2023, Fig. 1 and §3; cross table as FusionBench prints it",
)

Matrix = dict[tuple[str, str], np.ndarray]  # (source, task) → accuracy [R]


def run(study: ModeStudy) -> None:
    if study.mode.training == "none":
        _zero_shot(study)
        return
    for split in ("val", "test"):
        _matrix(study, split)


def _zero_shot(study: ModeStudy) -> None:
    """Accuracy of θ0 on each task and the control, and its mean over tasks."""
    for split in ("val", "test"):
        by_task = {}
        for task in (*study.tasks, study.control):
            by_task[task] = study.accuracy(task, split, [{}], keep="zero-shot")[:, 0]
            size = study.size(split, task)
            _add(study, by_task[task], "", task, split, size)
        mean_R = np.mean([by_task[task] for task in study.tasks], axis=0)
        _add(study, mean_R, "", "all", split, study.size(split, *study.tasks))
        study.replicates |= {f"{split}/{task}": values for task, values in by_task.items()}


def _matrix(study: ModeStudy, split: str) -> None:
    """All sources on all tasks on test; on validation only the diagonal, which selection needs."""
    joint = [JOINT] if study.joint else []
    table: Matrix = {}
    for task in study.tasks:
        sources = [*study.tasks, *joint] if split == "test" else [task]
        points = [{source: 1.0} for source in sources]
        accuracy_RP = study.accuracy(task, split, points, keep="single")
        for source, values_R in zip(sources, accuracy_RP.T, strict=True):
            table[source, task] = values_R
            _add(study, values_R, source, task, split, study.size(split, task), coefficient=1.0)
    total = study.size(split, *study.tasks)
    own_R = np.mean([table[task, task] for task in study.tasks], axis=0)
    _add(study, own_R, "each", "own", split, total, coefficient=1.0)
    study.replicates |= {f"{split}/{task}": table[task, task] for task in study.tasks}
    study.replicates[f"{split}/own"] = own_R
    if split == "test":
        _upper_bound(study, table, joint, total)
        _flags(study, table)


def _upper_bound(study: ModeStudy, table: Matrix, joint: Sequence[str], total: int) -> None:
    """Mean accuracy of the jointly trained vector over tasks."""
    for source in joint:
        mean_R = np.mean([table[source, task] for task in study.tasks], axis=0)
        _add(study, mean_R, source, "all", "test", total, coefficient=1.0)


def _flags(study: ModeStudy, table: Matrix) -> None:
    """Whether each vector is the best on its own task.

    A wrong checkpoint under a right name is plausible everywhere but there.
    """
    for task in study.tasks:
        own = table[task, task][0]
        best = all(own >= table[other, task][0] for other in study.tasks)
        study.add(
            "best_on_own_task",
            float(best),
            sources=task,
            task=task,
            split="test",
            num_samples=study.size("test", task),
            coefficient=1.0,
        )


def _add(
    study: ModeStudy,
    values_R: np.ndarray,
    sources: str,
    task: str,
    split: str,
    num_samples: int,
    coefficient: float | None = None,
) -> None:
    study.add(
        "accuracy",
        values_R,
        sources=sources,
        task=task,
        split=split,
        num_samples=num_samples,
        coefficient=coefficient,
    )


def cost(asking: Asking) -> None:
    """Counts zero-shot accuracies on every split, or the matrix on test and its diagonal on val."""
    if asking.mode.training == "none":
        for task in (*asking.tasks, asking.control):
            for split in ("val", "test"):
                asking.predict(task, split, 1, 0, [])
                asking.keep(task, split, 1)
        return
    for task in asking.tasks:
        for split, sources in (("val", [task]), ("test", asking.vectors)):
            asking.predict(task, split, len(sources), 1, sources)
            asking.keep(task, split, len(sources))
