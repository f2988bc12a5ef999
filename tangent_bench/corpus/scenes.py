"""Procedural look-alikes of photographs: skies, a cup from above, a cat, tissue, a temple."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw
from PIL.ImageDraw import ImageDraw as Pen

from tangent_bench.corpus._canvas import (
    Colour,
    bitmap,
    blend,
    clipped,
    coordinates,
    fractal,
    photograph,
    pick,
    shade,
    uniform,
)
from tangent_bench.corpus.textures import bubbles, grass, wood

SIDE = 64


def _sheet(
    rng: Generator, low: str, high: str, octaves: Sequence[int] = (2, 4, 8, 16)
) -> Image.Image:
    """A cloudy ground between two named colours."""
    dark = shade(rng, low, 30)
    light = shade(rng, high, 30)
    return Image.fromarray(blend(dark, light, fractal(rng, SIDE, octaves, 0.6)))


def _disc(pen: Pen, x: float, y: float, r: float, fill: Colour, ry: float | None = None) -> None:
    ry = r if ry is None else ry
    pen.ellipse((x - r, y - ry, x + r, y + ry), fill=fill)


def _point(rng: Generator, low: float = 0, high: float = SIDE) -> tuple[float, float]:
    x = uniform(rng, low, high)
    y = uniform(rng, low, high)
    return x, y


def _stars(rng: Generator, image: Image.Image, count: int) -> None:
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = _point(rng)
        tone = int(rng.integers(130, 256))
        radius = uniform(rng, 0.3, 1.1)
        green = int(tone * uniform(rng, 0.75, 1))
        blue = int(tone * uniform(rng, 0.7, 1))
        _disc(pen, x, y, radius, (tone, green, blue))


def _hairs(rng: Generator, pen: Pen, x: float, y: float, r: float, fur: Colour) -> None:
    """Fur: short strokes of nearby tones that point away from (x, y)."""
    for _ in range(90):
        dx, dy = _point(rng, -1, 1)
        tone = tuple(clipped(c + int(rng.integers(-50, 51))) for c in fur)
        pen.line((x + dx * r, y + dy * r, x + dx * r * 1.25, y + dy * r * 1.25), fill=tone)


def night_sky(rng: Generator) -> Image.Image:
    image = _sheet(rng, "black", "black")
    _stars(rng, image, int(rng.integers(25, 90)))
    return image


def galaxies(rng: Generator) -> Image.Image:
    image = _sheet(rng, "black", "black")
    _stars(rng, image, 20)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 7))):
        x, y = _point(rng)
        r = uniform(rng, 3, 9)
        flat = uniform(rng, 0.3, 1)
        red, green, blue = pick(rng, ((200, 150, 90), (150, 160, 220), (220, 200, 170)))
        for k in (1.0, 0.7, 0.45, 0.2):
            light = 1.2 - k
            fill = (int(red * light), int(green * light), int(blue * light))
            _disc(pen, x, y, r * k, fill, r * k * flat)
    return image


def coffee(rng: Generator) -> Image.Image:
    dark = shade(rng, "brown", 40)
    light = shade(rng, pick(rng, ("grey", "orange")), 60)
    image = Image.fromarray(blend(dark, light, wood(rng)))
    pen = ImageDraw.Draw(image)
    x, y = _point(rng, 24, 40)
    r = uniform(rng, 17, 25)
    _disc(pen, x, y, r * 1.35, shade(rng, "white", 15), r * 1.2)
    cup = shade(rng, pick(rng, ("white", "red", "orange", "brown")), 15)
    _disc(pen, x, y - 2, r, cup, r * 0.9)
    _disc(pen, x, y - 2, r * 0.83, (70, 40, 25), r * 0.75)
    _disc(pen, x + 2, y - 1, r * 0.5, (165, 110, 60), r * 0.45)
    return image


def cat(rng: Generator) -> Image.Image:
    low = pick(rng, ("grey", "brown", "green"))
    image = _sheet(rng, low, pick(rng, ("black", "white", "brown")))
    fur = shade(rng, pick(rng, ("orange", "grey", "brown", "black", "white")), 25)
    pen = ImageDraw.Draw(image)
    x = uniform(rng, 26, 38)
    y = uniform(rng, 30, 40)
    r = uniform(rng, 17, 24)
    for s in (-r, r):
        tip = (x + s * 0.95, y - r * 1.3)
        pen.polygon([tip, (x + s * 0.9, y - r * 0.2), (x + s * 0.2, y - r * 0.75)], fill=fur)
    _disc(pen, x, y, r, fur, r * 0.88)
    for s in (-r, r):
        _eye_and_whiskers(rng, pen, x, y, r, s)
    nose = [(x - r * 0.1, y + r * 0.25), (x + r * 0.1, y + r * 0.25), (x, y + r * 0.4)]
    pen.polygon(nose, fill=(220, 130, 130))
    if rng.random() < 0.6:
        _hairs(rng, pen, x, y, r, fur)
    return image


def _eye_and_whiskers(rng: Generator, pen: Pen, x: float, y: float, r: float, s: float) -> None:
    """One half of a cat's face of radius `r` about (x, y); `s` is r or −r, to the right or left."""
    iris = pick(rng, ((200, 190, 60), (90, 170, 80), (90, 150, 200)))
    _disc(pen, x + s * 0.42, y - r * 0.12, r * 0.22, iris)
    _disc(pen, x + s * 0.42, y - r * 0.12, r * 0.09, (10, 10, 10), r * 0.2)
    for k in (-1, 0, 1):
        start = (x + s * 0.2, y + r * 0.4)
        pen.line((start, (x + s * 1.2, y + r * (0.4 + 0.2 * k))), fill=(235, 235, 235))


def retina(rng: Generator) -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), (8, 5, 5))
    pen = ImageDraw.Draw(image)
    r = uniform(rng, 27, 60)
    _disc(pen, 32, 32, r, shade(rng, pick(rng, ("red", "orange")), 30))
    x = uniform(rng, 14, 50)
    y = uniform(rng, 26, 38)
    for _ in range(9):
        _vessel(rng, pen, x, y)
    _disc(pen, x, y, uniform(rng, 3.5, 5.5), (250, 220, 130))
    return image


def _vessel(rng: Generator, pen: Pen, x: float, y: float) -> None:
    """A winding line from (x, y)."""
    angle = uniform(rng, 0, 2 * math.pi)
    for _ in range(9):
        angle += uniform(rng, -0.4, 0.4)
        next_x = x + 4.5 * math.cos(angle)
        next_y = y + 4.5 * math.sin(angle)
        pen.line((x, y, next_x, next_y), fill=(120, 20, 15), width=int(rng.integers(1, 3)))
        x = next_x
        y = next_y


def tissue(rng: Generator) -> Image.Image:
    image = _sheet(rng, pick(rng, ("pink", "cyan", "white", "brown")), "white", (3, 6, 12))
    pen = ImageDraw.Draw(image)
    stain = pick(rng, ("purple", "brown", "brown", "blue"))
    for _ in range(int(rng.integers(0, 12))):
        x, y = _point(rng)
        dx, dy = _point(rng, -20, 20)
        fill = shade(rng, stain, 40)
        pen.line((x, y, x + dx, y + dy), fill=fill, width=int(rng.integers(1, 5)))
    for _ in range(int(rng.integers(30, 90))):
        x, y = _point(rng)
        r = uniform(rng, 1, 3.4)
        _disc(pen, x, y, r, shade(rng, stain, 40), uniform(rng, 1, 3.4))
    return image


def _launch_tower(rng: Generator, pen: Pen, x: float) -> None:
    """A lattice beside the rocket, and a floodlight with its rays."""
    steel = shade(rng, "grey", 60)
    wide = uniform(rng, 4, 9)
    for y in range(4, SIDE, 8):
        pen.line((x, y, x + wide, y + 8), fill=steel)
        pen.line((x + wide, y, x, y + 8), fill=steel)
    for shift in (0.0, wide):
        pen.line((x + shift, 0, x + shift, SIDE), fill=steel)
    lamp_x = uniform(rng, 4, 60)
    lamp_y = uniform(rng, 20, 58)
    reach = uniform(rng, 4, 12)
    for dx, dy in ((1, 0), (0, 1), (0.7, 0.7), (0.7, -0.7)):
        start = (lamp_x - dx * reach, lamp_y - dy * reach)
        pen.line((start, (lamp_x + dx * reach, lamp_y + dy * reach)), fill=(250, 220, 150))
    _disc(pen, lamp_x, lamp_y, reach * 0.35, (255, 245, 210))


def rocket(rng: Generator) -> Image.Image:
    low = pick(rng, ("blue", "cyan", "black", "purple"))
    image = _sheet(rng, low, pick(rng, ("blue", "orange", "grey")), (2, 3))
    pen = ImageDraw.Draw(image)
    x = uniform(rng, 22, 42)
    w = uniform(rng, 2.5, 5)
    if rng.random() < 0.5:
        _launch_tower(rng, pen, x + w * 2.2)
    else:
        pen.rectangle((x + w * 2.2, 14, x + w * 3, SIDE), fill=(70, 60, 60))
    for _ in range(24):
        smoke_x = x + uniform(rng, -16, 16)
        smoke_y = uniform(rng, 48, 64)
        r = uniform(rng, 3, 8)
        _disc(pen, smoke_x, smoke_y, r, shade(rng, pick(rng, ("white", "grey", "orange")), 25))
    pen.rectangle((x - w, 16, x + w, 52), fill=shade(rng, "white", 15))
    nose = shade(rng, pick(rng, ("white", "red", "black")), 15)
    pen.polygon([(x - w, 16), (x + w, 16), (x, 6)], fill=nose)
    return image


def _leaves(rng: Generator, pen: Pen, x: float, y: float, r: float) -> None:
    """The crown of a tree: many small leaves, light and dark."""
    for _ in range(160):
        dx, dy = _point(rng, -1, 1)
        tone = pick(rng, ((35, 45, 30), (80, 100, 45), (130, 150, 70), (190, 200, 120)))
        _disc(pen, x + dx * r * abs(dx), y + dy * r * abs(dy), uniform(rng, 0.7, 2.2), tone)


def temple(rng: Generator) -> Image.Image:
    image = _sheet(rng, pick(rng, ("cyan", "white", "blue")), "white", (2, 4))
    pen = ImageDraw.Draw(image)
    roof = shade(rng, pick(rng, ("orange", "brown", "green", "grey")))
    wall = shade(rng, "red")
    x = uniform(rng, 26, 38)
    y = uniform(rng, 14, 22)
    w = uniform(rng, 15, 24)
    for level in range(int(rng.integers(1, 4))):
        top = y + 14 * level
        ridge = [(x - w * 0.5, top), (x + w * 0.5, top)]
        pen.polygon([*ridge, (x + w * 1.1, top + 7), (x - w * 1.1, top + 7)], fill=roof)
        pen.rectangle((x - w * 0.75, top + 7, x + w * 0.75, top + 14), fill=wall)
    pen.rectangle((0, 56, SIDE, SIDE), fill=shade(rng, pick(rng, ("grey", "green")), 30))
    if rng.random() < 0.6:
        x = uniform(rng, 0, SIDE)
        y = uniform(rng, 20, SIDE)
        _leaves(rng, pen, x, y, uniform(rng, 12, 30))
    return image


def blossom(rng: Generator) -> Image.Image:
    leaf = shade(rng, pick(rng, ("green", "green", "cyan")), 40)
    octaves = pick(rng, ((2, 3), (3, 6, 12)))
    image = Image.fromarray(blend((15, 40, 15), leaf, fractal(rng, SIDE, octaves)))
    pen = ImageDraw.Draw(image)
    x, y = _point(rng, 20, 44)
    r = uniform(rng, 13, 34)
    colour = pick(rng, ("pink", "red", "yellow", "purple", "white", "orange"))
    count = int(rng.integers(5, 12))
    start = uniform(rng, 0, 1)
    for k in range(count):
        a = start + 2 * math.pi * k / count
        petal_x = x + r * 0.8 * math.cos(a)
        petal_y = y + r * 0.8 * math.sin(a)
        _disc(pen, petal_x, petal_y, r * 0.55, shade(rng, colour, 30))
    _disc(pen, x, y, r * 0.4, shade(rng, pick(rng, ("yellow", "brown"))))
    return image


def face(rng: Generator) -> Image.Image:
    low = pick(rng, ("grey", "blue", "brown"))
    image = _sheet(rng, low, pick(rng, ("white", "black", "green")), (2, 4))
    pen = ImageDraw.Draw(image)
    x = uniform(rng, 27, 37)
    y = uniform(rng, 26, 34)
    r = uniform(rng, 13, 18)
    skin = pick(rng, ((235, 195, 165), (200, 150, 115), (140, 95, 65), (95, 62, 45)))
    hair = shade(rng, pick(rng, ("brown", "black", "yellow")), 20)
    _disc(pen, x, y - 3, r * 1.12, hair, r * 1.25)
    _disc(pen, x, y + 1, r * 0.85, skin, r * 1.1)
    cloth = shade(rng, pick(rng, ("blue", "orange", "black", "red")))
    pen.rectangle((x - r * 1.7, y + r * 1.4, x + r * 1.7, SIDE), fill=cloth)
    for s in (-1, 1):
        _disc(pen, x + s * r * 0.35, y - 1, r * 0.11, (25, 20, 20))
    pen.line((x - r * 0.3, y + r * 0.6, x + r * 0.3, y + r * 0.6), fill=(150, 50, 50), width=2)
    return image


def sunset(rng: Generator) -> Image.Image:
    _, y = coordinates(SIDE)
    high = shade(rng, pick(rng, ("purple", "blue", "pink")))
    image = Image.fromarray(blend(high, shade(rng, "orange"), 0.5 + 0.7 * y))
    pen = ImageDraw.Draw(image)
    horizon = uniform(rng, 36, 50)
    sun_x = uniform(rng, 12, 52)
    sun_y = horizon - uniform(rng, 0, 12)
    _disc(pen, sun_x, sun_y, uniform(rng, 4, 8), (255, 230, 120))
    pen.rectangle((0, horizon, SIDE, SIDE), fill=shade(rng, pick(rng, ("blue", "black", "brown"))))
    return image


def lake(rng: Generator) -> Image.Image:
    image = _sheet(rng, "cyan", "white", (2, 4))
    pen = ImageDraw.Draw(image)
    shore = uniform(rng, 34, 46)
    for _ in range(4):
        x = uniform(rng, 0, SIDE)
        h = uniform(rng, 14, 32)
        rock = shade(rng, pick(rng, ("grey", "blue", "green")), 30)
        pen.polygon([(x - h, shore), (x, shore - h), (x + h, shore)], fill=rock)
    pen.rectangle((0, shore, SIDE, SIDE), fill=shade(rng, "blue", 40))
    return image


def forest(rng: Generator) -> Image.Image:
    image = _sheet(rng, "green", "cyan", (2, 4))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(6, 14))):
        x = uniform(rng, 0, SIDE)
        y = uniform(rng, 30, 62)
        h = uniform(rng, 14, 30)
        pen.rectangle((x - 1, y - 3, x + 1, y + 5), fill=shade(rng, "brown", 20))
        crown = [(x - h * 0.35, y), (x + h * 0.35, y), (x, y - h)]
        pen.polygon(crown, fill=shade(rng, "green", 45))
    return image


def meadow(rng: Generator) -> Image.Image:
    blades = blend((20, 60, 15), shade(rng, "green", 40), grass(rng))
    image = Image.fromarray(blades)
    horizon = uniform(rng, 14, 34)
    ImageDraw.Draw(image).rectangle((0, 0, SIDE, horizon), fill=shade(rng, "cyan", 30))
    return image


def street(rng: Generator) -> Image.Image:
    image = _sheet(rng, "cyan", "white", (2, 3))
    pen = ImageDraw.Draw(image)
    x = -4.0
    while x < SIDE:
        x += _house(rng, pen, x)
    pen.rectangle((0, 54, SIDE, SIDE), fill=(60, 60, 65))
    return image


def _house(rng: Generator, pen: Pen, x: float) -> float:
    """A house with its left side at `x`; returns its width."""
    w = uniform(rng, 8, 18)
    h = uniform(rng, 20, 48)
    wall = shade(rng, pick(rng, ("grey", "brown", "red", "white")), 40)
    pen.rectangle((x, 54 - h, x + w, 54), fill=wall)
    for left in np.arange(x + 2, x + w - 2, 4):
        for top in np.arange(57 - h, 50, 6):
            window = pick(rng, ((240, 230, 150), (40, 45, 60)))
            pen.rectangle((left, top, left + 1, top + 2), fill=window)
    return w


def wheel(rng: Generator) -> Image.Image:
    image = _sheet(rng, "grey", pick(rng, ("black", "brown", "grey")), (3, 9))
    pen = ImageDraw.Draw(image)
    x, y = _point(rng, 24, 40)
    r = uniform(rng, 17, 26)
    _disc(pen, x, y, r, (25, 25, 28))
    _disc(pen, x, y, r * 0.68, shade(rng, "grey", 40))
    for k in range(int(rng.integers(5, 9))):
        a = k * 0.9 + uniform(rng, 0, 0.2)
        rim = (x + r * 0.7 * math.cos(a), y + r * 0.7 * math.sin(a))
        pen.line(((x, y), rim), fill=(200, 200, 205), width=2)
    return image


def cells(rng: Generator) -> Image.Image:
    return Image.fromarray(blend((40, 45, 50), (215, 220, 220), bubbles(rng)))


def horse(rng: Generator) -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), shade(rng, pick(rng, ("white", "green", "orange"))))
    pen = ImageDraw.Draw(image)
    coat = shade(rng, pick(rng, ("black", "brown")))
    x = uniform(rng, 26, 36)
    y = uniform(rng, 28, 36)
    _disc(pen, x, y, 15, coat, 8)
    pen.polygon([(x + 9, y), (x + 16, y - 18), (x + 24, y - 12), (x + 15, y + 5)], fill=coat)
    for dx in (-11, -7, 8, 12):
        pen.line((x + dx, y, x + dx + uniform(rng, -3, 3), y + 22), fill=coat, width=3)
    pen.line((x - 14, y - 4, x - 20, y + 10), fill=coat, width=3)
    return image


def _flag(rng: Generator, pen: Pen, x: float, y: float) -> None:
    """Folds of a striped flag."""
    lean = uniform(rng, -8, 8)
    wide = uniform(rng, 3, 8)
    for k in range(4):
        tone = shade(rng, ("red", "white")[k % 2])
        left = x + k * wide
        right = left + wide
        pen.polygon([(left, y), (right, y), (right + lean, SIDE), (left + lean, SIDE)], fill=tone)
    pen.rectangle((x, y - 8, x + 2 * wide, y), fill=shade(rng, "blue"))


def astronaut(rng: Generator) -> Image.Image:
    low = pick(rng, ("black", "blue", "grey"))
    image = _sheet(rng, low, pick(rng, ("black", "white")), (2, 4))
    pen = ImageDraw.Draw(image)
    suit = shade(rng, pick(rng, ("orange", "white")))
    x = uniform(rng, 27, 37)
    pen.rectangle((x - 22, 40, x + 22, SIDE), fill=suit)
    if rng.random() < 0.5:
        left = uniform(rng, 2, 40)
        _flag(rng, pen, left, uniform(rng, 6, 44))
    _disc(pen, x, 26, 17, shade(rng, "white", 20))
    _disc(pen, x, 27, 12, pick(rng, ((235, 195, 165), (140, 95, 65), (60, 60, 75))))
    pen.rectangle((x - 14, 44, x - 6, 50), fill=shade(rng, pick(rng, ("blue", "red"))))
    pen.ellipse((x + 4, 44, x + 13, 52), outline=(60, 60, 60), width=2)
    return image


def officer(rng: Generator) -> Image.Image:
    image = face(rng)
    pen = ImageDraw.Draw(image)
    cloth = shade(rng, pick(rng, ("black", "blue", "brown")), 25)
    pen.rectangle((6, 46, 58, SIDE), fill=cloth)
    pen.polygon([(26, 46), (38, 46), (32, 58)], fill=(235, 235, 235))
    for k in range(int(rng.integers(2, 5))):
        ribbon = shade(rng, pick(rng, ("yellow", "red", "blue")))
        pen.rectangle((40, 50 + 3 * k, 50, 51 + 3 * k), fill=ribbon)
    pen.rectangle((20, 6, 44, 12), fill=cloth)
    return image


SCENES = {
    "a night sky full of stars": night_sky,
    "galaxies in deep space": galaxies,
    "a cup of coffee": coffee,
    "the face of a cat": cat,
    "a medical image of a retina": retina,
    "a microscope image of stained tissue": tissue,
    "a rocket on its launch pad": rocket,
    "a temple with a curved roof": temple,
    "a flower with leaves": blossom,
    "the face of a person": face,
    "a sunset over the horizon": sunset,
    "mountains behind a lake": lake,
    "a forest of fir trees": forest,
    "a meadow under the sky": meadow,
    "houses along a street": street,
    "the wheel of a motorcycle": wheel,
    "a microscope image of living cells": cells,
    "the silhouette of a horse": horse,
    "an astronaut in a space suit": astronaut,
    "a portrait of an officer in uniform": officer,
}
LIGHTS = {
    "": (0.92, 1.08),
    "in bright light": (1.3, 1.5),
    "in dim light": (0.5, 0.68),
    "in pale light": (0.92, 1.08),
}


def compose(rng: Generator) -> tuple[str, ...]:
    """Scene, light."""
    return pick(rng, list(SCENES)), pick(rng, list(LIGHTS))


def phrase(composition: tuple[str, ...]) -> str:
    return " ".join(composition).strip()


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    scene, light = composition
    image = SCENES[scene](rng)
    if rng.random() < 0.7:
        side = int(rng.integers(16, 60))
        x = int(rng.integers(0, SIDE - side + 1))
        y = int(rng.integers(0, SIDE - side + 1))
        part = image.crop((x, y, x + side, y + side))
        image = part.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.float64) * uniform(rng, *LIGHTS[light])
    if light == "in pale light":
        pixels = pixels * 0.5 + 115.0
    return photograph(rng, bitmap(pixels))
