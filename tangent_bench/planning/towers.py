"""What a pass, a product, a step or a kernel of an image tower takes here, its weights random.

Measured are the processor's seconds on a CPU, and those of the clock with a GPU, of the fastest of
some calls: other work on the machine makes calls slower, never faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench import models, registry, tasks
from tangent_bench.planning import resources
from tangent_bench.planning.units import pairs

if TYPE_CHECKING:
    from tangent_bench.images.inputs import Batches
    from tangent_bench.models._tower import Tower

ROUNDS = 5
SHORTEST = 0.02  # seconds: shorter calls are repeated
LONG = 1.0  # seconds: longer calls are made once
# GFLOP of one measured pass of a batch on a processor; larger models take fewer images.
AT_ONCE = 60.0
ASPECT = 4 / 3  # of a training image that keeps its shape: that of most photographs
HEAD_CLASSES = 20
KERNEL_IMAGES = (64, 192)
KERNEL_READOUTS = 2


def seconds_of(call: Callable[[], object], device: str = "cpu") -> float:
    """Seconds of a call, after one that warms up.

    Args:
        call: what is timed.
        device: "cpu": seconds of the processor; else by the clock, until the GPU is done.
    """
    first = _timed(call, device, 1)
    if first > LONG:
        return first
    repeats = max(1, round(SHORTEST / max(first, 1e-6)))
    return min(_timed(call, device, repeats) for _ in range(ROUNDS))


def _timed(call: Callable[[], object], device: str, repeats: int) -> float:
    read = time.process_time if device == "cpu" else time.perf_counter
    start = read()
    for _ in range(repeats):
        call()
    if device != "cpu":
        import torch

        torch.cuda.synchronize()
    return (read() - start) / repeats


class Stage:
    """An image tower with random weights, and the work that is measured on it."""

    def __init__(self, name: str, config: Mapping) -> None:
        from tangent_bench.models._tower import image_tower

        self.name = name
        self.config = config
        self.device: str = config["device"]
        self.gflop = resources.gflop_of(name, config["custom_models"])
        model = models.find(name, config["custom_models"])
        self.tower: Tower = image_tower(model, "random", 0, self.device)
        self.tower.checkpoint_activations(config["training"]["checkpoint_activations"])
        self.tau = {key: 0.01 * value for key, value in self.tower.theta0.items()}

    def measure(self, name: str) -> float:
        """Seconds of one unit."""
        if name.endswith(" step"):
            return self._step(name.removesuffix(" step"))
        measures: dict[str, Callable[[], float]] = {
            "encode": lambda: self._encode,
            "point": self._point,
            "primal": lambda: self._tangents[0],
            "tangent": lambda: self._tangents[1],
            "sum": lambda: self._sum,
            "update": lambda: self._update,
            "kernel pass": lambda: self._kernel[0],
            "kernel pair": lambda: self._kernel[1],
        }
        return measures[name]()

    def _at_once(self, batch_size: int) -> int:
        affordable = max(2, int(AT_ONCE / self.gflop)) if self.device == "cpu" else batch_size
        return min(batch_size, affordable)

    @cached_property
    def _pictures(self) -> Batches:
        number = self._at_once(self.config["evaluation"]["batch_size"])
        return self.tower.prepare(self.tower.inputs.example(number))

    @cached_property
    def _encode(self) -> float:
        from tangent_bench.tangent import features

        number = len(self._pictures)
        call = partial(features.base, self.tower.module, self.tower.theta0, self._pictures, number)
        return seconds_of(call, self.device) / number

    @cached_property
    def _sum(self) -> float:
        from tangent_bench.tangent.vectors import add

        return seconds_of(lambda: add(self.tower.theta0, [(0.5, self.tau)]), self.device) / 2

    def _point(self) -> float:
        """Prediction of an image, without forming the weights."""
        from tangent_bench.measuring.evaluation import NetworkEvaluator
        from tangent_bench.tangent import written
        from tangent_bench.tangent.linearize import encode

        module = self.tower.module
        head = self._head()
        evaluator = NetworkEvaluator(
            lambda theta, images: encode(module, theta, images),
            self.tower.theta0,
            {"": self.tau},
            lambda task: head,
            lambda task, split: self._pictures,
            len(self._pictures),
            written.encoder(module),
        )
        seconds = seconds_of(lambda: evaluator.predict("", "", [{"": 0.5}]), self.device)
        return max(0.0, seconds - 2 * self._sum) / len(self._pictures)

    def _head(self) -> np.ndarray:
        """A random head, [K, D]."""
        width = features_width(self.tower, self._pictures)
        return np.random.default_rng(0).standard_normal((HEAD_CLASSES, width), np.float32)

    @cached_property
    def _tangents(self) -> tuple[float, float]:
        """Of an image: what tangents share, and each of them."""
        few, many = (2, 6) if self.gflop < resources.FULL_WIDTH else (1, 3)
        of_few = seconds_of(partial(self._products, few), self.device)
        of_many = seconds_of(partial(self._products, many), self.device)
        of_one = (of_many - of_few) / (many - few)
        number = len(self._pictures)
        return max(0.0, of_few - few * of_one) / number, of_one / number

    def _products(self, num: int) -> None:
        """J τ of so many vectors."""
        from tangent_bench.tangent import features

        tower = self.tower
        vectors = [self.tau] * num
        pictures = self._pictures
        features.changes(tower.module, tower.theta0, vectors, pictures, len(pictures))

    @cached_property
    def _update(self) -> float:
        """Of a training step: what does not grow with its images."""
        import torch

        leaves = [value.clone().requires_grad_(True) for value in self.tower.theta0.values()]
        for leaf in leaves:
            leaf.grad = torch.full_like(leaf, 1e-3)
        optimizer = torch.optim.AdamW(leaves, lr=1e-6, fused=True)

        def call() -> None:
            torch.nn.utils.clip_grad_norm_(leaves, 1.0)
            optimizer.step()

        return seconds_of(call, self.device)

    def _step(self, training: str) -> float:
        """Of an image of a step, crop included: further steps of a run less their updates."""
        recipe = self.config["training"]
        micro_batch = recipe["micro_batch_size"] or recipe["batch_size"]
        batch_size = self._at_once(min(recipe["batch_size"], micro_batch))
        more = 4 if self.gflop < resources.FULL_WIDTH else 1
        one = self._run(training, 1, batch_size)
        further = self._run(training, 1 + more, batch_size)
        return max(0.0, (further - one) / more - self._update) / batch_size

    def _to_train(self, number: int) -> np.ndarray:
        """Training inputs as they are stored."""
        stored = self.tower.inputs.example(number)
        return to_crop(number, self.tower.size) if stored.dtype == np.uint8 else stored

    def _run(self, training: str, steps: int, batch_size: int) -> float:
        """Seconds of a training of so many steps."""
        import torch

        from tangent_bench.finetuning import modes
        from tangent_bench.finetuning.loop import Source
        from tangent_bench.finetuning.step import Recipe

        tower = self.tower
        head = torch.from_numpy(self._head())
        labels = np.arange(batch_size) % HEAD_CLASSES
        source = Source("plan", self._to_train(batch_size), labels, head)
        # The images that a penalty sees are counted apart, as those of linear steps: what is left
        # is a linear step.
        spares = registry.load("training", training).TRAINING.needs_others
        changes = {
            "steps": steps,
            "batch_size": batch_size,
            "micro_batch_size": None,
            "warmup_steps": 1,
        }
        call = partial(
            modes.fit,
            "linear" if spares else training,
            tower.module,
            tower.theta0,
            [source],
            Recipe(**self.config["training"] | changes),
            0,
            tower.normalise,
            tower.size,
            settings=self.config["training_modes"].get(training, {}),
        )
        return seconds_of(call, self.device)

    @cached_property
    def _kernel(self) -> tuple[float, float]:
        """Of a pass of an image, and of a pair of images, for one readout.

        seconds = (1 + 3 K) N a + K pairs(N) b at two N.

        Of a large model a is a pass, and b what its FLOPs come to.
        """
        if self.gflop >= resources.FULL_WIDTH:
            parameters = sum(value.numel() for value in self.tower.theta0.values())
            return self._encode, self._encode * 2e-9 * parameters / self.gflop
        readouts = KERNEL_READOUTS
        amounts = [[(1 + 3 * readouts) * num, readouts * pairs(num)] for num in KERNEL_IMAGES]
        of_pass, of_pair = np.linalg.solve(amounts, self._kernel_seconds())
        return max(float(of_pass), 0.0), max(float(of_pair), 0.0)

    def _kernel_seconds(self) -> list[float]:
        """Seconds of a kernel for each of `KERNEL_IMAGES`."""
        import torch

        from tangent_bench.tangent import kernel

        tower = self.tower
        images = tower.prepare(tower.inputs.example(max(KERNEL_IMAGES))).tensor()
        readout = torch.eye(KERNEL_READOUTS, features_width(tower, self._pictures))
        seconds = []
        for num in KERNEL_IMAGES:
            call = partial(kernel.empirical, tower.module, tower.theta0, images[:num], readout)
            seconds.append(seconds_of(call, self.device))
        return seconds


def features_width(tower: Tower, pictures: Batches) -> int:
    """Width of the embedding."""
    from tangent_bench.tangent import features

    return features.base(tower.module, tower.theta0, pictures[:1], 1).shape[1]


def noise(*shape: int) -> np.ndarray:
    """uint8 images [N, H, W, 3]."""
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def to_crop(number: int, size: int) -> np.ndarray:
    """Training images for a model of a size: embedded ones, or such as `prepare` keeps."""
    if size <= tasks.SIDE:
        return noise(number, tasks.SIDE, tasks.SIDE)
    return noise(number, round(8 * size / 7), round(ASPECT * 8 * size / 7))
