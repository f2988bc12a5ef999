"""Materials from programs: look-alikes of brick, grass, gravel, coins and others.

No photograph is read.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter
from PIL.ImageDraw import ImageDraw as Pen

from tangent_bench.corpus._canvas import (
    COLOURS,
    blend,
    fractal,
    noise,
    photograph,
    pick,
    rotated,
    shade,
    uniform,
    wave,
)

SIDE = 64


def _rough(rng: Generator, amount: float) -> np.ndarray:
    return amount * (rng.random((SIDE, SIDE)) - 0.5)


def _cells(rng: Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances in pixels to the nearest and second nearest of `count` points (Worley noise)."""
    points = rng.random((count, 2)) * SIDE
    axis = np.arange(SIDE) + 0.5
    dx = axis[None, None, :] - points[:, 0, None, None]
    dy = axis[None, :, None] - points[:, 1, None, None]
    squares = dx**2 + dy**2
    nearest = np.partition(squares, 1, axis=0)
    return np.sqrt(nearest[0]), np.sqrt(nearest[1])


def _staggered(x: np.ndarray, row: np.ndarray) -> np.ndarray:
    """`x` moved by half a unit in every second row."""
    return x + 0.5 * (row - 2.0 * np.floor(row / 2.0))


def brick(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE, pick(rng, (0.0, 0.0, 1.5708)) + uniform(rng, -0.1, 0.1))
    rows = uniform(rng, 1.0, 5.0)
    v = (y + 1.0) * rows
    row = np.floor(v)
    u = _staggered((x + 1.0) * rows * 0.5, row)
    joint = np.minimum(v - row, 8.0) < 0.16
    joint = joint | (u - np.floor(u) < 0.09)
    face = 0.55 + 0.5 * (fractal(rng, SIDE, (4, 9, 30), 0.8) - 0.5) + _rough(rng, 0.2)
    return np.where(joint, pick(rng, (0.95, 0.12)), face)


def grass(rng: Generator) -> np.ndarray:
    field = Image.new("L", (SIDE, SIDE), 60)
    pen = ImageDraw.Draw(field)
    for _ in range(260):
        x = uniform(rng, -5, SIDE + 5)
        y = uniform(rng, 0, SIDE + 12)
        lean = uniform(rng, -9, 9)
        tip = y - uniform(rng, 6, 20)
        pen.line((x, y, x + lean, tip), fill=int(rng.integers(20, 256)), width=1)
    return np.asarray(field) / 255.0


def gravel(rng: Generator) -> np.ndarray:
    near, second = _cells(rng, int(rng.integers(40, 110)))
    pebbles = np.clip((second - near) / uniform(rng, 2.5, 5.0), 0, 1)
    tone = 0.45 + 0.55 * fractal(rng, SIDE, (6, 14), 0.8)
    return pebbles * tone + _rough(rng, 0.15)


def sand(rng: Generator) -> np.ndarray:
    return 0.5 + _rough(rng, 0.9) + 0.25 * (fractal(rng, SIDE, (3, 8)) - 0.5)


def wood(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE)
    rings = wave(x * uniform(rng, 2.0, 4.5) + 1.2 * fractal(rng, SIDE, (2, 3)) + 0.15 * y)
    return 0.5 + 0.35 * rings + _rough(rng, 0.12)


def marble(rng: Generator) -> np.ndarray:
    x, _ = rotated(rng, SIDE)
    vein = wave(x * uniform(rng, 0.8, 1.8) + 2.6 * fractal(rng, SIDE, (2, 4, 8, 16), 0.6))
    return np.clip(1.0 - 1.6 * np.maximum(0.0, vein - 0.35), 0, 1)


def fabric(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE, uniform(rng, -0.3, 0.3))
    f = uniform(rng, 6.0, 11.0)
    return 0.5 + 0.28 * wave(f * x) + 0.28 * wave(f * y) + _rough(rng, 0.2)


def stripes(rng: Generator) -> np.ndarray:
    x, _ = rotated(rng, SIDE)
    return 1.0 * (wave(x * uniform(rng, 1.5, 4.5)) > uniform(rng, -0.4, 0.4))


def checkerboard(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE, uniform(rng, -0.5, 0.5))
    f = uniform(rng, 0.9, 2.5)
    return 1.0 * ((wave(f * x) > 0) == (wave(f * y) > 0))


def polka_dots(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE, uniform(rng, -0.5, 0.5))
    f = uniform(rng, 1.3, 2.8)
    u = f * x - np.floor(f * x) - 0.5
    v = f * y - np.floor(f * y) - 0.5
    return 1.0 * (u * u + v * v < uniform(rng, 0.05, 0.12))


def clouds(rng: Generator) -> np.ndarray:
    return np.clip(1.8 * (fractal(rng, SIDE, (2, 4, 8, 16, 32), 0.6) - 0.3), 0, 1)


def moon_craters(rng: Generator) -> np.ndarray:
    ground = 0.45 + 0.25 * (fractal(rng, SIDE, (3, 6, 12), 0.7) - 0.5)
    axis = np.arange(SIDE) + 0.5
    depth = uniform(rng, 0.1, 0.4)
    largest = uniform(rng, 4.0, 13.0)
    for _ in range(int(rng.integers(3, 14))):
        cx = uniform(rng, 0, SIDE)
        cy = uniform(rng, 0, SIDE)
        r = uniform(rng, 1.5, largest)
        dx = (axis[None, :] - cx) / r
        dy = (axis[:, None] - cy) / r
        d = np.sqrt(dx * dx + dy * dy)
        ground = ground + np.where(d < 1.15, depth * (dx + dy) * d, 0.0)
    return ground


def _letter(rng: Generator, pen: Pen, x: float, y: float, pitch: float) -> None:
    """A stem, a bowl or a slant of the size of a small letter."""
    fill = int(rng.integers(10, 90))
    high = y + uniform(rng, 0, pitch * 0.2)
    kind = int(rng.integers(3))
    low = y + pitch * 0.5
    width = max(1, int(pitch / 9))
    if kind == 0:
        pen.line((x, high, x, low), fill=fill, width=width)
    elif kind == 1:
        pen.ellipse((x, low - pitch * 0.3, x + pitch * 0.25, low), outline=fill, width=width)
    else:
        pen.line((x, low, x + pitch * 0.2, high), fill=fill, width=width)


def _lines(low: float, high: float, step: float) -> list[float]:
    """Numbers from `low` to below `high`, each a `step` more than the last."""
    numbers = []
    while low < high:
        numbers.append(low)
        low += step
    return numbers


def _tilted(rng: Generator, page: Image.Image, degrees: float, fill: int) -> np.ndarray:
    """The page turned by up to so many degrees, in [0, 1]; `fill` shows beyond its edges."""
    turn = uniform(rng, -degrees, degrees)
    return np.asarray(page.rotate(turn, Image.Resampling.BILINEAR, fillcolor=fill)) / 255.0


def page_of_text(rng: Generator) -> np.ndarray:
    page = Image.new("L", (SIDE, SIDE), int(rng.integers(190, 256)))
    pen = ImageDraw.Draw(page)
    pitch = uniform(rng, 5.0, 15.0)
    for y in _lines(uniform(rng, -3, 3), SIDE, pitch):
        x = uniform(rng, -12, 2)
        while x < SIDE:
            word = uniform(rng, 4, 18) * pitch / 8
            for letter in np.arange(x, x + word, pitch * 0.36):
                _letter(rng, pen, letter, y, pitch)
            x += word + pitch * 0.5
    return _tilted(rng, page, 8, 225)


def coins(rng: Generator) -> np.ndarray:
    table = Image.new("L", (SIDE, SIDE), int(rng.integers(20, 110)))
    pen = ImageDraw.Draw(table)
    pitch = uniform(rng, 18, 34)
    for column in range(-1, 5):
        for row in range(-1, 5):
            x = column * pitch + uniform(rng, -3, 3)
            y = row * pitch + uniform(rng, -3, 3)
            _coin(rng, pen, x, y, pitch * uniform(rng, 0.3, 0.46))
    return np.asarray(table) / 255.0 + 0.25 * (noise(rng, SIDE, 16) / 255.0 - 0.5)


def _coin(rng: Generator, pen: Pen, x: float, y: float, r: float) -> None:
    tone = int(rng.integers(110, 200))
    pen.ellipse((x - r, y - r, x + r, y + r), fill=tone, outline=min(255, tone + 50))
    q = r * 0.55
    relief = tone - int(rng.integers(20, 70))
    pen.ellipse((x - q, y - q * 1.1, x + q * 0.6, y + q), fill=relief)


def bubbles(rng: Generator) -> np.ndarray:
    near, _ = _cells(rng, int(rng.integers(8, 20)))
    r = uniform(rng, 5.0, 9.0)
    return np.where(near < r, 0.25 + 0.75 * (near / r) ** 4, 0.2)


def honeycomb(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE)
    f = uniform(rng, 1.6, 3.2)
    a = wave(f * x)
    b = wave(f * (0.5 * x + 0.866 * y))
    c = wave(f * (0.5 * x - 0.866 * y))
    return np.clip(0.55 + 0.5 * (a * b + b * c - a * c), 0, 1)


def scales(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE, uniform(rng, -0.3, 0.3))
    f = uniform(rng, 2.0, 4.0)
    row = np.floor(f * y)
    u = _staggered(f * x, row)
    v = f * y - row
    u = u - np.floor(u) - 0.5
    return np.clip(1.3 - np.sqrt(4.0 * u * u + v * v), 0, 1)


def camouflage(rng: Generator) -> np.ndarray:
    return np.floor(3.999 * np.clip(fractal(rng, SIDE, (3, 6), 0.5) * 1.5 - 0.25, 0, 1)) / 3.0


def ripples(rng: Generator) -> np.ndarray:
    x, y = rotated(rng, SIDE)
    bend = fractal(rng, SIDE, (2, 3, 6))
    return 0.5 + 0.4 * wave(uniform(rng, 2.5, 5.0) * x + 1.5 * bend + 0.2 * y) + _rough(rng, 0.15)


def handwriting(rng: Generator) -> np.ndarray:
    page = Image.new("L", (SIDE, SIDE), int(rng.integers(185, 256)))
    pen = ImageDraw.Draw(page)
    pitch = uniform(rng, 8.0, 30.0)
    thick = max(1, int(pitch * uniform(rng, 0.08, 0.2)))
    for y in _lines(uniform(rng, 0, 6), SIDE + pitch, pitch):
        points = _scribble(rng, y, pitch)
        pen.line(points, fill=int(rng.integers(10, 90)), width=thick, joint="curve")
    return _tilted(rng, page, 12, 220)


def _scribble(rng: Generator, y: float, pitch: float) -> list[tuple[float, float]]:
    """A zigzag above the line `y`; now and then it is as high as a tall letter."""
    points = []
    x = uniform(rng, -10, 4)
    while x < SIDE + 6:
        height = pitch * 0.45 * float(rng.random())
        points.append((x, y - height * (1.6 if rng.random() < 0.25 else 1.0)))
        x += pitch * uniform(rng, 0.06, 0.3)
    return points


MATERIALS = {
    "a brick wall": brick,
    "grass": grass,
    "gravel": gravel,
    "sand": sand,
    "wood": wood,
    "marble": marble,
    "fabric": fabric,
    "stripes": stripes,
    "a checkerboard": checkerboard,
    "polka dots": polka_dots,
    "clouds": clouds,
    "craters on the moon": moon_craters,
    "a page of text": page_of_text,
    "coins": coins,
    "bubbles": bubbles,
    "honeycomb": honeycomb,
    "scales": scales,
    "camouflage": camouflage,
    "ripples": ripples,
    "handwriting": handwriting,
}
_BRIGHT = [c for c in COLOURS if c not in ("grey", "white", "black")]


def compose(rng: Generator) -> tuple[str, ...]:
    """Material, colour."""
    return pick(rng, list(MATERIALS)), "grey" if rng.random() < 0.45 else pick(rng, _BRIGHT)


def phrase(composition: tuple[str, ...]) -> str:
    material, colour = composition
    return f"{material} in grey" if colour == "grey" else f"{colour} {material.removeprefix('a ')}"


def _closer(rng: Generator, tone: np.ndarray) -> np.ndarray:
    """A part of it, enlarged, and out of focus now and then.

    The apparent size of a thing depends on the distance of the viewer.
    """
    side = int(rng.integers(20, SIDE))
    y = int(rng.integers(0, SIDE - side + 1))
    x = int(rng.integers(0, SIDE - side + 1))
    whole = Image.fromarray((np.clip(tone, 0.0, 1.0) * 255.0).astype(np.uint8))
    part = whole.crop((x, y, x + side, y + side))
    if rng.random() < 0.25:
        part = part.filter(ImageFilter.BoxBlur(uniform(rng, 0.5, 2.0)))
    return np.asarray(part.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) / 255.0


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    material, colour = composition
    tone = MATERIALS[material](rng)
    if rng.random() < 0.6:
        tone = _closer(rng, tone)
    if colour == "grey":
        return photograph(rng, _grey(rng, tone))
    dark = [channel // 4 for channel in COLOURS[colour]]
    return photograph(rng, blend(dark, shade(rng, colour, 35), tone))


def _grey(rng: Generator, tone: np.ndarray) -> np.ndarray:
    """The material in grey, of much or of little contrast."""
    low, high = (15, 120) if rng.random() < 0.4 else (15, 16)
    dark = int(rng.integers(low, high))
    light = int(rng.integers(150, 241))
    return blend((dark,) * 3, (light,) * 3, tone * uniform(rng, 0.8, 1.1))
