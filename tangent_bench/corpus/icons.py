"""Icons by several designers, each with the name that its designer gave it.

No drawing of a task is among them, and no name has a word of the classes of icons, pictograms or
scripts.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.random import Generator
from PIL import Image

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
from tangent_bench.typefaces import glyphs, held_out

SIDE = 96
MOST_WORDS = 3  # of a name: longer ones say what nobody sees at this size


@cache
def _drawings() -> dict[str, list[int]]:
    """Name → its drawings, as places in the collection."""
    icons = glyphs("icons")
    drawings: dict[str, list[int]] = {}
    for place in held_out.free("icons").tolist():
        name = str(icons.names[place])
        if len(name.split()) <= MOST_WORDS:
            drawings.setdefault(name, []).append(place)
    return drawings


@cache
def _names() -> list[str]:
    return sorted(_drawings())


def compose(rng: Generator) -> tuple[str, ...]:
    """Name, ink, paper, plate ("" if the icon stands free)."""
    plate = "round" if rng.random() < 0.25 else ""
    return (pick(rng, _names()), *two_colours(rng), plate)


def phrase(composition: tuple[str, ...]) -> str:
    name, ink, paper, plate = composition
    article = "an" if name[0] in "aeiou" else "a"
    ground = f"a {paper} {plate} sign" if plate else paper
    return f"{article} {name} icon in {ink} on {ground}"


def _ground(rng: Generator, colour: str) -> Image.Image:
    texture = fractal(rng, SIDE, (2, 4, 12), 0.6) if rng.random() < 0.5 else np.zeros((SIDE, SIDE))
    return Image.fromarray(blend(shade(rng, colour), shade(rng, colour, 60), texture))


def _on_plate(rng: Generator, paper: str) -> Image.Image:
    """A disc of a colour on a street's ground."""
    image = _ground(rng, pick(rng, ("green", "grey", "brown", "cyan", "blue")))
    x, y = np.meshgrid(np.arange(SIDE) - SIDE // 2, np.arange(SIDE) - SIDE // 2)
    disc = np.where(x * x + y * y < (0.47 * SIDE) ** 2, 255, 0).astype(np.uint8)
    image.paste(shade(rng, paper), (0, 0), Image.fromarray(disc))
    return image


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    name, ink, paper, plate = composition
    mask = Image.fromarray(glyphs("icons").inks[pick(rng, _drawings()[name])])
    image = _on_plate(rng, paper) if plate else _ground(rng, paper)
    side = int(SIDE * (uniform(rng, 0.6, 0.72) if plate else uniform(rng, 0.8, 1.1)))
    left = (SIDE - side) // 2 + int(rng.integers(-4, 5))
    top = (SIDE - side) // 2 + int(rng.integers(-4, 5))
    image.paste(shade(rng, ink), (left, top), mask.resize((side, side), Image.Resampling.BILINEAR))
    image = affine(rng, image, math.radians(12), 0.12, 0.12, fill=shade(rng, paper, 60))
    return photograph(rng, image, 0.8)
