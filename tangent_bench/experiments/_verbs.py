"""The suite's costly steps, as calls on random vision transformers of any size; for `cost_growth`.

Shapes: N images, C, H, W; K classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from open_clip.transformer import VisionTransformer

from tangent_bench import registry
from tangent_bench.finetuning.loop import Source, finetune
from tangent_bench.finetuning.step import Recipe
from tangent_bench.measuring.evaluation import NetworkEvaluator, TangentEvaluator
from tangent_bench.seeds import derive, generator
from tangent_bench.tangent import features, products, vision
from tangent_bench.tangent.linearize import parameters

# As the tiny model; 17 tokens.
SIDE = 32
PATCH = 8
HEAD_WIDTH = 32
EMBEDDING = 256
CLASSES = 20
STEPS = 2  # of a call: the first one makes the optimiser's state, and a step is half of both

Call = Callable[[], object]


@dataclass(frozen=True)
class Size:
    """A question's size; the values of `cost_growth.base` in the config."""

    tasks: int
    coefficients: int
    images: int
    width: int
    depth: int


class VerbStage:
    """A random network of a size, and what the verbs put into it.

    All of it is made beforehand: what is made within a call would stay among its memory, and cut
    that to pieces.

    Attributes:
        size: of the question.
        batch_size: images that pass the network at a time.
        network: a vision transformer.
        theta0: its parameters.
        vectors: source → τ.
        images: normalised, [N, 3, H, W].
        head: [K, D].
    """

    def __init__(self, size: Size, batch_size: int, seed: int) -> None:
        self.size = size
        self.batch_size = batch_size
        self._seed = derive("cost_growth", seed, size) % 2**62
        self.network = self._network()
        self.theta0 = parameters(self.network)
        self.vectors = {f"task {k}": self._vector(k) for k in range(size.tasks)}
        self.images = torch.from_numpy(self.normal(size.images, 3, SIDE, SIDE))
        self.head = self.normal(CLASSES, EMBEDDING)

    def _network(self) -> VisionTransformer:
        width = self.size.width
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            network = VisionTransformer(
                image_size=SIDE,
                patch_size=PATCH,
                width=width,
                layers=self.size.depth,
                heads=width // HEAD_WIDTH,
                mlp_ratio=4.0,
                output_dim=EMBEDDING,
            )
        assert vision.supports(network)
        return network.eval().requires_grad_(False)

    def _vector(self, number: int) -> dict[str, torch.Tensor]:
        random = torch.Generator().manual_seed(self._seed + number)
        vector = {}
        for key, value in self.theta0.items():
            vector[key] = 0.01 * torch.randn(value.shape, generator=random)
        return vector

    def normal(self, *shape: int) -> np.ndarray:
        """Standard normal numbers, float32."""
        return generator("cost_growth", self._seed, shape).standard_normal(shape).astype(np.float32)

    @property
    def points(self) -> list[dict[str, float]]:
        """Sums of all vectors along the coefficients."""
        coefficients = np.linspace(0.05, 1.0, self.size.coefficients)
        return [dict.fromkeys(self.vectors, float(alpha)) for alpha in coefficients]


def _features(stage: VerbStage) -> Call:
    """f0 and J τ of all tasks."""
    tangents = list(stage.vectors.values())

    def call() -> object:
        network = stage.network
        base = features.base(network, stage.theta0, stage.images, stage.batch_size)
        changes = features.changes(network, stage.theta0, tangents, stage.images, stage.batch_size)
        return base, changes

    return call


def _grid(stage: VerbStage) -> Call:
    """Predictions along the coefficients from features."""
    base = stage.normal(stage.size.images, EMBEDDING)
    moved = {}
    for number, source in enumerate(stage.vectors):
        moved[source] = 0.1 * np.roll(base, number + 1, 1)

    def call() -> np.ndarray:
        evaluator = TangentEvaluator(
            lambda task, split: base,
            lambda task, split, source: moved[source],
            lambda task: stage.head,
        )
        return evaluator.predict("task", "test", stage.points)

    return call


def _network_grid(stage: VerbStage) -> Call:
    """Predictions along the coefficients by the network."""
    evaluator = NetworkEvaluator(
        encoder=products.fast()(partial(vision.encode, stage.network)),
        theta0=stage.theta0,
        vectors=stage.vectors,
        head=lambda task: stage.head,
        images=lambda task, split: stage.images,
        batch_size=stage.batch_size,
    )
    return lambda: evaluator.predict("task", "test", stage.points)


def _steps(training: str, stage: VerbStage) -> Call:
    """`STEPS` optimiser steps, crops included; one batch is all images."""
    num = stage.size.images
    pixels = generator("cost_growth", num).integers(0, 256, (num, SIDE, SIDE, 3), dtype=np.uint8)
    source = Source("cost_growth", pixels, np.arange(num) % CLASSES, torch.from_numpy(stage.head))
    recipe = Recipe(STEPS, num, 1e-4, 0.1, 1.0, 1)
    encoder = registry.load("training", training).encoder(stage.network, stage.theta0)
    return lambda: finetune(encoder, stage.theta0, [source], recipe, 0, lambda images: images, SIDE)


@dataclass(frozen=True)
class Verb:
    """Something that the suite does again and again.

    Attributes:
        factors: the fields of `Size` that its cost depends on.
        build: stage → what is measured.
        times: how often a call does it.
        memory: whether its memory is more than Linux counts exactly.
    """

    factors: tuple[str, ...]
    build: Callable[[VerbStage], Call]
    times: int = 1
    memory: bool = True


VERBS = {
    "features": Verb(("tasks", "images", "width", "depth"), _features),
    "grid": Verb(("tasks", "coefficients", "images"), _grid, memory=False),
    "network grid": Verb(("tasks", "coefficients", "images", "width", "depth"), _network_grid),
    "standard step": Verb(("images", "width", "depth"), partial(_steps, "standard"), STEPS),
    "linear step": Verb(("images", "width", "depth"), partial(_steps, "linear"), STEPS),
}
