"""Procedural look-alikes of what photographs show: skies, a cup from above, a cat's face, tissue, a temple, ..."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.corpus._canvas import (
    blend,
    coordinates,
    fractal,
    photograph,
    pick,
    shade,
    uniform,
)
from tangent_bench.corpus.textures import bubbles, grass, wood

SIDE = 64


def _sheet(rng, low, high, octaves=(2, 4, 8, 16)) -> Image.Image:
    return Image.fromarray(
        blend(shade(rng, low, 30), shade(rng, high, 30), fractal(rng, SIDE, octaves, 0.6))
    )


def _disc(pen, x, y, r, fill, ry=None):
    ry = r if ry is None else ry
    pen.ellipse((x - r, y - ry, x + r, y + ry), fill=fill)


def _stars(rng, image: Image.Image, count: int) -> None:
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        x, y, tone = uniform(rng, 0, SIDE), uniform(rng, 0, SIDE), int(rng.integers(130, 256))
        _disc(
            pen,
            x,
            y,
            uniform(rng, 0.3, 1.1),
            (tone, int(tone * uniform(rng, 0.75, 1)), int(tone * uniform(rng, 0.7, 1))),
        )


def _hairs(rng, pen, x, y, r, fur) -> None:
    """Fur: short strokes of nearby tones that point away from (x, y)."""
    for _ in range(90):
        dx, dy = uniform(rng, -1, 1), uniform(rng, -1, 1)
        tone = tuple(min(255, max(0, c + int(rng.integers(-50, 51)))) for c in fur)
        pen.line((x + dx * r, y + dy * r, x + dx * r * 1.25, y + dy * r * 1.25), fill=tone)


def night_sky(rng):
    image = _sheet(rng, "black", "black")
    _stars(rng, image, int(rng.integers(25, 90)))
    return image


def galaxies(rng):
    image = _sheet(rng, "black", "black")
    _stars(rng, image, 20)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 7))):
        x, y, r, flat = (
            uniform(rng, 0, SIDE),
            uniform(rng, 0, SIDE),
            uniform(rng, 3, 9),
            uniform(rng, 0.3, 1),
        )
        warm = pick(rng, ((200, 150, 90), (150, 160, 220), (220, 200, 170)))
        for k in (1.0, 0.7, 0.45, 0.2):
            _disc(pen, x, y, r * k, tuple(int(c * (1.2 - k)) for c in warm), r * k * flat)
    return image


def coffee(rng):
    image = Image.fromarray(
        blend(shade(rng, "brown", 40), shade(rng, pick(rng, ("grey", "orange")), 60), wood(rng))
    )
    pen, x, y, r = (
        ImageDraw.Draw(image),
        uniform(rng, 24, 40),
        uniform(rng, 24, 40),
        uniform(rng, 17, 25),
    )
    _disc(pen, x, y, r * 1.35, shade(rng, "white", 15), r * 1.2)
    _disc(pen, x, y - 2, r, shade(rng, pick(rng, ("white", "red", "orange", "brown")), 15), r * 0.9)
    _disc(pen, x, y - 2, r * 0.83, (70, 40, 25), r * 0.75)
    _disc(pen, x + 2, y - 1, r * 0.5, (165, 110, 60), r * 0.45)
    return image


def cat(rng):
    image = _sheet(
        rng, pick(rng, ("grey", "brown", "green")), pick(rng, ("black", "white", "brown"))
    )
    fur, pen = (
        shade(rng, pick(rng, ("orange", "grey", "brown", "black", "white")), 25),
        ImageDraw.Draw(image),
    )
    x, y, r = uniform(rng, 26, 38), uniform(rng, 30, 40), uniform(rng, 17, 24)
    for s in (-1, 1):
        pen.polygon(
            [
                (x + s * r * 0.95, y - r * 1.3),
                (x + s * r * 0.9, y - r * 0.2),
                (x + s * r * 0.2, y - r * 0.75),
            ],
            fill=fur,
        )
    _disc(pen, x, y, r, fur, r * 0.88)
    for s in (-1, 1):
        _disc(
            pen,
            x + s * r * 0.42,
            y - r * 0.12,
            r * 0.22,
            pick(rng, ((200, 190, 60), (90, 170, 80), (90, 150, 200))),
        )
        _disc(pen, x + s * r * 0.42, y - r * 0.12, r * 0.09, (10, 10, 10), r * 0.2)
        for k in (-1, 0, 1):
            pen.line(
                (x + s * r * 0.2, y + r * 0.4, x + s * r * 1.2, y + r * (0.4 + 0.2 * k)),
                fill=(235, 235, 235),
            )
    pen.polygon(
        [(x - r * 0.1, y + r * 0.25), (x + r * 0.1, y + r * 0.25), (x, y + r * 0.4)],
        fill=(220, 130, 130),
    )
    if rng.random() < 0.6:
        _hairs(rng, pen, x, y, r, fur)
    return image


def retina(rng):
    image = Image.new("RGB", (SIDE, SIDE), (8, 5, 5))
    pen, r = ImageDraw.Draw(image), uniform(rng, 27, 60)
    _disc(pen, 32, 32, r, shade(rng, pick(rng, ("red", "orange")), 30))
    x, y = uniform(rng, 14, 50), uniform(rng, 26, 38)
    for _ in range(9):
        a, px, py = uniform(rng, 0, 2 * math.pi), x, y
        for _ in range(9):
            a += uniform(rng, -0.4, 0.4)
            qx, qy = px + 4.5 * math.cos(a), py + 4.5 * math.sin(a)
            pen.line((px, py, qx, qy), fill=(120, 20, 15), width=int(rng.integers(1, 3)))
            px, py = qx, qy
    _disc(pen, x, y, uniform(rng, 3.5, 5.5), (250, 220, 130))
    return image


def tissue(rng):
    image = _sheet(rng, pick(rng, ("pink", "cyan", "white", "brown")), "white", (3, 6, 12))
    pen, stain = ImageDraw.Draw(image), pick(rng, ("purple", "brown", "brown", "blue"))
    for _ in range(int(rng.integers(0, 12))):
        x, y, dx, dy = (
            uniform(rng, 0, SIDE),
            uniform(rng, 0, SIDE),
            uniform(rng, -20, 20),
            uniform(rng, -20, 20),
        )
        pen.line((x, y, x + dx, y + dy), fill=shade(rng, stain, 40), width=int(rng.integers(1, 5)))
    for _ in range(int(rng.integers(30, 90))):
        _disc(
            pen,
            uniform(rng, 0, SIDE),
            uniform(rng, 0, SIDE),
            uniform(rng, 1, 3.4),
            shade(rng, stain, 40),
            uniform(rng, 1, 3.4),
        )
    return image


def _tower(rng, pen, x) -> None:
    """A lattice beside the rocket, and a floodlight with its rays."""
    steel, wide = shade(rng, "grey", 60), uniform(rng, 4, 9)
    for y in range(4, SIDE, 8):
        pen.line((x, y, x + wide, y + 8), fill=steel)
        pen.line((x + wide, y, x, y + 8), fill=steel)
    for shift in (0.0, wide):
        pen.line((x + shift, 0, x + shift, SIDE), fill=steel)
    lx, ly, reach = uniform(rng, 4, 60), uniform(rng, 20, 58), uniform(rng, 4, 12)
    for dx, dy in ((1, 0), (0, 1), (0.7, 0.7), (0.7, -0.7)):
        ends = (lx - dx * reach, ly - dy * reach, lx + dx * reach, ly + dy * reach)
        pen.line(ends, fill=(250, 220, 150))
    _disc(pen, lx, ly, reach * 0.35, (255, 245, 210))


def rocket(rng):
    image = _sheet(
        rng,
        pick(rng, ("blue", "cyan", "black", "purple")),
        pick(rng, ("blue", "orange", "grey")),
        (2, 3),
    )
    pen, x, w = ImageDraw.Draw(image), uniform(rng, 22, 42), uniform(rng, 2.5, 5)
    if rng.random() < 0.5:
        _tower(rng, pen, x + w * 2.2)
    else:
        pen.rectangle((x + w * 2.2, 14, x + w * 3, SIDE), fill=(70, 60, 60))
    for _ in range(24):
        _disc(
            pen,
            x + uniform(rng, -16, 16),
            uniform(rng, 48, 64),
            uniform(rng, 3, 8),
            shade(rng, pick(rng, ("white", "grey", "orange")), 25),
        )
    pen.rectangle((x - w, 16, x + w, 52), fill=shade(rng, "white", 15))
    pen.polygon(
        [(x - w, 16), (x + w, 16), (x, 6)],
        fill=shade(rng, pick(rng, ("white", "red", "black")), 15),
    )
    return image


def _leaves(rng, pen, x, y, r) -> None:
    """The crown of a tree: many small leaves, light and dark."""
    for _ in range(160):
        dx, dy = uniform(rng, -1, 1), uniform(rng, -1, 1)
        tone = pick(rng, ((35, 45, 30), (80, 100, 45), (130, 150, 70), (190, 200, 120)))
        _disc(pen, x + dx * r * abs(dx), y + dy * r * abs(dy), uniform(rng, 0.7, 2.2), tone)


def temple(rng):
    image = _sheet(rng, pick(rng, ("cyan", "white", "blue")), "white", (2, 4))
    pen, roof, wall = (
        ImageDraw.Draw(image),
        shade(rng, pick(rng, ("orange", "brown", "green", "grey"))),
        shade(rng, "red"),
    )
    x, y, w = uniform(rng, 26, 38), uniform(rng, 14, 22), uniform(rng, 15, 24)
    for level in range(int(rng.integers(1, 4))):
        top = y + 14 * level
        pen.polygon(
            [
                (x - w * 0.5, top),
                (x + w * 0.5, top),
                (x + w * 1.1, top + 7),
                (x - w * 1.1, top + 7),
            ],
            fill=roof,
        )
        pen.rectangle((x - w * 0.75, top + 7, x + w * 0.75, top + 14), fill=wall)
    pen.rectangle((0, 56, SIDE, SIDE), fill=shade(rng, pick(rng, ("grey", "green")), 30))
    if rng.random() < 0.6:
        _leaves(rng, pen, uniform(rng, 0, SIDE), uniform(rng, 20, SIDE), uniform(rng, 12, 30))
    return image


def blossom(rng):
    leaf = shade(rng, pick(rng, ("green", "green", "cyan")), 40)
    image = Image.fromarray(
        blend((15, 40, 15), leaf, fractal(rng, SIDE, pick(rng, ((2, 3), (3, 6, 12)))))
    )
    pen, x, y, r = (
        ImageDraw.Draw(image),
        uniform(rng, 20, 44),
        uniform(rng, 20, 44),
        uniform(rng, 13, 34),
    )
    colour = pick(rng, ("pink", "red", "yellow", "purple", "white", "orange"))
    count, start = int(rng.integers(5, 12)), uniform(rng, 0, 1)
    for k in range(count):
        a = start + 2 * math.pi * k / count
        _disc(
            pen,
            x + r * 0.8 * math.cos(a),
            y + r * 0.8 * math.sin(a),
            r * 0.55,
            shade(rng, colour, 30),
        )
    _disc(pen, x, y, r * 0.4, shade(rng, pick(rng, ("yellow", "brown"))))
    return image


def face(rng):
    image = _sheet(
        rng, pick(rng, ("grey", "blue", "brown")), pick(rng, ("white", "black", "green")), (2, 4)
    )
    pen, x, y, r = (
        ImageDraw.Draw(image),
        uniform(rng, 27, 37),
        uniform(rng, 26, 34),
        uniform(rng, 13, 18),
    )
    skin = pick(rng, ((235, 195, 165), (200, 150, 115), (140, 95, 65), (95, 62, 45)))
    _disc(
        pen, x, y - 3, r * 1.12, shade(rng, pick(rng, ("brown", "black", "yellow")), 20), r * 1.25
    )
    _disc(pen, x, y + 1, r * 0.85, skin, r * 1.1)
    pen.rectangle(
        (x - r * 1.7, y + r * 1.4, x + r * 1.7, SIDE),
        fill=shade(rng, pick(rng, ("blue", "orange", "black", "red"))),
    )
    for s in (-1, 1):
        _disc(pen, x + s * r * 0.35, y - 1, r * 0.11, (25, 20, 20))
    pen.line((x - r * 0.3, y + r * 0.6, x + r * 0.3, y + r * 0.6), fill=(150, 50, 50), width=2)
    return image


def sunset(rng):
    _, y = coordinates(SIDE)
    image = Image.fromarray(
        blend(
            shade(rng, pick(rng, ("purple", "blue", "pink"))), shade(rng, "orange"), 0.5 + 0.7 * y
        )
    )
    pen, horizon = ImageDraw.Draw(image), uniform(rng, 36, 50)
    _disc(
        pen,
        uniform(rng, 12, 52),
        horizon - uniform(rng, 0, 12),
        uniform(rng, 4, 8),
        (255, 230, 120),
    )
    pen.rectangle((0, horizon, SIDE, SIDE), fill=shade(rng, pick(rng, ("blue", "black", "brown"))))
    return image


def lake(rng):
    image = _sheet(rng, "cyan", "white", (2, 4))
    pen, line = ImageDraw.Draw(image), uniform(rng, 34, 46)
    for _ in range(4):
        x, h = uniform(rng, 0, SIDE), uniform(rng, 14, 32)
        pen.polygon(
            [(x - h, line), (x, line - h), (x + h, line)],
            fill=shade(rng, pick(rng, ("grey", "blue", "green")), 30),
        )
    pen.rectangle((0, line, SIDE, SIDE), fill=shade(rng, "blue", 40))
    return image


def forest(rng):
    image = _sheet(rng, "green", "cyan", (2, 4))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(6, 14))):
        x, y, h = uniform(rng, 0, SIDE), uniform(rng, 30, 62), uniform(rng, 14, 30)
        pen.rectangle((x - 1, y - 3, x + 1, y + 5), fill=shade(rng, "brown", 20))
        pen.polygon(
            [(x - h * 0.35, y), (x + h * 0.35, y), (x, y - h)], fill=shade(rng, "green", 45)
        )
    return image


def meadow(rng):
    blades = blend((20, 60, 15), shade(rng, "green", 40), grass(rng))
    image = Image.fromarray(blades)
    ImageDraw.Draw(image).rectangle((0, 0, SIDE, uniform(rng, 14, 34)), fill=shade(rng, "cyan", 30))
    return image


def street(rng):
    image = _sheet(rng, "cyan", "white", (2, 3))
    pen, x = ImageDraw.Draw(image), -4.0
    while x < SIDE:
        w, h = uniform(rng, 8, 18), uniform(rng, 20, 48)
        pen.rectangle(
            (x, 54 - h, x + w, 54),
            fill=shade(rng, pick(rng, ("grey", "brown", "red", "white")), 40),
        )
        for wx in np.arange(x + 2, x + w - 2, 4):
            for wy in np.arange(57 - h, 50, 6):
                pen.rectangle(
                    (wx, wy, wx + 1, wy + 2), fill=pick(rng, ((240, 230, 150), (40, 45, 60)))
                )
        x += w
    pen.rectangle((0, 54, SIDE, SIDE), fill=(60, 60, 65))
    return image


def wheel(rng):
    image = _sheet(rng, "grey", pick(rng, ("black", "brown", "grey")), (3, 9))
    pen, x, y, r = (
        ImageDraw.Draw(image),
        uniform(rng, 24, 40),
        uniform(rng, 24, 40),
        uniform(rng, 17, 26),
    )
    _disc(pen, x, y, r, (25, 25, 28))
    _disc(pen, x, y, r * 0.68, shade(rng, "grey", 40))
    for k in range(int(rng.integers(5, 9))):
        a = k * 0.9 + uniform(rng, 0, 0.2)
        pen.line(
            (x, y, x + r * 0.7 * math.cos(a), y + r * 0.7 * math.sin(a)),
            fill=(200, 200, 205),
            width=2,
        )
    return image


def cells(rng):
    tone = bubbles(rng)
    return Image.fromarray(blend((40, 45, 50), (215, 220, 220), tone))


def horse(rng):
    image = Image.new("RGB", (SIDE, SIDE), shade(rng, pick(rng, ("white", "green", "orange"))))
    pen, coat, x, y = (
        ImageDraw.Draw(image),
        shade(rng, pick(rng, ("black", "brown"))),
        uniform(rng, 26, 36),
        uniform(rng, 28, 36),
    )
    _disc(pen, x, y, 15, coat, 8)
    pen.polygon([(x + 9, y), (x + 16, y - 18), (x + 24, y - 12), (x + 15, y + 5)], fill=coat)
    for dx in (-11, -7, 8, 12):
        pen.line((x + dx, y, x + dx + uniform(rng, -3, 3), y + 22), fill=coat, width=3)
    pen.line((x - 14, y - 4, x - 20, y + 10), fill=coat, width=3)
    return image


def _flag(rng, pen, x, y) -> None:
    """Folds of a striped flag."""
    lean, wide = uniform(rng, -8, 8), uniform(rng, 3, 8)
    for k in range(4):
        tone = shade(rng, ("red", "white")[k % 2])
        left = x + k * wide
        pen.polygon(
            [(left, y), (left + wide, y), (left + wide + lean, SIDE), (left + lean, SIDE)],
            fill=tone,
        )
    pen.rectangle((x, y - 8, x + 2 * wide, y), fill=shade(rng, "blue"))


def astronaut(rng):
    image = _sheet(rng, pick(rng, ("black", "blue", "grey")), pick(rng, ("black", "white")), (2, 4))
    pen, suit, x = (
        ImageDraw.Draw(image),
        shade(rng, pick(rng, ("orange", "white"))),
        uniform(rng, 27, 37),
    )
    pen.rectangle((x - 22, 40, x + 22, SIDE), fill=suit)
    if rng.random() < 0.5:
        _flag(rng, pen, uniform(rng, 2, 40), uniform(rng, 6, 44))
    _disc(pen, x, 26, 17, shade(rng, "white", 20))
    _disc(pen, x, 27, 12, pick(rng, ((235, 195, 165), (140, 95, 65), (60, 60, 75))))
    pen.rectangle((x - 14, 44, x - 6, 50), fill=shade(rng, pick(rng, ("blue", "red"))))
    pen.ellipse((x + 4, 44, x + 13, 52), outline=(60, 60, 60), width=2)
    return image


def officer(rng):
    image = face(rng)
    pen, cloth = ImageDraw.Draw(image), shade(rng, pick(rng, ("black", "blue", "brown")), 25)
    pen.rectangle((6, 46, 58, SIDE), fill=cloth)
    pen.polygon([(26, 46), (38, 46), (32, 58)], fill=(235, 235, 235))
    for k in range(int(rng.integers(2, 5))):
        pen.rectangle(
            (40, 50 + 3 * k, 50, 51 + 3 * k), fill=shade(rng, pick(rng, ("yellow", "red", "blue")))
        )
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


def compose(rng: np.random.Generator) -> tuple[str, ...]:
    """Scene, light."""
    return pick(rng, list(SCENES)), pick(rng, list(LIGHTS))


def phrase(composition: tuple[str, ...]) -> str:
    return " ".join(composition).strip()


def render(rng: np.random.Generator, composition: tuple[str, ...]) -> np.ndarray:
    scene, light = composition
    image = SCENES[scene](rng)
    if rng.random() < 0.7:
        side = int(rng.integers(16, 60))
        x, y = (int(rng.integers(0, SIDE - side + 1)) for _ in range(2))
        image = image.crop((x, y, x + side, y + side)).resize((SIDE, SIDE), Image.BILINEAR)
    pixels = np.asarray(image, dtype=np.float64) * uniform(rng, *LIGHTS[light])
    if light == "in pale light":
        pixels = pixels * 0.5 + 115.0
    return photograph(rng, np.clip(pixels, 0, 255).astype(np.uint8))
