"""Single-task accuracy: zero-shot, each vector at α = 1 on every task (T × T), and the jointly trained upper bound."""

from __future__ import annotations

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


def run(study: ModeStudy) -> None:
    if study.mode.training == "none":
        _zero_shot(study)
        return
    for split in ("val", "test"):
        _matrix(study, split)


def _zero_shot(study: ModeStudy) -> None:
    for split in ("val", "test"):
        by_task = {}
        for task in (*study.tasks, study.control):
            by_task[task] = study.accuracy(task, split, [{}], keep="zero-shot")[:, 0]
            study.add(
                "accuracy",
                by_task[task],
                sources="",
                task=task,
                split=split,
                num_samples=study.size(split, task),
            )
        mean = np.mean([by_task[t] for t in study.tasks], axis=0)
        study.add(
            "accuracy",
            mean,
            sources="",
            task="all",
            split=split,
            num_samples=study.size(split, *study.tasks),
        )
        study.replicates |= {f"{split}/{task}": values for task, values in by_task.items()}


def _matrix(study: ModeStudy, split: str) -> None:
    """All sources on all tasks on test; on validation the diagonal only, which selection needs."""
    joint = [JOINT] if study.joint else []
    table = {}
    for task in study.tasks:
        sources = [*study.tasks, *joint] if split == "test" else [task]
        accuracy_RP = study.accuracy(task, split, [{s: 1.0} for s in sources], keep="single")
        for source, values in zip(sources, accuracy_RP.T, strict=True):
            table[source, task] = values
            where = {
                "sources": source,
                "task": task,
                "split": split,
                "num_samples": study.size(split, task),
            }
            study.add("accuracy", values, coefficient=1.0, **where)
    total = study.size(split, *study.tasks)
    own = np.mean([table[t, t] for t in study.tasks], axis=0)
    study.add(
        "accuracy", own, sources="each", task="own", split=split, coefficient=1.0, num_samples=total
    )
    study.replicates |= {f"{split}/{t}": table[t, t] for t in study.tasks} | {f"{split}/own": own}
    if split == "test":
        _joint_and_flags(study, table, joint, total)


def _joint_and_flags(study: ModeStudy, table: dict, joint: list[str], total: int) -> None:
    for source in joint:
        mean = np.mean([table[source, t] for t in study.tasks], axis=0)
        study.add(
            "accuracy",
            mean,
            sources=source,
            task="all",
            split="test",
            coefficient=1.0,
            num_samples=total,
        )
    for task in study.tasks:
        # A wrong checkpoint under a right name is plausible everywhere but on its own task.
        best = all(table[task, task][0] >= table[other, task][0] for other in study.tasks)
        where = {
            "sources": task,
            "task": task,
            "split": "test",
            "num_samples": study.size("test", task),
        }
        study.add("best_on_own_task", float(best), coefficient=1.0, **where)


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
