"""Flags: sixteen layouts in any colours, on waving cloth.

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
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import Colour, any_colour, contrasting
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import blurred, jitter

Layout = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def _roof(v: np.ndarray) -> np.ndarray:
    """1 half way down the flag, 0 at its upper and lower edge."""
    return 1.0 - abs(2.0 * v - 1.0)


# Number of the colour (0, 1, 2) at each place. u runs from the pole to the free edge (0 to 1), v
# downwards (0 to 1); s, near 1, is a size.
LAYOUTS: dict[str, Layout] = {
    "two horizontal stripes": lambda u, v, s: v * s >= 0.5,
    "three horizontal stripes": lambda u, v, s: np.floor(v * 3.0),
    "many horizontal stripes": lambda u, v, s: np.floor(v * (7.0 if s < 1.0 else 9.0)) % 2,
    "two vertical stripes": lambda u, v, s: u * s >= 0.5,
    "three vertical stripes": lambda u, v, s: np.floor(u * 3.0),
    "two diagonal halves": lambda u, v, s: v < (u if s < 1.0 else 1.0 - u),
    "four quarters": lambda u, v, s: (u < 0.5) ^ (v < 0.5),
    "a cross in the middle": lambda u, v, s: (abs(u - 0.5) < 0.08 * s) | (abs(v - 0.5) < 0.12 * s),
    "a cross on the left": lambda u, v, s: (abs(u - 0.33) < 0.08 * s) | (abs(v - 0.5) < 0.12 * s),
    "a diagonal cross": lambda u, v, s: np.minimum(abs(u - v), abs(1.0 - u - v)) < 0.13 * s,
    "a box in the corner": lambda u, v, s: (u < 0.44 * s) & (v < 0.5 * s),
    "a disc": lambda u, v, s: 2.25 * (u - 0.5) ** 2 + (v - 0.5) ** 2 < 0.075 * s,
    "a diamond": lambda u, v, s: abs(u - 0.5) + abs(v - 0.5) < 0.36 * s,
    "a border": lambda u, v, s: (
        np.minimum(np.minimum(u, 1.0 - u) * 1.5, np.minimum(v, 1.0 - v)) < 0.15 * s
    ),
    "a triangle on the left": lambda u, v, s: np.where(u < 0.5 * s * _roof(v), 2, v >= 0.5),
    "an arrow": lambda u, v, s: abs(u - 0.5 * s * _roof(v) - 0.2) < 0.11,
}
TASK = Task(
    title="Flags",
    class_names=tuple(LAYOUTS),
    templates=(
        "a flag with {}",
        "a waving flag with {}",
        "{} on a flag",
        "a photo of a flag with {}",
    ),
    kind="generated",
    source="drawn flags, none of them meant to be a country's; the splits differ in their random "
    "numbers only",
    licence="MIT (this project)",
)
NUM_IMAGES = {"train": 2400, "val": 512, "test": 1200}
CANVAS = 96  # three times the size of the image


def _wave(t: np.ndarray) -> np.ndarray:
    """A wave of period 2 and height 1, made of parabolas, since sines differ by machine."""
    part = t - np.floor(t)
    return 4.0 * part * (1.0 - part) * (1.0 - 2.0 * (np.floor(t) % 2))


def _cloth(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """u and v of a flag at each pixel of the canvas, and its light (1 is full)."""
    turn = int(rng.integers(-40, 41)) / 128
    wide = int(rng.integers(62, 93))
    high = wide * int(rng.integers(56, 82)) / 100
    c = 1 / math.sqrt(1 + turn * turn)
    s = turn * c
    right, down = rng.integers(-8, 9, 2).tolist()
    axis = np.arange(CANVAS)
    y, x = np.meshgrid(axis - (CANVAS / 2 + down), axis - (CANVAS / 2 + right), indexing="ij")
    u = (c * x + s * y) / wide + 0.5
    v = (c * y - s * x) / high + 0.5
    height = int(rng.integers(2, 11)) / 100
    phase = int(rng.integers(0, 200)) / 100
    lean = int(rng.integers(-8, 9)) / 10
    folds = int(rng.integers(12, 36)) / 10
    t = u * folds + v * lean + phase
    light = 1.0 - height * folds * (1.0 + _wave(t + 0.5))
    return u + height / 3 * _wave(t + 0.3), v + height * _wave(t), light


def _colours(rng: np.random.Generator) -> tuple[Colour, Colour, Colour]:
    """Colours that can be told apart next to each other; the first and the last may be one."""
    middle = any_colour(rng)
    first = contrasting(rng, middle, 50)
    last = contrasting(rng, middle, 50)
    return first, middle, first if rng.integers(0, 3) == 0 else last


def _image(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    u, v, light = _cloth(rng)
    paints = np.array(_colours(rng), dtype=np.float64)
    drawn = layout(u, v, int(rng.integers(80, 121)) / 100).astype(np.int64)
    cloth = paints[np.clip(drawn, 0, 2)] * np.clip(light, 0.0, 1.0)[..., None]
    scene = np.array(blurry(rng, CANVAS, any_colour(rng), spread=50))
    pole = (u > -0.05) & (u <= 0.0) & (v > -0.1)
    scene[pole] = any_colour(rng)
    inside = (u > 0.0) & (u < 1.0) & (v > 0.0) & (v < 1.0)
    scene[inside] = cloth.astype(np.uint8)[inside]
    return blurred(Image.fromarray(scene), rng, 20, SIDE)


def load(split: str) -> Images:
    """The images of `split` (2,400, 512 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "flags", split)
    labels = balanced_labels(NUM_IMAGES[split], len(LAYOUTS), rng)
    layouts = tuple(LAYOUTS.values())
    images = np.stack([_image(layouts[label], rng) for label in labels])
    pixels = jitter(images, rng, contrast=(40, 72), brightness=25, noise=10)
    return Images(pixels, labels, np.arange(len(labels)))
