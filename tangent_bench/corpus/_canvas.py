"""Drawing tools of all families: named colours, smooth noise, warps, and the faults of a camera.

Arrays see only PIL, integers and + − × ÷ √, so that every machine draws the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from PIL import Image, ImageFilter

SIDE = 32
Colour = tuple[int, int, int]
Item = TypeVar("Item")
COLOURS: dict[str, Colour] = {
    "red": (205, 40, 40),
    "green": (45, 150, 60),
    "blue": (40, 80, 200),
    "yellow": (235, 210, 50),
    "orange": (240, 140, 30),
    "purple": (130, 60, 170),
    "pink": (240, 150, 190),
    "cyan": (60, 195, 210),
    "brown": (125, 80, 45),
    "white": (240, 240, 240),
    "black": (22, 22, 26),
    "grey": (130, 130, 135),
}


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """One of `items`, uniformly by `rng`."""
    return items[int(rng.integers(len(items)))]


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number that `rng` draws uniformly from [`low`, `high`)."""
    return low + (high - low) * float(rng.random())


def shade(rng: np.random.Generator, name: str, spread: int = 22) -> Colour:
    """An example, by `rng`, of the colour `name`: each channel moves by at most `spread`."""
    return jitter(rng, COLOURS[name], spread)


def clipped(value: float) -> int:
    """The grey level in [0, 255] that is nearest to `value`, rounded towards 0."""
    return int(min(255, max(0, value)))


def jitter(rng: np.random.Generator, colour: Colour, spread: int) -> Colour:
    """A colour near `colour`: `rng` moves each channel by at most `spread`."""
    red, green, blue = rng.integers(-spread, spread + 1, size=3)
    return clipped(colour[0] + red), clipped(colour[1] + green), clipped(colour[2] + blue)


def two_colours(rng: np.random.Generator) -> tuple[str, str]:
    """Two colour names, drawn by `rng`, that can be told apart."""
    names = list(COLOURS)
    while True:
        first = pick(rng, names)
        second = pick(rng, names)
        if sum(abs(a - b) for a, b in zip(COLOURS[first], COLOURS[second], strict=True)) > 150:
            return first, second


def noise(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth noise, uint8 [side, side]: a grid of `cells` × `cells` from `rng`, enlarged."""
    grid = rng.integers(0, 256, size=(cells, cells), dtype=np.uint8)
    return np.asarray(Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC))


def fractal(
    rng: np.random.Generator,
    side: int,
    octaves: Sequence[int] = (2, 4, 8, 16),
    falloff: float = 0.5,
) -> np.ndarray:
    """Fractal noise in [0, 1], float64 [side, side].

    Args:
        rng: source of the draws.
        side: in pixels.
        octaves: cells along a side of each octave's grid.
        falloff: weight of an octave relative to that before it.
    """
    total = 0.0
    weight = 1.0
    height = np.zeros((side, side))
    for cells in octaves:
        height += weight * noise(rng, side, cells)
        total += weight * 255.0
        weight *= falloff
    return height / total


def coordinates(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres of a square of `side` pixels in [−1, 1]: x to the right, y downwards."""
    axis = (np.arange(side) * 2.0 + 1.0) / side - 1.0
    x = np.broadcast_to(axis[None, :], (side, side))
    y = np.broadcast_to(axis[:, None], (side, side))
    return x, y


def rotated(
    rng: np.random.Generator, side: int, angle: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`coordinates(side)` turned by `angle` radians (drawn by `rng` if None)."""
    turn = uniform(rng, 0.0, 2.0 * math.pi) if angle is None else angle
    cos = math.cos(turn)
    sin = math.sin(turn)
    x, y = coordinates(side)
    return cos * x + sin * y, cos * y - sin * x


def wave(phase: np.ndarray) -> np.ndarray:
    """A sine-like wave of period 1 in [−1, 1], made of parabolas, at `phase`.

    Its arithmetic is exact, unlike that of vectorised sines.
    """
    t = phase - np.floor(phase)
    return np.where(t < 0.5, 16.0 * t * (0.5 - t), -16.0 * (t - 0.5) * (1.0 - t))


def bitmap(values: np.ndarray) -> np.ndarray:
    """`values` cut off to [0, 255], uint8."""
    return np.clip(values, 0, 255).astype(np.uint8)


def blend(low: Sequence[int], high: Sequence[int], amount: np.ndarray) -> np.ndarray:
    """Colours between `low` and `high` by `amount` in [0, 1]: uint8 [..., 3]."""
    a = np.clip(amount, 0.0, 1.0)[..., None]
    return bitmap(np.asarray(low) * (1.0 - a) + np.asarray(high) * a + 0.5)


def warp(
    rng: np.random.Generator, image: Image.Image, strength: float, fill: int | Colour = 0
) -> Image.Image:
    """Elastic distortion of an `image` by a 3 × 3 mesh, whose corners `rng` moves.

    They move by up to `strength` × side; `fill` is the colour from outside.
    """
    side = image.size[0]
    corners = [[(0.0, 0.0)] * 4 for _ in range(4)]
    for j in range(4):
        for i in range(4):
            x = i * side / 3 + side * uniform(rng, -strength, strength)
            y = j * side / 3 + side * uniform(rng, -strength, strength)
            corners[j][i] = (x, y)
    mesh = []
    for j in range(3):
        for i in range(3):
            box = (i * side // 3, j * side // 3, (i + 1) * side // 3, (j + 1) * side // 3)
            left = (*corners[j][i], *corners[j + 1][i])
            right = (*corners[j + 1][i + 1], *corners[j][i + 1])
            mesh.append((box, (*left, *right)))
    return image.transform(
        image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR, fillcolor=fill
    )


def affine(
    rng: np.random.Generator,
    image: Image.Image,
    turn: float,
    shear: float,
    zoom: float,
    fill: int | Colour = 0,
) -> Image.Image:
    """An `image`, turned, sheared and zoomed about its centre as `rng` draws it.

    Args:
        rng: source of the draws.
        image: a square.
        turn: largest angle in radians.
        shear: largest shear.
        zoom: largest deviation of the zoom from 1.
        fill: the colour from outside.
    """
    angle = uniform(rng, -turn, turn)
    k = uniform(rng, -shear, shear)
    z = 1.0 / uniform(rng, 1.0 - zoom, 1.0 + zoom)
    cos = math.cos(angle) * z
    sin = math.sin(angle) * z
    b = sin + k * cos
    d = -sin
    e = cos - k * sin
    c = image.size[0] / 2
    matrix = (cos, b, c - cos * c - b * c, d, e, c - d * c - e * c)
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=fill
    )


def photograph(
    rng: np.random.Generator, image: Image.Image | np.ndarray, faults: float = 1.0
) -> np.ndarray:
    """An `image` as a cheap camera gives it, uint8 [32, 32, 3].

    `rng` draws the faults: a little blur, noise, and jitter of light and colour; `faults` scales
    them.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    if rng.random() < 0.35 * faults:
        image = image.filter(ImageFilter.BoxBlur(uniform(rng, 0.3, 1.0) * image.size[0] / SIDE))
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return bitmap(_sensed(rng, np.asarray(small, dtype=np.float64), faults) + 0.5)


def _sensed(rng: np.random.Generator, pixels: np.ndarray, faults: float) -> np.ndarray:
    """Pixels in other light, of less contrast, and with noise."""
    gain = uniform(rng, 1.0 - 0.25 * faults, 1.0 + 0.2 * faults)
    tint = 1.0 + faults * 0.08 * (rng.random(3) * 2.0 - 1.0)
    pixels = pixels * gain * tint + uniform(rng, -18.0, 18.0) * faults
    if rng.random() < 0.4:
        pixels = (pixels - 128.0) * uniform(rng, 1.0 - 0.6 * faults, 1.0) + 128.0
    if rng.random() < 0.5:
        amount = uniform(rng, 2.0, 16.0) * faults
        pixels = pixels + amount * (rng.random((SIDE, SIDE, 1)) + rng.random((SIDE, SIDE, 3)) - 1.0)
    return pixels
