"""Localization of the kernel's eigenfunctions: those that a task uses, on its own images against the control's.

    E_loc(x) = Σ_ρ φ_ρ(x)²,   Θ(θ0) on task ∪ control = Σ_ρ λ_ρ φ_ρ φ_ρᵀ

over the eigenfunctions that a task uses. Eigenfunctions that vanish off their task's support suffice for task
arithmetic (paper, Prop. 2). Which ones the paper's plot takes is not known; here the smallest set that holds a share of
the energy ‖φ_ρᵀ Y‖² of the labels Y: one-hot on the task, minus its mean there, and zero on the control. These labels
favour functions that live on the task in *any* basis, so two nulls choose in the same way: a random basis, and the
kernel of a random initialisation.

Shapes: N images (n of the task, then n of the control), C classes, M eigenfunctions, R replicates, K readouts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachModel, Experiment, ModelStudy
from tangent_bench.seeds import generator

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Localization of the tangent kernel's eigenfunctions",
    scope=EachModel(opens=True),
    section="ntk_localization",
    reference="Ortiz-Jimenez et al. 2023, §5 (eigenfunction localization), Prop. 2",
)
RANDOM_SEED = 1  # of the random initialisation: not that of the runs that start from one


@dataclass(frozen=True)
class Localization:
    """How far the energy of a set of eigenfunctions tells a task from the control, with replicates [R]."""

    on: np.ndarray
    off: np.ndarray
    auroc: np.ndarray
    num_eigenfunctions: int


def run(study: ModelStudy) -> None:
    towers = {
        "": study.results.network,
        "_null_random_init": study.results.random_network(RANDOM_SEED),
    }
    found: dict[str, list[np.ndarray]] = {}
    for task in study.tasks:
        weights = [
            study.weights(name, "test")[:, : _size(study, task)] for name in (task, study.control)
        ]
        labels_NC = label_functions(study.labels(task, "test"), _size(study, task))
        each = {}
        for name, tower in towers.items():
            basis_NN = eigenbasis(study, tower, task)
            each[name] = localization(basis_NN, labels_NC, study.settings, weights)
        each["_null_haar"] = haar(
            task, labels_NC, each[""].num_eigenfunctions, study.settings, weights
        )
        for metric, values in _metrics(each).items():
            found.setdefault(metric, []).append(values)
            _add(study, metric, values, task, 2 * _size(study, task))
    total = sum(2 * _size(study, task) for task in study.tasks)
    for metric, values in found.items():
        _add(study, metric, np.mean(values, 0), "all", total)


def _size(study: ModelStudy, task: str) -> int:
    """Images of the task, and as many of the control."""
    return min(
        study.settings["num_images"], study.size("test", task), study.size("test", study.control)
    )


def _metrics(each: dict[str, Localization]) -> dict[str, np.ndarray]:
    own = each[""]
    out = {f"localization_auroc{name}": found.auroc for name, found in each.items()}
    for null in ("haar", "random_init"):
        out[f"localization_auroc_above_{null}"] = own.auroc - each[f"_null_{null}"].auroc
    for name, found in each.items():
        out |= {f"local_energy_on{name}": found.on, f"local_energy_off{name}": found.off}
        out[f"num_eigenfunctions{name}"] = np.array([float(found.num_eigenfunctions)])
    return out


def _add(study: ModelStudy, metric: str, values: np.ndarray, task: str, num_samples: int) -> None:
    about = study.settings
    probes = "all" if about["probes"] is None else about["probes"]
    reduction = f"{about['kernel_point']}; {about['outputs']}, {probes} probes; {about['choice']} {about['label_energy']:g}"
    study.add(
        metric,
        values,
        sources="",
        task=task,
        split="test",
        num_samples=num_samples,
        params_id=reduction,
    )


def eigenbasis(study: ModelStudy, tower, task: str) -> np.ndarray:
    """Eigenvectors of Θ(θ0) on task ∪ control in columns [N, N], largest eigenvalue first."""
    import torch

    from tangent_bench.tangent import kernel

    size = _size(study, task)
    images_NCHW = torch.cat(
        [study.results.prepared(name, "test")[:size].tensor() for name in (task, study.control)]
    )
    readout_KD = readout(study, task)
    return kernel.eigenfunctions(
        kernel.empirical(tower.module, tower.theta0, images_NCHW, readout_KD)
    )[1]


def readout(study: ModelStudy, task: str):
    """What the kernel is summed over: coordinates of the embedding or logits of the task's head, or `probes` random
    orthonormal directions of them, scaled so that the sum over all is met in the mean; None for all coordinates.
    """
    import torch

    from tangent_bench.tangent.kernel import random_readout

    head_CD = torch.from_numpy(study.results.head(task))
    over_logits = study.settings["outputs"] == "logits"
    probes = random_readout(
        head_CD.shape[not over_logits], study.settings["probes"], study.experiment, task
    )
    if not over_logits:
        return probes
    return head_CD if probes is None else probes.to(head_CD.dtype) @ head_CD


def label_functions(labels, size: int) -> np.ndarray:
    """Y [2 size, C]: one-hot minus its mean on the task's first `size` images, zero on as many of the control."""
    one_hot = np.eye(labels.num_classes)[labels.labels[:size]]
    return np.concatenate([one_hot - one_hot.mean(0), np.zeros_like(one_hot)])


def ranked(
    basis_NM: np.ndarray, labels_NC: np.ndarray, choice: str
) -> tuple[np.ndarray, np.ndarray]:
    """Order of the functions, by their share of the labels' energy ("label_energy") or as they come, by eigenvalue
    ("leading"); and the share that the first 1, 2, ... M of that order hold of what all of them do.

    Raises:
        ValueError: the labels are all the same.
    """
    energy_M = ((basis_NM.T @ labels_NC) ** 2).sum(1)
    if energy_M.sum() <= 0.0:
        raise ValueError(
            "Labels of one class have no energy to hold; raise `ntk_localization.num_images`."
        )
    order_M = (
        np.argsort(-energy_M, kind="stable")
        if choice == "label_energy"
        else np.arange(len(energy_M))
    )
    return order_M, np.cumsum(energy_M[order_M]) / energy_M.sum()


def localization(basis_NM: np.ndarray, labels_NC: np.ndarray, settings, weights) -> Localization:
    """Energy of the chosen functions on and off the task; `weights` are counts [R, n] on the task, on the control."""
    from tangent_bench.tangent.kernel import local_energy

    order_M, held_M = ranked(basis_NM, labels_NC, settings["choice"])
    # The whole basis holds all: rounding must not ask for one more than there are.
    num = min(int(np.searchsorted(held_M, settings["label_energy"])) + 1, len(order_M))
    return measured(local_energy(basis_NM[:, order_M[:num]])[None], num, weights)


def measured(energies_SN: np.ndarray, num_eigenfunctions: int, weights) -> Localization:
    """Means over S sets of functions of their energy on the task, off it, and of the AUROC between the two."""
    on_Rn, off_Rn = (w / w.sum(1, keepdims=True, dtype=np.float64) for w in weights)
    on_Sn, off_Sn = energies_SN[:, : on_Rn.shape[1]], energies_SN[:, on_Rn.shape[1] :]
    above_nn = np.mean(
        [np.heaviside(np.subtract.outer(a, b), 0.5) for a, b in zip(on_Sn, off_Sn, strict=True)], 0
    )
    auroc_R = ((on_Rn @ above_nn) * off_Rn).sum(1)
    return Localization(on_Rn @ on_Sn.mean(0), off_Rn @ off_Sn.mean(0), auroc_R, num_eigenfunctions)


def haar(task: str, labels_NC: np.ndarray, num: int, settings, weights) -> Localization:
    """The null of no kernel: from each of several random orthonormal bases, the `num` functions that hold most."""
    from tangent_bench.tangent.kernel import local_energy

    rng, size = generator("ntk_localization", "haar", task), len(labels_NC)
    energies = []
    for _ in range(settings["null_draws"]):
        basis_NN = np.linalg.qr(rng.standard_normal((size, size)))[0]
        order = ranked(basis_NN, labels_NC, settings["choice"])[0]
        energies.append(local_energy(basis_NN[:, order[:num]]))
    return measured(np.array(energies), num, weights)


def cost(asking: Asking) -> None:
    """Counts the kernel of each task ∪ control, of the network and of a random one, and null bases."""
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
