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

    tau = {t: study.vector(t) for t in study.tasks}
    theta0 = study.theta0
    length0, size = vectors.norm(theta0), sum(v.numel() for v in theta0.values())
    common = {"task": "", "split": "", "num_samples": size}
    for task in study.tasks:
        length = vectors.norm(tau[task])
        study.add("norm", length, sources=task, **common)
        study.add("relative_norm", length / length0, sources=task, **common)
    for a, b in combinations_with_replacement(study.tasks, 2):
        study.add("cosine", vectors.cosine(tau[a], tau[b]), sources=f"{a}+{b}", **common)


def cost(asking: Asking) -> None:
    """Counts T norms and T (T + 1) / 2 cosines of three products each."""
    num = len(asking.tasks)
    asking.work.add("dot", 1 + 2 * num + 3 * num * (num + 1) / 2, asking.model)
