"""How many, and where: small shapes counted, and pairs in a relation."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.corpus._canvas import photograph, pick, shade, two_colours, uniform

SIDE = 96
COUNTS = ("one", "two", "three", "four", "five", "six")
SHAPES = ("circle", "square", "triangle", "bar")
RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


def _stamp(pen: ImageDraw.ImageDraw, shape: str, x: float, y: float, r: float, fill) -> None:
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


def _places(
    rng: np.random.Generator, composition: tuple[str, ...]
) -> list[tuple[str, float, float, float]]:
    """Shape, centre and radius of each stamp."""
    what, shape, other, _, _ = composition
    if not other:
        cells = rng.permutation(9)[: COUNTS.index(what) + 1]
        at = [
            (
                (int(c) % 3 + 0.5) * SIDE / 3 + uniform(rng, -4, 4),
                (int(c) // 3 + 0.5) * SIDE / 3 + uniform(rng, -4, 4),
            )
            for c in cells
        ]
        return [(shape, x, y, uniform(rng, 8, 12)) for x, y in at]
    dx, dy = RELATIONS[what]
    return [
        (s, SIDE / 2 + sign * dx * uniform(rng, 18, 26) + uniform(rng, -5, 5),
         SIDE / 2 + sign * dy * uniform(rng, 18, 26) + uniform(rng, -5, 5), uniform(rng, 10, 17))
        for s, sign in ((shape, 1), (other, -1))
    ]  # fmt: skip


def render(rng: np.random.Generator, composition: tuple[str, ...]) -> np.ndarray:
    *_, ink, paper = composition
    image = Image.new("RGB", (SIDE, SIDE), shade(rng, paper))
    for shape, x, y, radius in _places(rng, composition):
        _stamp(ImageDraw.Draw(image), shape, x, y, radius, shade(rng, ink))
    return photograph(rng, image)
