"""Images without objects: 1/f fields, dead leaves, gradients. They teach colour and scale."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.corpus._canvas import (
    blend,
    fractal,
    photograph,
    pick,
    rotated,
    shade,
    two_colours,
    uniform,
)

SIDE = 48
FIELDS = {"smooth": (2, 3), "cloudy": (2, 4, 8, 16), "rough": (6, 12, 24, 48)}
LEAVES = {"small": (4, 120), "large": (11, 40)}  # radius in pixels, number
PHRASES = {
    **{name: f"a {name} field of {{}} and {{}}" for name in FIELDS},
    **{name: f"{name} overlapping discs in {{}} and {{}}" for name in LEAVES},
    "gradient": "a gradient from {} to {}",
}


def compose(rng: np.random.Generator) -> tuple[str, ...]:
    """Kind, first colour, second colour."""
    return (pick(rng, list(PHRASES)), *two_colours(rng))


def phrase(composition: tuple[str, ...]) -> str:
    kind, first, second = composition
    return PHRASES[kind].format(first, second)


def _leaves(rng: np.random.Generator, kind: str, first: str, second: str) -> Image.Image:
    radius, count = LEAVES[kind]
    image = Image.new("RGB", (SIDE, SIDE), shade(rng, first))
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        x = uniform(rng, 0, SIDE)
        y = uniform(rng, 0, SIDE)
        r = radius * uniform(rng, 0.6, 1.4)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=shade(rng, pick(rng, (first, second)), 40))
    return image


def render(rng: np.random.Generator, composition: tuple[str, ...]) -> np.ndarray:
    kind, first, second = composition
    if kind in LEAVES:
        return photograph(rng, _leaves(rng, kind, first, second))
    amount = rotated(rng, SIDE)[0] * 0.6 + 0.5
    if kind in FIELDS:
        amount = fractal(rng, SIDE, FIELDS[kind], 0.6) * 1.6 - 0.3
    return photograph(rng, blend(shade(rng, first), shade(rng, second), amount))
