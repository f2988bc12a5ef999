"""Small shapes to count, and pairs of shapes in a spatial relation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.corpus._canvas import Colour, photograph, pick, shade, two_colours, uniform

SIDE = 96
COUNTS = ("one", "two", "three", "four", "five", "six")
SHAPES = ("circle", "square", "triangle", "bar")
RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


class _Stamp(NamedTuple):
    """A shape with its centre and radius in pixels."""

    shape: str
    x: float
    y: float
    radius: float


def _draw(pen: ImageDraw.ImageDraw, stamp: _Stamp, fill: Colour) -> None:
    shape, x, y, r = stamp
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == "square":
        pen.rectangle((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=fill)
    else:
        pen.rectangle((x - r / 3, y - r, x + r / 3, y + r), fill=fill)


def compose(rng: np.random.Generator) -> tuple[str, ...]:
    """Count, shape, "", colours; or relation, shape, other shape, colours."""
    what = pick(rng, COUNTS) if rng.random() < 0.6 else pick(rng, list(RELATIONS))
    other = pick(rng, SHAPES) if what in RELATIONS else ""
    return (what, pick(rng, SHAPES), other, *two_colours(rng))


def phrase(composition: tuple[str, ...]) -> str:
    what, shape, other, ink, paper = composition
    if other:
        return f"a {ink} {shape} {what} a {other} on {paper}"
    return f"{what} {ink} {shape if what == 'one' else shape + 's'} on {paper}"


def _stamps(rng: np.random.Generator, composition: tuple[str, ...]) -> list[_Stamp]:
    what, shape, other, _, _ = composition
    if other:
        return _pair(rng, what, shape, other)
    return _group(rng, COUNTS.index(what) + 1, shape)


def _group(rng: np.random.Generator, count: int, shape: str) -> list[_Stamp]:
    """`count` stamps of one shape in cells of a 3 × 3 grid."""
    centres = []
    for cell in rng.permutation(9)[:count].tolist():
        x = (cell % 3 + 0.5) * SIDE / 3 + uniform(rng, -4, 4)
        y = (cell // 3 + 0.5) * SIDE / 3 + uniform(rng, -4, 4)
        centres.append((x, y))
    return [_Stamp(shape, x, y, uniform(rng, 8, 12)) for x, y in centres]


def _pair(rng: np.random.Generator, relation: str, shape: str, other: str) -> list[_Stamp]:
    """A stamp of `shape` in a relation to one of `other`."""
    dx, dy = RELATIONS[relation]
    stamps = []
    for name, sign in ((shape, 1), (other, -1)):
        x = SIDE / 2 + sign * dx * uniform(rng, 18, 26) + uniform(rng, -5, 5)
        y = SIDE / 2 + sign * dy * uniform(rng, 18, 26) + uniform(rng, -5, 5)
        stamps.append(_Stamp(name, x, y, uniform(rng, 10, 17)))
    return stamps


def render(rng: np.random.Generator, composition: tuple[str, ...]) -> np.ndarray:
    *_, ink, paper = composition
    image = Image.new("RGB", (SIDE, SIDE), shade(rng, paper))
    pen = ImageDraw.Draw(image)
    for stamp in _stamps(rng, composition):
        _draw(pen, stamp, shade(rng, ink))
    return photograph(rng, image)
