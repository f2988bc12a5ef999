"""Kernel behaviour: how far a fine-tuned network is from its linearization, and its tangent kernel from where it was.

Each vector τ_t on its own task's first test images. Rows (evaluation "none" but for the first two; α as coefficient):
  network_accuracy, tangent_accuracy   f(θ0 + τ) and f_lin(θ0 + τ); evaluation "network", "tangent"
  zero_shot_accuracy                   f(θ0), α = 0
  nonlinear_advantage                  (the first − the second) · C / (C − 1)
  output_error, output_angle           at θ0 + ατ: ‖f − f_lin‖ / ‖f − f_0‖, and degrees between f and f_lin
  kernel_drift, kernel_alignment       ‖Θ(θ0 + τ) − Θ(θ0)‖ / ‖Θ(θ0)‖ (Frobenius) and centred alignment of the two
  kernel_regression_accuracy           regression with Θ(θ0) on validation images (`params_id`: how many); no α
  kernel_regression_ridge              its λ as a share of the mean of Θ's diagonal, chosen on held-out blocks of them
Θ is the kernel of the logits less their mean over classes, traced over classes or over random directions among them.
Means over tasks: sources "each", task "own".
Shapes: N images, R bootstrap replicates (0 is the estimate), D embedding, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tangent_bench.experiments import EachTraining, Experiment, TrainingStudy
from tangent_bench.measuring import resampling

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Kernel behaviour: output error, drift of the tangent kernel, kernel regression",
    scope=EachTraining(opens=True),
    section="kernel_gap",
    reference="Ortiz-Jimenez et al. 2023, §3; Jacot et al. 2018; Malladi et al. 2023 (kernel regression: SGD kernel)",
)


class Quantity(NamedTuple):
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


Findings = dict[Quantity, Measured]


def run(study: TrainingStudy) -> None:
    by_task = {}
    for task in study.tasks:
        line = Line(study, task)
        found = _accuracies(line) | _path(line) | _kernels(line) | _regression(line)
        _add(study, found, task, task)
        by_task[task] = found
    _add(study, _mean(list(by_task.values())), "each", "own")


class Line:
    """θ0 + ατ of one task, as its first test images see it: f by the network, f_lin from features."""

    def __init__(self, study: TrainingStudy, task: str) -> None:
        self.study, self.task, self.results = study, task, study.results
        self.settings, self.tau = study.settings, study.results.vector(study.mode.training, task)
        self.labels = study.labels(task, "test")
        self.num = min(self.settings["num_images"], len(self.labels.labels))
        self.images = self.results.prepared(task, "test")[: self.num].tensor()
        self.base = self.results.base(task, "test")[: self.num].astype(np.float64)
        self.change = self.results.change(study.mode.training, task, "test", task)[
            : self.num
        ].astype(np.float64)
        self.weights = study.weights(task, "test")[:, : self.num]
        head_KD = self.results.head(task).astype(np.float64)
        self.head = head_KD - head_KD.mean(0)  # what all logits share chooses no class

    def theta(self, alpha: float) -> dict:
        from tangent_bench.tangent import vectors

        return vectors.add(self.results.network.theta0, [(alpha, self.tau)])

    def network(self, alpha: float) -> np.ndarray:
        """f(x; θ0 + ατ), [N, D]."""
        from tangent_bench.tangent import features

        found = features.base(
            self.results.network.module, self.theta(alpha), self.images, self.settings["batch_size"]
        )
        return found.astype(np.float64)

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

    def kernel(self, theta: dict, images, num_directions: int | None, others=None) -> np.ndarray:
        """Θ of the task's centred logits, or of so many random directions among them."""
        import torch

        from tangent_bench.tangent import kernel

        directions = kernel.random_readout(len(self.head), num_directions, "kernel_gap", self.task)
        readout = torch.from_numpy(
            self.head if directions is None else directions.numpy() @ self.head
        )
        batch_size = self.settings["batch_size"]
        return kernel.empirical(
            self.results.network.module, theta, images, readout, others, batch_size
        )


def _accuracies(line: Line) -> Findings:
    """f and f_lin at θ0 + τ, and the non-linear advantage on the same resampled images."""
    network_R, tangent_R = (
        line.accuracy(f_ND @ line.head.T) for f_ND in (line.network(1.0), line.tangent(1.0))
    )
    return {
        Quantity("network_accuracy", "network"): Measured(network_R, line.num),
        Quantity("tangent_accuracy", "tangent"): Measured(tangent_R, line.num),
        Quantity("zero_shot_accuracy", coefficient=0.0): Measured(
            line.accuracy(line.base @ line.head.T), line.num
        ),
        Quantity("nonlinear_advantage"): Measured(
            resampling.nonlinear_advantage(network_R, tangent_R, line.labels.num_classes), line.num
        ),
    }


def _path(line: Line) -> Findings:
    found = {}
    for alpha in line.settings["path"]:
        network_ND, tangent_ND = line.network(alpha), line.tangent(alpha)
        found[Quantity("output_error", coefficient=alpha)] = Measured(
            _error(line, network_ND, tangent_ND), line.num
        )
        angle_R = line.mean(angles(network_ND, tangent_ND))
        found[Quantity("output_angle", coefficient=alpha)] = Measured(angle_R, line.num)
    return found


def _error(line: Line, network_ND: np.ndarray, tangent_ND: np.ndarray) -> np.ndarray:
    """√(Σ_n ‖f − f_lin‖² / Σ_n ‖f − f_0‖²), [R].

    Raises:
        ValueError: the vector changes no output.
    """
    moved_R = line.mean(((network_ND - line.base) ** 2).sum(1))
    if (moved_R == 0.0).any():
        raise ValueError(
            f"The vector of {line.task!r} changes no output of the network, so that its output error is not defined; "
            "was the fine-tuning run with a learning rate of 0?"
        )
    return np.sqrt(line.mean(((network_ND - tangent_ND) ** 2).sum(1)) / moved_R)


def angles(left_ND: np.ndarray, right_ND: np.ndarray) -> np.ndarray:
    """Angle between each pair of embeddings in degrees, [N]: 2 atan2(‖u − v‖, ‖u + v‖) of the unit vectors u, v."""
    u, v = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (left_ND, right_ND))
    return np.degrees(
        2.0 * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1))
    )


def _kernels(line: Line) -> Findings:
    """What fine-tuning did to the tangent kernel of the first `ntk_images` test images."""
    from tangent_bench.tangent import kernel

    images, num = line.images[: line.settings["ntk_images"]], line.settings["ntk_directions"]
    before, after = (line.kernel(line.theta(alpha), images, num) for alpha in (0.0, 1.0))
    return {
        Quantity("kernel_drift"): Measured(kernel.drift(after, before), len(images)),
        Quantity("kernel_alignment"): Measured(kernel.alignment(after, before), len(images)),
    }


def _regression(line: Line) -> Findings:
    logits_NK, share, num = regressed(line)
    where = {"coefficient": None, "params_id": f"{num} validation images"}
    return {
        Quantity("kernel_regression_accuracy", **where): Measured(
            line.accuracy(logits_NK), line.num
        ),
        Quantity("kernel_regression_ridge", split="val", **where): Measured(share, num),
    }


def regressed(line: Line) -> tuple[np.ndarray, float, int]:
    """Regression from f_0 with Θ(θ0), one kernel for all classes, on the first validation images.

    Returns:
        Centred logits of the test images [N, K], λ as a share of the mean of Θ's diagonal, number of training images.
    """
    from tangent_bench.tangent import kernel_regression

    num, directions = line.settings["regression_images"], line.settings["regression_directions"]
    images, about = (
        line.results.prepared(line.task, "val")[:num].tensor(),
        line.study.labels(line.task, "val"),
    )
    logits = line.results.base(line.task, "val")[:num].astype(np.float64) @ line.head.T
    theta0 = line.results.network.theta0
    within, across = (
        line.kernel(theta0, *pair)
        for pair in ((images, directions), (line.images, directions, images))
    )
    residual = kernel_regression.targets(logits, about.labels[:num]) - logits
    strength = kernel_regression.choose_ridge(
        within, residual, about.blocks[:num], line.settings["ridges"]
    )
    moved = across @ kernel_regression.ridge(within, residual, strength)
    return line.base @ line.head.T + moved, strength * len(images) / np.trace(within), len(images)


def _mean(found: list[Findings]) -> Findings:
    """Means over tasks of what all of them have; a mean λ would say nothing."""
    shared = [
        q
        for q in found[0]
        if all(q in each for each in found) and q.metric != "kernel_regression_ridge"
    ]
    out = {}
    for quantity in shared:
        parts = [each[quantity] for each in found]
        out[quantity] = Measured(
            np.mean([p.values for p in parts], axis=0), sum(p.num_images for p in parts)
        )
    return out


def _add(study: TrainingStudy, found: Findings, sources: str, task: str) -> None:
    """Rows, and replicates named "metric/task", or "metric@α/task" along the path."""
    for quantity, (values, num_images) in found.items():
        where = quantity._asdict() | {"sources": sources, "task": task, "num_samples": num_images}
        study.add(where.pop("metric"), values, **where)
        if np.ndim(values):
            at = (
                f"@{quantity.coefficient}"
                if quantity.metric in ("output_error", "output_angle")
                else ""
            )
            study.replicates[f"{quantity.metric}{at}/{task}"] = np.asarray(values, dtype=np.float64)


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
