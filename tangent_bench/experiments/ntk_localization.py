"""Localization of the kernel's eigenfunctions: those that a task uses, on it against the control.

    E_loc(x) = Σ_ρ φ_ρ(x)²,   Θ(θ0) on task ∪ control = Σ_ρ λ_ρ φ_ρ φ_ρᵀ

over the eigenfunctions that a task uses. Eigenfunctions that vanish off their task's support
suffice for task arithmetic (paper, Prop. 2). Which ones the paper's plot takes is not known; here
it is the smallest set that holds a share of the energy ‖φ_ρᵀ Y‖² of the labels Y: one-hot on the
task, minus its mean there, and zero on the control. These labels favour functions that live on the
task in *any* basis, so two nulls choose in the same way: a random basis, and the kernel of a random
initialisation.

Shapes: N images (n of the task, then n of the control), C classes, M eigenfunctions, R replicates,
K readouts, S sets of functions, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tangent_bench.experiments import EachModel, Experiment, ModelStudy
from tangent_bench.measuring.results import Labels
from tangent_bench.seeds import generator

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.models._tower import Tower
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Localization of the tangent kernel's eigenfunctions",
    scope=EachModel(opens=True),
    section="ntk_localization",
    reference="Ortiz-Jimenez et al. 2023, §5 (eigenfunction localization), Prop. 2",
)
RANDOM_SEED = 1  # of the random initialisation: not that of the runs that start from one

Weights = Sequence[np.ndarray]  # bootstrap counts on the task and on the control, [R, n] each


@dataclass(frozen=True)
class Localization:
    """How far the energy of a set of eigenfunctions tells a task from the control.

    Attributes:
        on: energy on the task, [R].
        off: energy on the control, [R].
        auroc: of the energy, [R].
        num_eigenfunctions: in the set.
    """

    on: np.ndarray
    off: np.ndarray
    auroc: np.ndarray
    num_eigenfunctions: int


def run(study: ModelStudy) -> None:
    towers = {
        "": study.results.network,
        "_null_random_init": study.results.random_network(RANDOM_SEED),
    }
    by_metric: dict[str, list[np.ndarray]] = {}
    for task in study.tasks:
        for metric, values_R in _metrics(_localizations(study, towers, task)).items():
            by_metric.setdefault(metric, []).append(values_R)
            _add(study, metric, values_R, task, 2 * _size(study, task))
    total = sum(2 * _size(study, task) for task in study.tasks)
    for metric, values in by_metric.items():
        _add(study, metric, np.mean(values, 0), "all", total)


def _localizations(
    study: ModelStudy, towers: Mapping[str, Tower], task: str
) -> dict[str, Localization]:
    """Ending of a metric's name → localization of the network and of both nulls on a task."""
    size = _size(study, task)
    weights = [study.weights(name, "test")[:, :size] for name in (task, study.control)]
    labels_NC = label_functions(study.labels(task, "test"), size)
    localizations = {}
    for name, tower in towers.items():
        basis_NN = eigenbasis(study, tower, task)
        localizations[name] = localization(basis_NN, labels_NC, study.settings, weights)
    num = localizations[""].num_eigenfunctions
    localizations["_null_haar"] = haar(task, labels_NC, num, study.settings, weights)
    return localizations


def _size(study: ModelStudy, task: str) -> int:
    """Number of images of the task, and as many of the control."""
    limit = study.settings["num_images"]
    return min(limit, study.size("test", task), study.size("test", study.control))


def _metrics(localizations: Mapping[str, Localization]) -> dict[str, np.ndarray]:
    """Metric → [R]."""
    own = localizations[""]
    metrics = {f"localization_auroc{name}": one.auroc for name, one in localizations.items()}
    for null in ("haar", "random_init"):
        above_R = own.auroc - localizations[f"_null_{null}"].auroc
        metrics[f"localization_auroc_above_{null}"] = above_R
    for name, one in localizations.items():
        metrics[f"local_energy_on{name}"] = one.on
        metrics[f"local_energy_off{name}"] = one.off
        metrics[f"num_eigenfunctions{name}"] = np.array([float(one.num_eigenfunctions)])
    return metrics


def _add(study: ModelStudy, metric: str, values_R: np.ndarray, task: str, num_samples: int) -> None:
    settings = study.settings
    probes = "all" if settings["probes"] is None else settings["probes"]
    readouts = f"{settings['outputs']}, {probes} probes"
    choice = f"{settings['choice']} {settings['label_energy']:g}"
    study.add(
        metric,
        values_R,
        sources="",
        task=task,
        split="test",
        num_samples=num_samples,
        params_id=f"{settings['kernel_point']}; {readouts}; {choice}",
    )


def eigenbasis(study: ModelStudy, tower: Tower, task: str) -> np.ndarray:
    """Eigenvectors of Θ(θ0) on task ∪ control in columns [N, N], largest eigenvalue first."""
    import torch

    from tangent_bench.tangent import kernel

    size = _size(study, task)
    images = []
    for name in (task, study.control):
        images.append(study.results.prepared(name, "test")[:size].tensor())
    kernel_NN = kernel.empirical(
        tower.module, tower.theta0, torch.cat(images), readout(study, task)
    )
    return kernel.eigenfunctions(kernel_NN)[1]


def readout(study: ModelStudy, task: str) -> Tensor | None:
    """What the kernel is summed over, [K, D]; None for all coordinates of the embedding.

    It is coordinates of the embedding or logits of the task's head, or `probes` random orthonormal
    directions of them, scaled so that the sum over all is met in the mean.
    """
    import torch

    from tangent_bench.tangent.kernel import random_readout

    head_CD = torch.from_numpy(study.results.head(task))
    over_logits = study.settings["outputs"] == "logits"
    dimension = head_CD.shape[0 if over_logits else 1]
    probes = random_readout(dimension, study.settings["probes"], study.experiment, task)
    if not over_logits:
        return probes
    return head_CD if probes is None else probes.to(head_CD.dtype) @ head_CD


def label_functions(labels: Labels, size: int) -> np.ndarray:
    """Y [2 size, C]: one-hot minus its mean on the task's first images, zero on the control.

    Args:
        labels: of the task.
        size: number of images of the task, and of the control.
    """
    one_hot = np.eye(labels.num_classes)[labels.labels[:size]]
    return np.concatenate([one_hot - one_hot.mean(0), np.zeros_like(one_hot)])


def ranked(
    basis_NM: np.ndarray, labels_NC: np.ndarray, choice: str
) -> tuple[np.ndarray, np.ndarray]:
    """Order of the functions, and the share of the labels' energy that the first 1, 2, ... M hold.

    Args:
        basis_NM: the functions.
        labels_NC: the labels.
        choice: "label_energy", by their share of it; or "leading", as they come, by eigenvalue.

    Raises:
        ValueError: the labels are all the same.
    """
    energy_M = ((basis_NM.T @ labels_NC) ** 2).sum(1)
    if energy_M.sum() <= 0.0:
        raise ValueError(
            "Labels of one class have no energy to hold; raise `ntk_localization.num_images`."
        )
    order_M = np.arange(len(energy_M))
    if choice == "label_energy":
        order_M = np.argsort(-energy_M, kind="stable")
    return order_M, np.cumsum(energy_M[order_M]) / energy_M.sum()


def localization(
    basis_NM: np.ndarray, labels_NC: np.ndarray, settings: Mapping[str, Any], weights: Weights
) -> Localization:
    """Energy of the chosen functions on and off the task.

    Args:
        basis_NM: the functions.
        labels_NC: the labels.
        settings: of the experiment.
        weights: see `Weights`.
    """
    from tangent_bench.tangent.kernel import local_energy

    order_M, held_M = ranked(basis_NM, labels_NC, settings["choice"])
    # The whole basis holds all: rounding must not ask for one more than there are.
    num = min(int(np.searchsorted(held_M, settings["label_energy"])) + 1, len(order_M))
    energy_N = local_energy(basis_NM[:, order_M[:num]])
    return measured(energy_N[None], num, weights)


def measured(energies_SN: np.ndarray, num_eigenfunctions: int, weights: Weights) -> Localization:
    """Means over S sets of functions of energy on the task, off it, and of the AUROC of the two.

    Args:
        energies_SN: local energy of each set.
        num_eigenfunctions: in each set.
        weights: see `Weights`.
    """
    on_Rn, off_Rn = map(_shares, weights)
    num_on = on_Rn.shape[1]
    on_Sn = energies_SN[:, :num_on]
    off_Sn = energies_SN[:, num_on:]
    above_Snn = []
    for on_n, off_n in zip(on_Sn, off_Sn, strict=True):
        above_Snn.append(np.heaviside(np.subtract.outer(on_n, off_n), 0.5))
    above_nn = np.mean(above_Snn, 0)
    auroc_R = ((on_Rn @ above_nn) * off_Rn).sum(1)
    return Localization(
        on=on_Rn @ on_Sn.mean(0),
        off=off_Rn @ off_Sn.mean(0),
        auroc=auroc_R,
        num_eigenfunctions=num_eigenfunctions,
    )


def _shares(counts_Rn: np.ndarray) -> np.ndarray:
    return counts_Rn / counts_Rn.sum(1, keepdims=True, dtype=np.float64)


def haar(
    task: str, labels_NC: np.ndarray, num: int, settings: Mapping[str, Any], weights: Weights
) -> Localization:
    """The null of no kernel: the functions that hold most, from each of several random bases.

    Args:
        task: whose labels they are; the bases are drawn by its name.
        labels_NC: the labels.
        num: how many functions are taken of each basis.
        settings: of the experiment.
        weights: see `Weights`.
    """
    from tangent_bench.tangent.kernel import local_energy

    rng = generator("ntk_localization", "haar", task)
    size = len(labels_NC)
    energies = []
    for _ in range(settings["null_draws"]):
        basis_NN = np.linalg.qr(rng.standard_normal((size, size)))[0]
        order_N = ranked(basis_NN, labels_NC, settings["choice"])[0]
        energies.append(local_energy(basis_NN[:, order_N[:num]]))
    return measured(np.array(energies), num, weights)


def cost(asking: Asking) -> None:
    """Counts the kernels of network and random initialisation on task ∪ control, and null bases."""
    settings = asking.settings
    num_control = asking.images(asking.control, "test")
    for task in asking.tasks:
        outputs = asking.num_classes(task)
        if settings["outputs"] == "embedding":
            outputs = asking.embedding
        size = min(settings["num_images"], asking.images(task, "test"), num_control)
        for _ in range(2):
            asking.kernel(2 * size, min(settings["probes"] or outputs, outputs))
        asking.work.add("basis", settings["null_draws"] * (2 * size) ** 3)
    asking.resample(asking.control, "test", 1, num_control)
