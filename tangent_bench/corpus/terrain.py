"""Shaded relief of invented ground: a landform on a fractal, lit from the north-west."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tangent_bench.corpus._canvas import (
    blend,
    coordinates,
    fractal,
    jitter,
    photograph,
    pick,
    rotated,
    uniform,
)

SIDE = 48
# Direction of the rise, right and down, of a slope that faces a side.
FACING = {"north": (0, 1), "south": (0, -1), "east": (-1, 0), "west": (1, 0)}
TINTS = {
    "grey": ((20, 20, 20), (235, 235, 235)),
    "green": ((20, 45, 20), (170, 205, 130)),
    "brown": ((50, 30, 15), (225, 190, 140)),
    "blue": ((10, 20, 60), (150, 190, 235)),
}


def _landform(rng: Generator, name: str) -> np.ndarray:
    """Height of the landform on the square, about one unit high."""
    x, y = coordinates(SIDE)
    along, across = rotated(rng, SIDE)
    across = across + 0.3 * (fractal(rng, SIDE, (2, 4)) - 0.5)
    radius = np.sqrt((x - uniform(rng, -0.2, 0.2)) ** 2 + (y - uniform(rng, -0.2, 0.2)) ** 2)
    away = np.sqrt(across * across)
    forms = {
        "a mountain peak": lambda: 1.2 * np.maximum(0.0, 1.0 - radius),
        "a pit": lambda: -1.1 * np.maximum(0.0, 1.0 - radius),
        "a ridge": lambda: 1.2 * np.maximum(0.0, 0.7 - away),
        "a valley": lambda: -1.2 * np.maximum(0.0, 0.7 - away),
        "a river channel": lambda: -0.7 * np.maximum(0.0, 0.22 - away) / 0.22,
        "a saddle": lambda: 0.8 * (along * along - across * across),
        "a plateau": lambda: np.clip(2.5 * (0.65 - radius), 0.0, 0.7),
        "a cliff": lambda: 0.9 * (across > 0.0),
        "a coast": lambda: np.maximum(0.9 * across, 0.0) * (1.2 + fractal(rng, SIDE, (4, 8, 16))),
        "rough hills": lambda: 2.2 * (fractal(rng, SIDE, (3, 6, 12), 0.7) - 0.5),
    }
    return forms[name]()


FORMS = (
    "a mountain peak",
    "a pit",
    "a ridge",
    "a valley",
    "a river channel",
    "a saddle",
    "a plateau",
    "a cliff",
    "rough hills",
    "a coast",
    "a flat plain",
    "calm water",
)


def _shaded(height: np.ndarray, contrast: float) -> np.ndarray:
    """Hillshade in [0, 1]: cosine between the surface normal and light from the north-west."""
    dy, dx = np.gradient(height * SIDE / 10.0)
    return 0.55 + contrast * (dx + dy) / np.sqrt(1.0 + dx * dx + dy * dy)


def _eroded(rng: Generator) -> np.ndarray:
    """Ground cut by gullies: sharp crests between rounded valleys, about half a unit high."""
    crests = np.abs(fractal(rng, SIDE, (2, 4, 7), 0.55) - 0.5)
    return uniform(rng, 0.4, 1.6) * (0.5 - 2.0 * crests) + 0.06 * fractal(rng, SIDE, (8, 16), 0.6)


def compose(rng: Generator) -> tuple[str, ...]:
    """Landform or slope, tint."""
    if rng.random() < 0.3:
        steepness = pick(rng, ("steep", "gentle"))
        slope = f"a {steepness} slope facing {pick(rng, list(FACING))}"
        return slope, pick(rng, list(TINTS))
    return pick(rng, FORMS), pick(rng, list(TINTS))


def phrase(composition: tuple[str, ...]) -> str:
    form, tint = composition
    return f"{form} in {tint} shaded relief"


def _slope(rng: Generator, form: str) -> np.ndarray:
    """A plane that falls about towards the side that it faces."""
    right, down = FACING[form.rsplit(" ", 1)[1]]
    turn = uniform(rng, -0.35, 0.35)
    x, y = coordinates(SIDE)
    steepness = uniform(rng, 1.0, 1.8) if "steep" in form else uniform(rng, 0.35, 0.6)
    return steepness * ((right - turn * down) * x + (down + turn * right) * y)


def _height(rng: Generator, form: str) -> np.ndarray:
    if rng.random() < 0.6:
        rough = uniform(rng, 0.2, 0.6) * _eroded(rng)
    else:
        rough = 0.22 * fractal(rng, SIDE, (4, 8, 16, 32), 0.6) * uniform(rng, 0.5, 1.6)
    if form in ("a flat plain", "calm water"):
        return rough * (0.3 if form == "a flat plain" else 0.0)
    if " slope facing " in form:
        return _slope(rng, form) + rough
    height = _landform(rng, form) * uniform(rng, 0.7, 1.2)
    return height + rough * (height > 0.0) if form == "a coast" else height + rough


def _flooded(rng: Generator, image: np.ndarray, height: np.ndarray) -> np.ndarray:
    """The sea of a map: level and blue where the ground is not above zero, in bays and islands."""
    sea = height <= 0.0
    depth = 0.8 + 0.2 * fractal(rng, SIDE, (2, 4))
    blue = np.array(jitter(rng, (40, 90, 170), 32))
    return np.where(sea[..., None], blue * depth[..., None], image).astype(np.uint8)


def _islands(rng: Generator) -> np.ndarray:
    """Ground that rises from the sea in many places."""
    return 3.0 * (fractal(rng, SIDE, (4, 7, 12), uniform(rng, 0.3, 0.8)) - uniform(rng, 0.42, 0.55))


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    form, tint = composition
    low, high = TINTS[tint]
    height = _islands(rng) if form == "a coast" and rng.random() < 0.6 else _height(rng, form)
    relief = _shaded(
        np.maximum(height, 0.0) if form == "a coast" else height * uniform(rng, 1.5, 7.0),
        uniform(rng, 0.45, 0.75),
    )
    image = blend(jitter(rng, low, 40), jitter(rng, high, 60), relief)
    if form == "a coast":
        image = _flooded(rng, image, height)
    elif form == "calm water" and rng.random() < 0.7:
        image = _flooded(rng, image, height - 1.0)
    return photograph(rng, image, 0.6)
