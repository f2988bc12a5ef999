"""Digits and letters of Computer Modern and STIX, which no task uses.

They are printed, drawn as if by hand, or mounted on houses.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter, ImageFont

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

SIDE = 96
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FACES = (
    "cmb10",
    "cmr10",
    "cmss10",
    "cmtt10",
    "cmti10",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
)


@lru_cache(maxsize=128)
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / f"{face}.ttf", size, layout_engine=ImageFont.Layout.BASIC)


def _mask(rng: Generator, text: str, face: str, size: int, stroke: int = 0) -> Image.Image:
    mask = Image.new("L", (SIDE, SIDE), 0)
    font = _font(face, size)
    left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
    x = (SIDE - right - left) // 2 + int(rng.integers(-5, 6))
    y = (SIDE - bottom - top) // 2 + int(rng.integers(-5, 6))
    ImageDraw.Draw(mask).text((x, y), text, fill=255, font=font, stroke_width=stroke)
    return _stretched(rng, mask)


def _thicker_or_thinner(rng: Generator, mask: Image.Image) -> Image.Image:
    thicker = rng.random() < 0.6
    return mask.filter(ImageFilter.MaxFilter(3) if thicker else ImageFilter.MinFilter(3))


def _stretched(rng: Generator, mask: Image.Image) -> Image.Image:
    """Wider, narrower or lower, as other typefaces are, and with slab-like ends now and then."""
    if rng.random() < 0.3:
        mask = _thicker_or_thinner(rng, mask)
    a = 1.0 / uniform(rng, 0.75, 1.4)
    e = 1.0 / uniform(rng, 0.8, 1.1)
    c = SIDE / 2
    matrix = (a, 0.0, c - a * c, 0.0, e, c - e * c)
    return mask.transform(mask.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def _handwritten(rng: Generator, text: str) -> Image.Image:
    """A pen's trace: a thin face, thickened, sheared and warped, bright on black."""
    face = pick(rng, FACES)
    size = int(rng.integers(64, 88))
    mask = _mask(rng, text, face, size, int(rng.integers(0, 4)))
    mask = warp(rng, affine(rng, mask, 0.3, 0.35, 0.15), 0.08)
    if rng.random() < 0.4:
        mask = _thicker_or_thinner(rng, mask)
    return mask.filter(ImageFilter.BoxBlur(1.5))


def compose(rng: Generator) -> tuple[str, ...]:
    """Style, character, ink, paper (no colours for handwriting)."""
    style = ("handwritten", "printed", "house")[int(np.searchsorted((0.4, 0.72), rng.random()))]
    if rng.random() < 0.55:
        character = str(rng.integers(10))
    else:
        character = chr(ord("a" if rng.random() < 0.4 else "A") + int(rng.integers(26)))
    return (style, character, *(two_colours(rng) if style != "handwritten" else ("", "")))


def _name(character: str) -> str:
    if character.isdigit():
        return f"digit {DIGITS[int(character)]}"
    case = "capital" if character.isupper() else "small"
    return f"{case} letter {character.lower()}"


def phrase(composition: tuple[str, ...]) -> str:
    style, character, ink, paper = composition
    name = _name(character)
    if style == "handwritten":
        return f"a handwritten {name}"
    if style == "printed":
        return f"the {ink} {name} on {paper}"
    plate = "house number" if character.isdigit() else "name plate"
    return f"a {plate} with the {name} in {ink} on {paper}"


def _printed(rng: Generator, text: str, ink: str, paper: str) -> Image.Image:
    face = pick(rng, FACES)
    size = int(rng.integers(56, 92))
    mask = _mask(rng, text, face, size, int(rng.integers(0, 3)))
    image = Image.new("RGB", (SIDE, SIDE), shade(rng, paper))
    image.paste(shade(rng, ink), (0, 0), affine(rng, mask, 0.25, 0.2, 0.2))
    return image


def _clutter(rng: Generator, image: Image.Image, paper: str) -> None:
    """Edges of things behind the number."""
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 5))):
        ends = [uniform(rng, -20, SIDE) for _ in range(4)]
        pen.line(ends, fill=shade(rng, paper, 90), width=int(rng.integers(3, 24)))


def _wall(rng: Generator, paper: str) -> Image.Image:
    dark = shade(rng, paper, 40)
    light = shade(rng, paper, 70)
    return Image.fromarray(blend(dark, light, fractal(rng, SIDE, (2, 3, 7, 24), 0.7)))


def _on_house(rng: Generator, text: str, ink: str, paper: str) -> Image.Image:
    """A character between clipped neighbours on an uneven wall."""
    image = _wall(rng, paper)
    colour = shade(rng, ink)
    if rng.random() < 0.4:
        _clutter(rng, image, paper)
    face = pick(rng, FACES)
    size = int(rng.integers(56, 84))
    stroke = int(rng.integers(0, 5))
    for shift in (-1, 0, 1):
        neighbour = _neighbour(rng, text)
        if shift == 0 or rng.random() < 0.7:
            mask = _mask(rng, neighbour if shift else text, face, size, stroke)
            image.paste(colour, (int(shift * size * uniform(rng, 0.62, 0.8)), 0), mask)
    return affine(rng, image, 0.15, 0.15, 0.12, fill=shade(rng, paper, 40))


def _neighbour(rng: Generator, text: str) -> str:
    """Another character: a digit beside a digit, a small letter beside a letter."""
    if text.isdigit():
        return str(rng.integers(10))
    return chr(ord("a") + int(rng.integers(26)))


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    style, character, ink, paper = composition
    if style == "handwritten":
        return photograph(rng, np.asarray(_handwritten(rng, character)), 0.3)
    draw = _printed if style == "printed" else _on_house
    return photograph(rng, draw(rng, character, ink, paper))
