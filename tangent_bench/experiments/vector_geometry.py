"""Norms of the task vectors, and the cosines between them."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

from tangent_bench.experiments import EachTraining, Experiment, TrainingStudy

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Norms and cosines of task vectors",
    scope=EachTraining(),
    reference="Ilharco et al. 2023, §5 (cosine similarity between task vectors)",
)


def run(study: TrainingStudy) -> None:
    from tangent_bench.tangent import vectors  # torch: not while the Snakefile is parsed

    tau = {task: study.vector(task) for task in study.tasks}
    theta0 = study.theta0
    length0 = vectors.norm(theta0)
    num_parameters = sum(value.numel() for value in theta0.values())
    common = {"task": "", "split": "", "num_samples": num_parameters}
    for task in study.tasks:
        length = vectors.norm(tau[task])
        study.add("norm", length, sources=task, **common)
        study.add("relative_norm", length / length0, sources=task, **common)
    for first, second in combinations_with_replacement(study.tasks, 2):
        cosine = vectors.cosine(tau[first], tau[second])
        study.add("cosine", cosine, sources=f"{first}+{second}", **common)


def cost(asking: Asking) -> None:
    """Counts T norms and T (T + 1) / 2 cosines of three products each."""
    num = len(asking.tasks)
    asking.work.add("dot", 1 + 2 * num + 3 * num * (num + 1) / 2, asking.model)
