"""Kernel behaviour: how far fine-tuning takes a network and its kernel from their linearization.

Each vector τ_t on its own task's first test images. Rows (evaluation "none" but for the first two;
α as coefficient):
  network_accuracy, tangent_accuracy   f(θ0 + τ) and f_lin(θ0 + τ); evaluation "network", "tangent"
  zero_shot_accuracy                   f(θ0), α = 0
  nonlinear_advantage                  (the first − the second) · C / (C − 1)
  output_error, output_angle           at θ0 + ατ: ‖f − f_lin‖ / ‖f − f_0‖, and degrees between f
                                       and f_lin
  kernel_drift, kernel_alignment       ‖Θ(θ0 + τ) − Θ(θ0)‖ / ‖Θ(θ0)‖ (Frobenius) and centred
                                       alignment of the two
  kernel_regression_accuracy           regression with Θ(θ0) on validation images (`params_id`: how
                                       many); no α
  kernel_regression_ridge              its λ as a share of the mean of Θ's diagonal, chosen on
                                       held-out blocks of them
Θ is the kernel of the logits less their mean over classes, traced over classes or over random
directions among them. Means over tasks: sources "each", task "own".
Shapes: N images, R bootstrap replicates (0 is the estimate), D embedding, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tangent_bench.experiments import EachTraining, Experiment, TrainingStudy
from tangent_bench.measuring import resampling

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Kernel behaviour: output error, drift of the tangent kernel, kernel regression",
    scope=EachTraining(opens=True),
    section="kernel_gap",
    reference=(
        "Ortiz-Jimenez et al. 2023, §3; Jacot et al. 2018; Malladi et al. 2023 (kernel regression: "
        "SGD kernel)"
    ),
)
ALONG_PATH = ("output_error", "output_angle")


class GapQuantity(NamedTuple):
    """Coordinates of a row, less its task."""

    metric: str
    evaluation: str = "none"
    coefficient: float | None = 1.0
    split: str = "test"
    params_id: str = ""


class Measured(NamedTuple):
    """An estimate with its replicates [R], or alone, and the number of images behind it."""

    values: np.ndarray | float
    num_images: int


Findings = dict[GapQuantity, Measured]


def run(study: TrainingStudy) -> None:
    by_task = []
    for task in study.tasks:
        line = Line(study, task)
        findings = _accuracies(line) | _path(line) | _kernels(line) | _regression(line)
        _add(study, findings, task, task)
        by_task.append(findings)
    _add(study, _mean(by_task), "each", "own")


class Line:
    """θ0 + ατ of one task on its first test images: f by the network, f_lin from features."""

    def __init__(self, study: TrainingStudy, task: str) -> None:
        self.study = study
        self.task = task
        self.results = study.results
        self.settings = study.settings
        self.tau = study.vector(task)
        self.labels = study.labels(task, "test")
        self.num: int = min(self.settings["num_images"], len(self.labels.labels))
        self.images = self.results.prepared(task, "test")[: self.num].tensor()
        self.base = self.results.base(task, "test")[: self.num].astype(np.float64)
        change_ND = self.results.change(study.mode.training, task, "test", task)
        self.change = change_ND[: self.num].astype(np.float64)
        self.weights = study.weights(task, "test")[:, : self.num]
        head_KD = self.results.head(task).astype(np.float64)
        self.head = head_KD - head_KD.mean(0)  # what all logits share chooses no class

    def theta(self, alpha: float) -> dict[str, Tensor]:
        """θ0 + ατ."""
        from tangent_bench.tangent import vectors

        return vectors.add(self.study.theta0, [(alpha, self.tau)])

    def network(self, alpha: float) -> np.ndarray:
        """f(x; θ0 + ατ), [N, D]."""
        from tangent_bench.tangent import features

        module = self.results.network.module
        batch_size = self.settings["batch_size"]
        outputs_ND = features.base(module, self.theta(alpha), self.images, batch_size)
        return outputs_ND.astype(np.float64)

    def tangent(self, alpha: float) -> np.ndarray:
        """f_lin(x; θ0 + ατ), [N, D]."""
        return self.base + alpha * self.change

    def accuracy(self, logits_NK: np.ndarray) -> np.ndarray:
        """Share of test images whose largest logit is right, [R]."""
        right_N = logits_NK.argmax(1) == self.labels.labels[: self.num]
        return resampling.accuracy(right_N[None], self.weights)[:, 0]

    def mean(self, values_N: np.ndarray) -> np.ndarray:
        """Mean over the images, [R]."""
        return self.weights @ values_N / self.weights.sum(1)

    def kernel(
        self,
        theta: Mapping[str, Tensor],
        images: Tensor,
        num_directions: int | None,
        others: Tensor | None = None,
    ) -> np.ndarray:
        """Θ of the task's centred logits, float64 [N, N] or [N, M].

        Args:
            theta: parameters.
            images: of the rows, [N, C, H, W].
            num_directions: random directions among the logits; None: all logits.
            others: images of the columns, [M, C, H, W]; None: those of the rows.
        """
        import torch

        from tangent_bench.tangent import kernel

        directions = kernel.random_readout(len(self.head), num_directions, "kernel_gap", self.task)
        readout = self.head if directions is None else directions.numpy() @ self.head
        return kernel.empirical(
            self.results.network.module,
            theta,
            images,
            torch.from_numpy(readout),
            others,
            self.settings["batch_size"],
        )


def _accuracies(line: Line) -> Findings:
    """f and f_lin at θ0 + τ, and the non-linear advantage on the same resampled images."""
    network_R = line.accuracy(line.network(1.0) @ line.head.T)
    tangent_R = line.accuracy(line.tangent(1.0) @ line.head.T)
    zero_shot_R = line.accuracy(line.base @ line.head.T)
    advantage_R = resampling.nonlinear_advantage(network_R, tangent_R, line.labels.num_classes)
    return {
        GapQuantity("network_accuracy", "network"): Measured(network_R, line.num),
        GapQuantity("tangent_accuracy", "tangent"): Measured(tangent_R, line.num),
        GapQuantity("zero_shot_accuracy", coefficient=0.0): Measured(zero_shot_R, line.num),
        GapQuantity("nonlinear_advantage"): Measured(advantage_R, line.num),
    }


def _path(line: Line) -> Findings:
    """Error and angle between f and f_lin along the path."""
    findings = {}
    for alpha in line.settings["path"]:
        network_ND = line.network(alpha)
        tangent_ND = line.tangent(alpha)
        error_R = _error(line, network_ND, tangent_ND)
        angle_R = line.mean(angles(network_ND, tangent_ND))
        findings[GapQuantity("output_error", coefficient=alpha)] = Measured(error_R, line.num)
        findings[GapQuantity("output_angle", coefficient=alpha)] = Measured(angle_R, line.num)
    return findings


def _error(line: Line, network_ND: np.ndarray, tangent_ND: np.ndarray) -> np.ndarray:
    """√(Σ_n ‖f − f_lin‖² / Σ_n ‖f − f_0‖²), [R].

    Raises:
        ValueError: the vector changes no output.
    """
    moved_R = line.mean(((network_ND - line.base) ** 2).sum(1))
    if (moved_R == 0.0).any():
        raise ValueError(
            f"The vector of {line.task!r} changes no output of the network, so that its output "
            "error is not defined; was the fine-tuning run with a learning rate of 0?"
        )
    return np.sqrt(line.mean(((network_ND - tangent_ND) ** 2).sum(1)) / moved_R)


def angles(left_ND: np.ndarray, right_ND: np.ndarray) -> np.ndarray:
    """Angle between each pair of embeddings in degrees, [N].

    2 atan2(‖u − v‖, ‖u + v‖),   u, v the unit vectors
    """
    u = left_ND / np.linalg.norm(left_ND, axis=1, keepdims=True)
    v = right_ND / np.linalg.norm(right_ND, axis=1, keepdims=True)
    difference_N = np.linalg.norm(u - v, axis=1)
    sum_N = np.linalg.norm(u + v, axis=1)
    return np.degrees(2.0 * np.arctan2(difference_N, sum_N))


def _kernels(line: Line) -> Findings:
    """What fine-tuning did to the tangent kernel of the first `ntk_images` test images."""
    from tangent_bench.tangent import kernel

    images = line.images[: line.settings["ntk_images"]]
    num_directions = line.settings["ntk_directions"]
    before_NN = line.kernel(line.theta(0.0), images, num_directions)
    after_NN = line.kernel(line.theta(1.0), images, num_directions)
    drift = kernel.drift(after_NN, before_NN)
    alignment = kernel.alignment(after_NN, before_NN)
    return {
        GapQuantity("kernel_drift"): Measured(drift, len(images)),
        GapQuantity("kernel_alignment"): Measured(alignment, len(images)),
    }


def _regression(line: Line) -> Findings:
    logits_NK, share, num = regressed(line)
    params_id = f"{num} validation images"
    accuracy = GapQuantity("kernel_regression_accuracy", coefficient=None, params_id=params_id)
    ridge = GapQuantity(
        "kernel_regression_ridge", coefficient=None, split="val", params_id=params_id
    )
    return {
        accuracy: Measured(line.accuracy(logits_NK), line.num),
        ridge: Measured(share, num),
    }


def regressed(line: Line) -> tuple[np.ndarray, float, int]:
    """Regression from f_0 with Θ(θ0), one kernel for all classes, on the first validation images.

    Returns:
        Centred logits of the test images [N, K], λ as a share of the mean of Θ's diagonal, and the
        number of training images.
    """
    from tangent_bench.tangent import kernel_regression

    num = line.settings["regression_images"]
    num_directions = line.settings["regression_directions"]
    images = line.results.prepared(line.task, "val")[:num].tensor()
    labels = line.study.labels(line.task, "val")
    logits = line.results.base(line.task, "val")[:num].astype(np.float64) @ line.head.T
    theta0 = line.study.theta0
    within = line.kernel(theta0, images, num_directions)
    across = line.kernel(theta0, line.images, num_directions, images)
    residual = kernel_regression.targets(logits, labels.labels[:num]) - logits
    strength = kernel_regression.choose_ridge(
        within, residual, labels.blocks[:num], line.settings["ridges"]
    )
    moved = across @ kernel_regression.ridge(within, residual, strength)
    share = strength * len(images) / np.trace(within)
    return line.base @ line.head.T + moved, share, len(images)


def _mean(by_task: Sequence[Findings]) -> Findings:
    """Means over tasks of what all of them have; a mean λ would say nothing."""
    means = {}
    for quantity in by_task[0]:
        shared = all(quantity in findings for findings in by_task)
        if not shared or quantity.metric == "kernel_regression_ridge":
            continue
        parts = [findings[quantity] for findings in by_task]
        values = np.mean([np.asarray(part.values) for part in parts], axis=0)
        means[quantity] = Measured(values, sum(part.num_images for part in parts))
    return means


def _add(study: TrainingStudy, findings: Findings, sources: str, task: str) -> None:
    """Rows, and replicates named "metric/task", or "metric@α/task" along the path."""
    for quantity, (values, num_images) in findings.items():
        study.add(
            quantity.metric,
            values,
            sources=sources,
            task=task,
            split=quantity.split,
            num_samples=num_images,
            evaluation=quantity.evaluation,
            coefficient=quantity.coefficient,
            params_id=quantity.params_id,
        )
        if np.ndim(values):
            place = f"@{quantity.coefficient}" if quantity.metric in ALONG_PATH else ""
            name = f"{quantity.metric}{place}/{task}"
            study.replicates[name] = np.asarray(values, dtype=np.float64)


def cost(asking: Asking) -> None:
    """Counts f along the path, the kernels of all logits before and after, and the regression's.

    The regression has a kernel within validation and one across to test.
    """
    settings = asking.settings
    passes = 1 + len(settings["path"])
    for task in asking.tasks:
        classes = asking.num_classes(task)
        ntk_readouts = min(settings["ntk_directions"] or classes, classes)
        readouts = min(settings["regression_directions"] or classes, classes)
        num = asking.images(task, "test", settings["num_images"])
        num_train = asking.images(task, "val", settings["regression_images"])
        asking.work.images += passes * num
        asking.work.add("encode", passes * num, asking.model)
        for _ in range(2):
            asking.kernel(min(num, settings["ntk_images"]), ntk_readouts)
        asking.kernel(num_train, readouts)
        asking.kernel(num, readouts, num_train)
        points = 4 + 2 * len(settings["path"])
        asking.resample(task, "test", points, asking.images(task, "test"))
