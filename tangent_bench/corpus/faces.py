"""Small letters, digits and marks in many typefaces that no task uses.

Capitals are left to the two faces of `glyphs`, since a task asks for them, and what is called like
a class of icons ("x") is left out.
"""

from __future__ import annotations

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
    warp,
)
from tangent_bench.typefaces import glyphs, held_out

SIDE = 96
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MARKS = {
    "?": "question mark",
    "&": "ampersand",
    "@": "at mark",
    "#": "hash mark",
    "%": "percent mark",
    "*": "asterisk",
}
KINDS = {
    "serif": "a serif typeface",
    "sans": "a sans serif typeface",
    "mono": "a typewriter's typeface",
    "hand": "handwriting",
    "display": "a display typeface",
    "slab": "a slab serif typeface",
}


def _name(character: str) -> str:
    """What a caption calls a character; "" for those that no caption calls."""
    if character.isascii() and character.isdigit():
        return f"digit {DIGITS[int(character)]}"
    if character.isascii() and character.islower():
        return f"small letter {character}"
    return MARKS.get(character, "")


@cache
def _drawings() -> dict[tuple[str, str], list[int]]:
    """(what it is called, kind of typeface) → its drawings, as places in the collection."""
    letters = glyphs("letters")
    drawings: dict[tuple[str, str], list[int]] = {}
    for place in held_out.free("letters").tolist():
        name = _name(str(letters.names[place]))
        if name and not held_out.has_class_word(name):
            drawings.setdefault((name, str(letters.kinds[place])), []).append(place)
    return drawings


@cache
def _known() -> list[tuple[str, str]]:
    return sorted(_drawings())


def compose(rng: Generator) -> tuple[str, ...]:
    """What it is called, kind of typeface, ink, paper."""
    return (*pick(rng, _known()), *two_colours(rng))


def phrase(composition: tuple[str, ...]) -> str:
    name, kind, ink, paper = composition
    return f"the {name} in {KINDS[kind]} in {ink} on {paper}"


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    name, kind, ink, paper = composition
    mask = Image.fromarray(glyphs("letters").inks[pick(rng, _drawings()[name, kind])])
    side = int(SIDE * uniform(rng, 0.75, 1.15))
    mask = mask.resize((side, side), Image.Resampling.BILINEAR)
    texture = fractal(rng, SIDE, (2, 4, 12), 0.6) if rng.random() < 0.5 else np.zeros((SIDE, SIDE))
    image = Image.fromarray(blend(shade(rng, paper), shade(rng, paper, 60), texture))
    left = (SIDE - side) // 2 + int(rng.integers(-6, 7))
    top = (SIDE - side) // 2 + int(rng.integers(-6, 7))
    ground = Image.new("L", (SIDE, SIDE), 0)
    ground.paste(mask, (left, top))
    if rng.random() < 0.4:
        ground = warp(rng, ground, 0.06)
    image.paste(shade(rng, ink), (0, 0), affine(rng, ground, 0.25, 0.2, 0.12))
    return photograph(rng, image)
