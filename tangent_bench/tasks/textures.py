"""Textures: twelve drawn patterns at any angle and scale.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE, Images, Task
from tangent_bench.tasks._colours import any_colour, contrasting
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter

Pattern = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
CANVAS = 64  # twice the size of the image


def _part(x: np.ndarray) -> np.ndarray:
    """The fractional part of x."""
    return x - np.floor(x)


def _smooth(cells: int, rng: np.random.Generator) -> np.ndarray:
    """Random grey levels in [0, 1], `cells` of them along the canvas, smoothed."""
    small = Image.fromarray(rng.integers(0, 256, (cells, cells), dtype=np.uint8))
    return np.asarray(small.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC)) / 255.0


# Coverage of the second colour in [0, 1], from coordinates in periods.
PATTERNS: dict[str, Pattern] = {
    "stripes": lambda u, v, rng: _part(u) < 0.5,
    "checkerboard": lambda u, v, rng: (_part(u) < 0.5) ^ (_part(v) < 0.5),
    "dots": lambda u, v, rng: (_part(u) - 0.5) ** 2 + (_part(v) - 0.5) ** 2 < 0.09,
    "grid": lambda u, v, rng: (_part(u) < 0.2) | (_part(v) < 0.2),
    "bricks": lambda u, v, rng: (_part(u) < 0.15) | (_part(v / 2 + 0.5 * (np.floor(u) % 2)) < 0.08),
    "zigzag": lambda u, v, rng: _part(u + abs(_part(v / 2) - 0.5)) < 0.5,
    "rings": lambda u, v, rng: _part(np.sqrt(u * u + v * v)) < 0.5,
    "camouflage": lambda u, v, rng: np.floor(_smooth(8, rng) * 3.0) / 2.0,
    "noise": lambda u, v, rng: np.kron(rng.integers(0, 256, (32, 32)) / 255.0, np.ones((2, 2))),
    "smooth gradient": lambda u, v, rng: np.clip(u / 8 + 0.5, 0.0, 1.0),
    "crosses": lambda u, v, rng: (
        (np.minimum(abs(_part(u) - 0.5), abs(_part(v) - 0.5)) < 0.1)
        & (np.maximum(abs(_part(u) - 0.5), abs(_part(v) - 0.5)) < 0.36)
    ),
    "clouds": lambda u, v, rng: (2 * _smooth(4, rng) + _smooth(9, rng)) / 3.0,
}
TASK = Task(
    title="Textures",
    class_names=tuple(PATTERNS),
    templates=("{}", "a texture of {}", "a pattern of {}", "a photo of {}"),
    kind="generated",
    source="drawn patterns; the splits differ in their random numbers only",
    licence="MIT (this project)",
)
NUM_IMAGES = {"train": 2400, "val": 504, "test": 1200}


def _image(pattern: Pattern, rng: np.random.Generator) -> np.ndarray:
    turn = int(rng.integers(-64, 65)) / 64
    period = int(rng.integers(12, 23))
    c = 1 / math.sqrt(1 + turn * turn)
    s = turn * c
    y, x = np.meshgrid(np.arange(CANVAS) - 32.0, np.arange(CANVAS) - 32.0, indexing="ij")
    u = (c * x + s * y) / period + int(rng.integers(0, 100)) / 100
    v = (c * y - s * x) / period + int(rng.integers(0, 100)) / 100
    coverage = pattern(v, u, rng) if rng.integers(0, 2) else pattern(u, v, rng)
    coverage = coverage.astype(np.float64)[..., None]
    first = any_colour(rng)
    second = np.array(contrasting(rng, first, 70))
    pixels = (np.array(first) * (1.0 - coverage) + second * coverage).astype(np.uint8)
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX))


def load(split: str) -> Images:
    """The images of `split` (2,400, 504 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "textures", split)
    labels = balanced_labels(NUM_IMAGES[split], len(PATTERNS), rng)
    patterns = tuple(PATTERNS.values())
    images = np.stack([_image(patterns[label], rng) for label in labels])
    pixels = jitter(images, rng, contrast=(28, 64), brightness=30, noise=16)
    return Images(pixels, labels, np.arange(len(labels)))
