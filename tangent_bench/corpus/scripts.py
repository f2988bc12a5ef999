"""Invented writing: three letters beside each other that resemble a script but belong to none.

Each manner draws its own strokes: a list of lines, each a list of points (right, down) in the unit
square. No letter of a real typeface is used.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

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

SIDE = 96
Line = list[tuple[float, float]]
Lines = list[Line]


def _arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> Line:
    """Part of an ellipse; angles in turns, 0 to the right, ¼ downwards."""
    line = []
    for k in range(13):
        angle = 2 * math.pi * (start + (stop - start) * k / 12)
        line.append((x + rx * math.cos(angle), y + ry * math.sin(angle)))
    return line


def _dot(x: float, y: float) -> Line:
    return [(x, y), (x + 0.01, y)]


def _chance(rng: Generator, share: float) -> bool:
    return bool(rng.random() < share)


def armenian(rng: Generator) -> Lines:
    """Stems and round arches, with a level tail to the right."""
    foot = _chance(rng, 0.5)
    arch = _arc(0.4, 0.62, 0.3, 0.3, 0.0, 0.5) if foot else _arc(0.4, 0.38, 0.3, 0.3, 0.5, 1.0)
    lines = [arch, [(0.1, 0.0 if _chance(rng, 0.5) else 0.38), (0.1, 0.62 if foot else 1.0)]]
    if _chance(rng, 0.6):
        lines.append([(0.7, 0.38), (0.7, pick(rng, (0.7, 1.0, 1.2)))])
    if _chance(rng, 0.7):
        y = pick(rng, (0.4, 0.62, 0.95))
        lines.append([(0.6 if _chance(rng, 0.5) else 0.1, y), (1.0, y)])
    return lines


def georgian(rng: Generator) -> Lines:
    """Bowls and open curves without a corner."""
    lines = [_arc(0.45, 0.6, 0.38, 0.38, uniform(rng, 0.4, 0.75), uniform(rng, 1.1, 1.5))]
    if _chance(rng, 0.7):
        height = uniform(rng, 0.12, 0.3)
        start = uniform(rng, 0.5, 0.7)
        lines.append(_arc(0.5, 0.15, 0.3, height, start, uniform(rng, 1.0, 1.2)))
    if _chance(rng, 0.5):
        lines.append(_arc(0.6, 1.0, 0.25, 0.2, 0.75, uniform(rng, 1.2, 1.6)))
    if _chance(rng, 0.3):
        lines.append(_arc(0.15, 0.6, 0.15, 0.3, 0.25, 0.75))
    return lines


def hebrew(rng: Generator) -> Lines:
    """A heavy bar on top and square stems below."""
    bar = [(0.0, 0.12), (0.9, 0.12)]
    lines = [bar, bar, [(0.9, 0.12), (0.9, pick(rng, (1.0, 1.0, 0.55, 1.2)))]]
    kind = int(rng.integers(4))
    if kind == 0:
        lines.append([(0.1, pick(rng, (0.12, 0.4))), (0.1, 1.0)])
    elif kind == 1:
        lines += [[(0.0, 1.0), (0.9, 1.0)]] * 2
    elif kind == 2:
        lines.append([(0.1, 0.12), (uniform(rng, 0.3, 0.6), 0.6), (0.0, 1.0)])
    if _chance(rng, 0.2):
        lines.append([(0.45, 0.12), (0.45, 0.7)])
    return lines


def arabic(rng: Generator) -> Lines:
    """A sweep along the line with dots above or below."""
    y = uniform(rng, 0.45, 0.7)
    lines = [_arc(0.5, y, 0.55, uniform(rng, 0.15, 0.4), 0.0, 0.5)]
    if _chance(rng, 0.35):
        lines.append([(0.95, 0.0), (0.95, y)])
    if _chance(rng, 0.35):
        lines.append(_arc(0.8, y - 0.12, 0.14, 0.14, 0.0, 1.0))
    if _chance(rng, 0.65):
        above = pick(rng, (0.15, 1.15))
        for shift in pick(rng, ((0.0,), (-0.12, 0.12), (-0.18, 0.0, 0.18))):
            lines.append(_dot(0.5 + shift, above))
    return lines


def lao(rng: Generator) -> Lines:
    """A small ring, from which a round line climbs."""
    x = pick(rng, (0.15, 0.4))
    lines = [_arc(x, pick(rng, (0.3, 0.8)), 0.13, 0.13, 0.0, 1.0)]
    lines.append(_arc(0.5, 0.45, 0.38, 0.4, 0.5, uniform(rng, 1.0, 1.1)))
    lines.append([(0.88, 0.45), (0.88, 1.0)])
    if _chance(rng, 0.6):
        lines.append(_arc(uniform(rng, 0.3, 0.6), 0.85, 0.28, 0.15, 0.0, uniform(rng, 0.4, 0.6)))
    if _chance(rng, 0.3):
        lines.append([(0.88, 0.1), (1.0, -0.1)])
    return lines


def cyrillic(rng: Generator) -> Lines:
    """Upright stems of one height, joined by bars, slants or a bowl."""
    lines: Lines = [[(0.1, 0.0), (0.1, 1.0)]]
    kind = int(rng.integers(5))
    if kind < 3:
        lines.append([(0.85, 0.0), (0.85, 1.0)])
    if kind == 0:
        lines.append([(0.1, 1.0), (0.85, 0.0)])
    elif kind == 1:
        lines += [[(0.48, 0.0), (0.48, 1.0)], [(0.1, 1.0), (0.95, 1.0), (0.95, 1.2)]]
    elif kind == 2:
        lines.append([(0.1, 0.5), (0.85, 0.5)])
    elif kind == 3:
        lines += [_arc(0.4, 0.72, 0.4, 0.27, -0.25, 0.25), [(0.1, 0.45), (0.4, 0.45)]]
        lines += [
            [(0.1, 1.0), (0.4, 1.0)],
            [(0.1, 0.0), (0.7 if _chance(rng, 0.5) else -0.15, 0.0)],
        ]
    else:
        lines += [[(0.5, 0.0), (0.5, 1.0)], [(0.9, 0.0), (0.1, 0.5)], [(0.1, 0.5), (0.9, 1.0)]]
    return lines


def braille(rng: Generator) -> Lines:
    """Raised dots in two columns."""
    shown = [c for c in range(6) if _chance(rng, 0.55)] or [0, 3]
    return [_dot(0.2 + 0.6 * (c % 2), 0.1 + 0.4 * (c // 2)) for c in shown]


def nko(rng: Generator) -> Lines:
    """Upright stems with a ring, a triangle or a flag, standing on one line."""
    lines: Lines = [[(0.5, 0.0), (0.5, 1.0)]]
    kind = int(rng.integers(4))
    if kind == 0:
        lines.append(_arc(0.5, 0.2, 0.28, 0.2, 0.0, 1.0))
    elif kind == 1:
        lines.append([(0.5, 0.0), (1.0, 0.45), (0.0, 0.45), (0.5, 0.0)])
    elif kind == 2:
        lines.append([(0.05, 0.0), (0.95, 0.0)])
    else:
        lines.append(_arc(0.5, 0.25, 0.3, 0.25, -0.25, 0.5))
    if _chance(rng, 0.6):
        lines.append([(0.0, 1.0), (1.0, 1.0)])
    return lines


def cree(rng: Generator) -> Lines:
    """Bare angles, hooks and bows, turned by quarters."""
    shape = int(rng.integers(4))
    if shape == 0:
        line = [(0.1, 0.1), (0.9, 0.5), (0.1, 0.9)]
    elif shape == 1:
        line = [(0.2, 0.0), (0.2, 0.9), (0.9, 0.9)]
    elif shape == 2:
        line = [*_arc(0.5, 0.35, 0.35, 0.35, 0.5, 1.0), (0.85, 1.0)]
    else:
        line = [(0.1, 0.1), (0.9, 0.5), (0.1, 0.9), (0.1, 0.1)]
    for _ in range(int(rng.integers(4))):
        line = [(1.0 - y, x) for x, y in line]
    return [line, [(1.1, 0.0), (1.1, 0.2)]] if _chance(rng, 0.2) else [line]


def ogham(rng: Generator) -> Lines:
    """Notches along one level line."""
    count = int(rng.integers(1, 6))
    upper, lower = pick(rng, ((0.1, 0.5), (0.5, 0.9), (0.1, 0.9)))
    slant = 0.2 if _chance(rng, 0.3) else 0.0
    notches: Lines = []
    for k in range(count):
        x = 0.12 + 0.19 * k
        notches.append([(x + slant, upper), (x, lower)])
    return [[(-0.1, 0.5), (1.1, 0.5)], *notches]


def runic(rng: Generator) -> Lines:
    """A stem with slanting twigs."""
    lines: Lines = [[(0.3, 0.0), (0.3, 1.0)]]
    for _ in range(int(rng.integers(1, 4))):
        y = uniform(rng, 0.0, 0.6)
        fall = pick(rng, (-0.3, 0.3))
        lines.append([(0.3, y), (0.85, y + fall)])
    return lines


def devanagari(rng: Generator) -> Lines:
    """A head line across, a stem, and a round form that hangs from it."""
    lines: Lines = [[(-0.1, 0.1), (1.1, 0.1)], [(0.85, 0.1), (0.85, 1.0)]]
    y = uniform(rng, 0.4, 0.6)
    start = uniform(rng, 0.0, 0.5)
    lines.append(_arc(0.4, y, 0.3, 0.25, start, uniform(rng, 0.8, 1.2)))
    if _chance(rng, 0.5):
        lines.append([(0.4, 0.1), (0.4, 0.35)])
    return lines


def chinese(rng: Generator) -> Lines:
    """Many level and upright strokes in a square."""
    lines: Lines = []
    for y in (0.1, 0.4, 0.65, 0.95):
        if _chance(rng, 0.7):
            lines.append([(0.1, y), (0.9, y)])
    for x in (0.2, 0.5, 0.8):
        if _chance(rng, 0.6):
            lines.append([(x, 0.0), (x, 1.0)])
    lines.append([(0.5, 0.4), (pick(rng, (0.05, 0.95)), 1.0)])
    return lines


def cuneiform(rng: Generator) -> Lines:
    """Wedges."""
    lines: Lines = []
    for _ in range(int(rng.integers(2, 5))):
        x = uniform(rng, 0.1, 0.7)
        y = uniform(rng, 0.1, 0.7)
        down = _chance(rng, 0.5)
        tip = (x + 0.1, y + 0.5) if down else (x + 0.5, y + 0.1)
        lines += [[(x, y), (x + 0.2, y), (x, y + 0.2), (x, y)], [(x + 0.1, y + 0.1), tip]]
    return lines


MANNERS = {
    "armenian": armenian,
    "georgian": georgian,
    "hebrew": hebrew,
    "arabic": arabic,
    "lao": lao,
    "cyrillic": cyrillic,
    "braille": braille,
    "nko": nko,
    "cree": cree,
    "ogham": ogham,
    "runic": runic,
    "devanagari": devanagari,
    "chinese": chinese,
    "cuneiform": cuneiform,
}


def compose(rng: Generator) -> tuple[str, ...]:
    """Script, ink, paper."""
    return (pick(rng, list(MANNERS)), *two_colours(rng))


def phrase(composition: tuple[str, ...]) -> str:
    script, ink, paper = composition
    return f"three {script} letters in {ink} on {paper}"


def _word(rng: Generator, script: str) -> Image.Image:
    """Three letters beside each other, white on black."""
    mask = Image.new("L", (SIDE, SIDE), 0)
    pen = ImageDraw.Draw(mask)
    width = uniform(rng, 17, 25)
    height = uniform(rng, 28, 46)
    thick = int(rng.integers(3, 8))
    gap = uniform(rng, 4, 9)
    left = (SIDE - 3 * width - 2 * gap) / 2
    top = (SIDE - height) / 2
    radius = thick * (0.9 if script == "braille" else 0.5)
    for k in range(3):
        x0 = left + k * (width + gap)
        for line in MANNERS[script](rng):
            points = [(x0 + x * width, top + y * height) for x, y in line]
            pen.line(points, fill=255, width=thick, joint="curve")
            for x, y in (points[0], points[-1]):
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    script, ink, paper = composition
    word = affine(rng, _word(rng, script), 0.12, 0.15, 0.12)
    dark = shade(rng, paper, 15)
    light = shade(rng, paper, 45)
    image = Image.fromarray(blend(dark, light, fractal(rng, SIDE, (2, 4))))
    image.paste(shade(rng, ink), (0, int(rng.integers(-9, 10))), word)
    return photograph(rng, image)
