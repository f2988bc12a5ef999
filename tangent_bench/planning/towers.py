"""What a pass, a product, a training step or a kernel of an image tower takes here, its weights random.

Measured is processor time on a CPU, and the clock with a GPU, of the fastest of some calls: other work on the machine
makes calls slower, never faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial

import numpy as np

from tangent_bench import models, tasks
from tangent_bench.planning import resources
from tangent_bench.planning.work import pairs

ROUNDS = 5
SHORTEST, LONG = 0.02, 1.0  # seconds: shorter calls are repeated, longer ones are made once
AT_ONCE = (
    60.0  # GFLOP of one measured pass of a batch on a processor; larger models take fewer images
)
ASPECT = 4 / 3  # of a training image that keeps its shape: that of most photographs


def seconds_of(call: Callable[[], object], device: str = "cpu") -> float:
    """Seconds of a call, after one that warms up: of the processor, or by the clock where a GPU works."""
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

        about, self.name, self.config, self.device = (
            models.find(name, config["custom_models"]),
            name,
            config,
            "cpu",
        )
        self.gflop = resources.gflop_of(name, config["custom_models"])
        if config["device"] != "cpu":
            self.device = config["device"]
        self.tower = image_tower(about, "random", 0, self.device)
        self.tower.module.set_grad_checkpointing(config["training"]["checkpoint_activations"])
        self.tau = {key: 0.01 * value for key, value in self.tower.theta0.items()}

    def measure(self, name: str) -> float:
        """Seconds of one unit."""
        if name.endswith(" step"):
            return self._step(name.removesuffix(" step"))
        return {
            "encode": lambda: self._encode,
            "point": self._point,
            "primal": lambda: self._tangents[0],
            "tangent": lambda: self._tangents[1],
            "sum": lambda: self._sum,
            "update": lambda: self._update,
            "kernel pass": lambda: self._kernel[0],
            "kernel pair": lambda: self._kernel[1],
        }[name]()

    def _at_once(self, batch_size: int) -> int:
        affordable = max(2, int(AT_ONCE / self.gflop)) if self.device == "cpu" else batch_size
        return min(batch_size, affordable)

    @cached_property
    def _pictures(self):
        number, size = self._at_once(self.config["evaluation"]["batch_size"]), self.tower.size
        return self.tower.prepare(noise(number, size, size))

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
        from tangent_bench.tangent import vision
        from tangent_bench.tangent.linearize import encode

        tower, pictures = self.tower, self._pictures
        width = features_width(tower, pictures)
        evaluator = NetworkEvaluator(
            lambda theta, images: encode(tower.module, theta, images), tower.theta0, {"": self.tau},
            lambda task: np.random.default_rng(0).standard_normal((20, width), np.float32),
            lambda task, split: pictures, len(pictures),
            partial(vision.encode, tower.module) if vision.supports(tower.module) else None,
        )  # fmt: skip
        seconds = seconds_of(lambda: evaluator.predict("", "", [{"": 0.5}]), self.device)
        return max(0.0, seconds - 2 * self._sum) / len(pictures)

    @cached_property
    def _tangents(self) -> tuple[float, float]:
        """Of an image: what tangents share, and each of them."""
        from tangent_bench.tangent import features

        few, many = (2, 6) if self.gflop < resources.FULL_WIDTH else (1, 3)
        seconds = {
            num: seconds_of(
                lambda num=num: features.changes(
                    self.tower.module,
                    self.tower.theta0,
                    [self.tau] * num,
                    self._pictures,
                    len(self._pictures),
                ),
                self.device,
            )
            for num in (few, many)
        }
        each = (seconds[many] - seconds[few]) / (many - few)
        return max(0.0, seconds[few] - few * each) / len(self._pictures), each / len(self._pictures)

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
        import torch

        from tangent_bench import registry
        from tangent_bench.finetuning import modes
        from tangent_bench.finetuning.loop import Source
        from tangent_bench.finetuning.step import Recipe

        recipe, tower = self.config["training"], self.tower
        number = self._at_once(
            min(recipe["batch_size"], recipe["micro_batch_size"] or recipe["batch_size"])
        )
        width = features_width(tower, self._pictures)
        head = torch.from_numpy(np.random.default_rng(0).standard_normal((20, width), np.float32))
        source = Source("plan", to_crop(number, tower.size), np.arange(number) % 20, head)
        # The images that a penalty sees are counted apart, as those of linear steps; what is left is such a step.
        spares = registry.load("training", training).TRAINING.needs_others
        fit = partial(
            modes.fit, "linear" if spares else training, tower.module, tower.theta0, [source]
        )

        def run(steps: int) -> float:
            of = Recipe(
                **recipe
                | {
                    "steps": steps,
                    "batch_size": number,
                    "micro_batch_size": None,
                    "warmup_steps": 1,
                }
            )
            settings = self.config["training_modes"].get(training, {})
            call = partial(fit, of, 0, tower.normalise, tower.size, settings=settings)
            return seconds_of(call, self.device)

        more = 4 if self.gflop < resources.FULL_WIDTH else 1
        one, further = run(1), run(1 + more)
        return max(0.0, (further - one) / more - self._update) / number

    @cached_property
    def _kernel(self) -> tuple[float, float]:
        """Of a pass of an image, and of a pair of images, for one readout.

        seconds = (1 + 3 K) N a + K pairs(N) b at two N; of a large model a is a pass, and b what its FLOPs come to.
        """
        import torch

        from tangent_bench.tangent import kernel

        if self.gflop >= resources.FULL_WIDTH:
            parameters = sum(value.numel() for value in self.tower.theta0.values())
            return self._encode, self._encode * 2e-9 * parameters / self.gflop
        sizes, readouts = (64, 192), 2
        images = self.tower.prepare(noise(max(sizes), self.tower.size, self.tower.size)).tensor()
        readout = torch.eye(readouts, features_width(self.tower, self._pictures))
        tower = self.tower.module, self.tower.theta0
        found = [
            seconds_of(partial(kernel.empirical, *tower, images[:n], readout), self.device)
            for n in sizes
        ]
        amounts = [[(1 + 3 * readouts) * n, readouts * pairs(n)] for n in sizes]
        return tuple(np.maximum(np.linalg.solve(amounts, found), 0.0).tolist())


def features_width(tower, pictures) -> int:
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
