"""What all families draw with: named colours, smooth noise, warps, and the camera's faults.

Only PIL, integers and + − × ÷ √ are used on arrays, so that every machine draws the same bytes.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

SIDE = 32
COLOURS = {
    "red": (205, 40, 40), "green": (45, 150, 60), "blue": (40, 80, 200), "yellow": (235, 210, 50),
    "orange": (240, 140, 30), "purple": (130, 60, 170), "pink": (240, 150, 190), "cyan": (60, 195, 210),
    "brown": (125, 80, 45), "white": (240, 240, 240), "black": (22, 22, 26), "grey": (130, 130, 135),
}  # fmt: skip


def pick(rng: np.random.Generator, items):
    """One of `items`, uniformly."""
    return items[int(rng.integers(len(items)))]


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(rng.random())


def shade(rng: np.random.Generator, name: str, spread: int = 22) -> tuple[int, int, int]:
    """An example of the named colour: each channel moves by at most `spread`."""
    return jitter(rng, COLOURS[name], spread)


def jitter(
    rng: np.random.Generator, colour: tuple[int, int, int], spread: int
) -> tuple[int, int, int]:
    """A colour nearby: each channel moves by at most `spread`."""
    offsets = rng.integers(-spread, spread + 1, size=3)
    return tuple(int(min(255, max(0, c + d))) for c, d in zip(colour, offsets, strict=True))


def two_colours(rng: np.random.Generator) -> tuple[str, str]:
    """Two colour names that can be told apart."""
    names = list(COLOURS)
    while True:
        first, second = pick(rng, names), pick(rng, names)
        if sum(abs(a - b) for a, b in zip(COLOURS[first], COLOURS[second], strict=True)) > 150:
            return first, second


def noise(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth noise, uint8 [side, side]: a random grid of `cells` × `cells`, enlarged."""
    grid = rng.integers(0, 256, size=(cells, cells), dtype=np.uint8)
    return np.asarray(Image.fromarray(grid).resize((side, side), Image.BICUBIC))


def fractal(
    rng: np.random.Generator, side: int, octaves=(2, 4, 8, 16), falloff: float = 0.5
) -> np.ndarray:
    """Fractal noise in [0, 1], float64 [side, side]."""
    total, weight, height = 0.0, 1.0, np.zeros((side, side))
    for cells in octaves:
        height += weight * noise(rng, side, cells)
        total += weight * 255.0
        weight *= falloff
    return height / total


def coordinates(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres in [−1, 1]: x to the right, y downwards."""
    axis = (np.arange(side) * 2.0 + 1.0) / side - 1.0
    return np.broadcast_to(axis[None, :], (side, side)), np.broadcast_to(
        axis[:, None], (side, side)
    )


def rotated(
    rng: np.random.Generator, side: int, angle: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates turned by `angle` radians (random if None)."""
    turn = uniform(rng, 0.0, 2.0 * math.pi) if angle is None else angle
    cos, sin = math.cos(turn), math.sin(turn)
    x, y = coordinates(side)
    return cos * x + sin * y, cos * y - sin * x


def wave(phase: np.ndarray) -> np.ndarray:
    """A sine-like wave of period 1 in [−1, 1] from parabolas (exact arithmetic, unlike vectorised sines)."""
    t = phase - np.floor(phase)
    return np.where(t < 0.5, 16.0 * t * (0.5 - t), -16.0 * (t - 0.5) * (1.0 - t))


def blend(low, high, amount: np.ndarray) -> np.ndarray:
    """Colours between `low` and `high` by `amount` in [0, 1]: uint8 [..., 3]."""
    a = np.clip(amount, 0.0, 1.0)[..., None]
    return np.clip(np.asarray(low) * (1.0 - a) + np.asarray(high) * a + 0.5, 0, 255).astype(
        np.uint8
    )


def warp(rng: np.random.Generator, image: Image.Image, strength: float, fill=0) -> Image.Image:
    """Elastic distortion: a 3 × 3 mesh whose inner corners move by up to `strength` × side."""
    side = image.size[0]
    grid = [[(i * side / 3, j * side / 3) for i in range(4)] for j in range(4)]
    moved = [[(x + side * uniform(rng, -strength, strength), y + side * uniform(rng, -strength, strength))
              for x, y in row] for row in grid]  # fmt: skip
    mesh = []
    for j in range(3):
        for i in range(3):
            box = (i * side // 3, j * side // 3, (i + 1) * side // 3, (j + 1) * side // 3)
            corners = (*moved[j][i], *moved[j + 1][i], *moved[j + 1][i + 1], *moved[j][i + 1])
            mesh.append((box, corners))
    return image.transform(image.size, Image.MESH, mesh, Image.BILINEAR, fillcolor=fill)


def affine(
    rng: np.random.Generator, image: Image.Image, turn: float, shear: float, zoom: float, fill=0
) -> Image.Image:
    """Rotation by up to `turn` radians, shear, zoom in 1 ± `zoom`, about the centre."""
    a, k = uniform(rng, -turn, turn), uniform(rng, -shear, shear)
    z = 1.0 / uniform(rng, 1.0 - zoom, 1.0 + zoom)
    cos, sin = math.cos(a) * z, math.sin(a) * z
    c = image.size[0] / 2
    m = (cos, sin + k * cos, -sin, cos - k * sin)
    matrix = (m[0], m[1], c - m[0] * c - m[1] * c, m[2], m[3], c - m[2] * c - m[3] * c)
    return image.transform(image.size, Image.AFFINE, matrix, Image.BILINEAR, fillcolor=fill)


def photograph(
    rng: np.random.Generator, image: Image.Image | np.ndarray, faults: float = 1.0
) -> np.ndarray:
    """The picture as a cheap camera gives it: 32 × 32, a little blurred, noisy, with light and colour jitter."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    if rng.random() < 0.35 * faults:
        image = image.filter(ImageFilter.BoxBlur(uniform(rng, 0.3, 1.0) * image.size[0] / SIDE))
    pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.BOX), dtype=np.float64)
    gain = uniform(rng, 1.0 - 0.25 * faults, 1.0 + 0.2 * faults)
    tint = 1.0 + faults * 0.08 * (rng.random(3) * 2.0 - 1.0)
    pixels = pixels * gain * tint + uniform(rng, -18.0, 18.0) * faults
    if rng.random() < 0.4:
        pixels = (pixels - 128.0) * uniform(rng, 1.0 - 0.6 * faults, 1.0) + 128.0
    if rng.random() < 0.5:
        amount = uniform(rng, 2.0, 16.0) * faults
        pixels = pixels + amount * (rng.random((SIDE, SIDE, 1)) + rng.random((SIDE, SIDE, 3)) - 1.0)
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
