"""Signs: an outline on a plate or free on a ground, turned, cut off and lit as in a street."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from tangent_bench.corpus import _outlines as outlines
from tangent_bench.corpus._canvas import (
    affine,
    blend,
    fractal,
    photograph,
    pick,
    shade,
    two_colours,
    uniform,
)

SIDE = outlines.SIDE
PLATES = {"round": "circle", "square": "square", "triangular": "triangle", "diamond": "diamond"}
TURNED = {
    "arrow pointing right": ("arrow", 0),
    "arrow pointing up": ("arrow", 90),
    "arrow pointing left": ("arrow", 180),
    "arrow pointing down": ("arrow", 270),
    "triangle pointing down": ("triangle", 180),
}
SYMBOLS = sorted({*outlines.OUTLINES, *TURNED} - {"arrow"})
PLURAL = ("scissors", "crossed swords")


def compose(rng: np.random.Generator) -> tuple[str, ...]:
    """Symbol, ink, paper, plate ("" if the symbol stands free)."""
    plate = pick(rng, list(PLATES)) if rng.random() < 0.55 else ""
    return (pick(rng, SYMBOLS), *two_colours(rng), plate)


def phrase(composition: tuple[str, ...]) -> str:
    symbol, ink, paper, plate = composition
    article = "" if symbol in PLURAL else "an " if symbol[0] in "aeiou" else "a "
    ground = f"a {paper} {plate} sign" if plate else paper
    return f"{article}{symbol} in {ink} on {ground}"


def _ground(rng: np.random.Generator, colour: str) -> Image.Image:
    texture = fractal(rng, SIDE, (2, 4, 12), 0.6) if rng.random() < 0.6 else np.zeros((SIDE, SIDE))
    return Image.fromarray(blend(shade(rng, colour), shade(rng, colour, 60), texture))


def render(rng: np.random.Generator, composition: tuple[str, ...]) -> np.ndarray:
    symbol, ink, paper, plate = composition
    outline, turn = TURNED.get(symbol, (symbol, 0))
    mask = outlines.mask(outline).rotate(turn)
    image = _ground(rng, pick(rng, ("green", "grey", "brown", "cyan", "blue")) if plate else paper)
    if plate:
        image.paste(shade(rng, paper), (0, 0), outlines.mask(PLATES[plate]))
    side = int(SIDE * (uniform(rng, 0.42, 0.58) if plate else uniform(rng, 0.75, 1.0)))
    left = (SIDE - side) // 2 + int(rng.integers(-3, 4))
    top = (SIDE - side) // 2 + int(rng.integers(-3, 4))
    top += int(SIDE * 0.07) if plate == "triangular" else 0
    image.paste(shade(rng, ink), (left, top), mask.resize((side, side), Image.Resampling.BILINEAR))
    image = affine(rng, image, math.radians(18), 0.18, 0.15, fill=shade(rng, "grey", 60))
    return photograph(rng, image)
