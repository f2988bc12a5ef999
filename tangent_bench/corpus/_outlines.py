"""Outlines of everyday signs, each a function that paints a mask.

They live in the square [−1, 1]² with y downwards. They are procedural look-alikes of the glyphs of
a symbol typeface; no typeface is read here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image, ImageDraw

SIDE = 96
SPAN = 2.3  # the mask shows [−SPAN / 2, SPAN / 2]²
Point = tuple[float, float]


class Pen:
    """Draws in [−1, 1]² on a mask, mode L, of side `SIDE`; value 255 paints, 0 erases."""

    def __init__(self) -> None:
        self.mask = Image.new("L", (SIDE, SIDE), 0)
        self._draw = ImageDraw.Draw(self.mask)

    @staticmethod
    def _pixels(points: Sequence[Point]) -> list[Point]:
        return [((x + 1.15) * SIDE / SPAN, (y + 1.15) * SIDE / SPAN) for x, y in points]

    def polygon(self, *points: Point, value: int = 255) -> None:
        self._draw.polygon(self._pixels(points), fill=value)

    def disc(
        self, x: float, y: float, rx: float, ry: float | None = None, value: int = 255
    ) -> None:
        ry = rx if ry is None else ry
        self._draw.ellipse(self._pixels([(x - rx, y - ry), (x + rx, y + ry)]), fill=value)

    def box(self, left: float, top: float, right: float, bottom: float, value: int = 255) -> None:
        self._draw.rectangle(self._pixels([(left, top), (right, bottom)]), fill=value)

    def line(self, *points: Point, width: float = 0.2, value: int = 255) -> None:
        pixels = max(1, round(width * SIDE / SPAN))
        self._draw.line(self._pixels(points), fill=value, width=pixels, joint="curve")


Draw = TypeVar("Draw", bound=Callable[[Pen], None])
OUTLINES: dict[str, Callable[[Pen], None]] = {}


def outline(draw: Draw) -> Draw:
    """Decorator: the function `draw` is an outline; its name has spaces for underscores."""
    OUTLINES[draw.__name__.replace("_", " ")] = draw
    return draw


def around(count: int, radii: Sequence[float], start: float = -math.pi / 2) -> list[Point]:
    """`count` points on circles of alternating `radii`, the first at angle `start` (on top)."""
    points = []
    for k in range(count):
        radius = radii[k % len(radii)]
        angle = start + 2 * math.pi * k / count
        points.append((radius * math.cos(angle), radius * math.sin(angle)))
    return points


@outline
def circle(pen: Pen) -> None:
    pen.disc(0, 0, 0.9)


@outline
def square(pen: Pen) -> None:
    pen.box(-0.8, -0.8, 0.8, 0.8)


@outline
def triangle(pen: Pen) -> None:
    pen.polygon(*around(3, (1.0,)))


@outline
def diamond(pen: Pen) -> None:
    pen.polygon((0, -1), (0.75, 0), (0, 1), (-0.75, 0))


@outline
def pentagon(pen: Pen) -> None:
    pen.polygon(*around(5, (0.95,)))


@outline
def hexagon(pen: Pen) -> None:
    pen.polygon(*around(6, (0.95,)))


@outline
def star(pen: Pen) -> None:
    pen.polygon(*around(10, (1.0, 0.42)))


@outline
def six_pointed_star(pen: Pen) -> None:
    pen.polygon(*around(12, (1.0, 0.55)))


@outline
def cross(pen: Pen) -> None:
    pen.box(-0.28, -0.9, 0.28, 0.9)
    pen.box(-0.9, -0.28, 0.9, 0.28)


@outline
def latin_cross(pen: Pen) -> None:
    pen.box(-0.17, -1, 0.17, 1)
    pen.box(-0.6, -0.55, 0.6, -0.22)


@outline
def saltire(pen: Pen) -> None:
    pen.line((-0.8, -0.8), (0.8, 0.8), width=0.35)
    pen.line((0.8, -0.8), (-0.8, 0.8), width=0.35)


@outline
def check_mark(pen: Pen) -> None:
    pen.line((-0.8, 0.05), (-0.25, 0.7), (0.85, -0.75), width=0.32)


@outline
def drop(pen: Pen) -> None:
    pen.disc(0, 0.35, 0.6)
    pen.polygon((0, -1), (0.55, 0.15), (-0.55, 0.15))


@outline
def lightning(pen: Pen) -> None:
    pen.polygon((0.2, -1), (-0.6, 0.15), (-0.05, 0.15), (-0.3, 1), (0.6, -0.25), (0.05, -0.25))


@outline
def cloud(pen: Pen) -> None:
    pen.disc(-0.5, 0.2, 0.42)
    pen.disc(0.45, 0.2, 0.45)
    pen.disc(0, -0.15, 0.55)
    pen.box(-0.55, 0.15, 0.5, 0.62)


@outline
def envelope(pen: Pen) -> None:
    pen.box(-0.95, -0.6, 0.95, 0.65)
    pen.line((-0.9, -0.55), (0, 0.1), (0.9, -0.55), width=0.12, value=0)


@outline
def spade(pen: Pen) -> None:
    heart(pen, -1)
    pen.polygon((0, 0.1), (0.35, 1), (-0.35, 1))


@outline
def club(pen: Pen) -> None:
    pen.disc(0, -0.5, 0.4)
    pen.disc(-0.48, 0.15, 0.4)
    pen.disc(0.48, 0.15, 0.4)
    pen.polygon((0, -0.2), (0.32, 0.95), (-0.32, 0.95))


@outline
def ring(pen: Pen) -> None:
    pen.disc(0, 0, 0.92)
    pen.disc(0, 0, 0.55, value=0)


@outline
def crescent_moon(pen: Pen) -> None:
    pen.disc(0, 0, 0.9)
    pen.disc(0.42, -0.1, 0.75, value=0)


@outline
def flag(pen: Pen) -> None:
    pen.box(-0.7, -1, -0.52, 1)
    pen.polygon((-0.52, -0.95), (0.85, -0.5), (-0.52, -0.05))


@outline
def pencil(pen: Pen) -> None:
    pen.line((-0.5, 0.5), (0.7, -0.7), width=0.4)
    pen.polygon((-0.95, 0.95), (-0.7, 0.3), (-0.3, 0.7))


@outline
def house(pen: Pen) -> None:
    pen.box(-0.65, -0.1, 0.65, 0.85)
    pen.polygon((0, -1), (0.95, -0.05), (-0.95, -0.05))
    pen.box(-0.15, 0.3, 0.2, 0.85, value=0)


@outline
def tree(pen: Pen) -> None:
    pen.polygon((0, -1), (0.7, 0.5), (-0.7, 0.5))
    pen.box(-0.15, 0.5, 0.15, 1)


@outline
def heart(pen: Pen, flip: int = 1) -> None:
    pen.disc(-0.43, -0.3 * flip, 0.47)
    pen.disc(0.43, -0.3 * flip, 0.47)
    pen.polygon((-0.88, -0.15 * flip), (0, 0.95 * flip), (0.88, -0.15 * flip))


@outline
def arrow(pen: Pen) -> None:
    pen.polygon((1, 0), (0.15, -0.7), (0.15, 0.7))
    pen.box(-0.95, -0.25, 0.3, 0.25)


@outline
def sun(pen: Pen) -> None:
    pen.disc(0, 0, 0.5)
    for (x, y), (u, v) in zip(around(8, (0.62,)), around(8, (1.05,)), strict=True):
        pen.line((x, y), (u, v), width=0.16)


@outline
def flower(pen: Pen) -> None:
    for x, y in around(6, (0.58,)):
        pen.disc(x, y, 0.36)
    pen.disc(0, 0, 0.3, value=0)


@outline
def snowflake(pen: Pen) -> None:
    for x, y in around(6, (1.0,)):
        pen.line((0, 0), (x, y), width=0.14)
        for turn in (0.6, -0.6):
            c = math.cos(turn)
            s = math.sin(turn)
            tip = (0.55 * x + 0.35 * (c * x - s * y), 0.55 * y + 0.35 * (s * x + c * y))
            pen.line((0.55 * x, 0.55 * y), tip, width=0.12)


@outline
def gear(pen: Pen) -> None:
    pen.polygon(*around(32, (1.0, 1.0, 0.72, 0.72)))
    pen.disc(0, 0, 0.32, value=0)


@outline
def umbrella(pen: Pen) -> None:
    pen.disc(0, -0.05, 0.95)
    pen.box(-1.1, 0.0, 1.1, 1.1, value=0)
    pen.line((0, -0.1), (0, 0.75), (0.2, 0.9), (0.38, 0.7), width=0.13)


@outline
def anchor(pen: Pen) -> None:
    pen.disc(0, 0.25, 0.8, 0.7)
    pen.disc(0, 0.12, 0.62, 0.6, value=0)
    pen.box(-1, -0.6, 1, 0.22, value=0)
    pen.box(-0.1, -0.7, 0.1, 0.9)
    pen.box(-0.45, -0.5, 0.45, -0.32)
    pen.disc(0, -0.8, 0.22)
    pen.disc(0, -0.8, 0.1, value=0)


@outline
def scissors(pen: Pen) -> None:
    for s in (-1, 1):
        pen.line((-0.45, 0.4 * s), (1.0, -0.45 * s), width=0.15)
        pen.disc(-0.65, 0.52 * s, 0.32)
        pen.disc(-0.65, 0.52 * s, 0.17, value=0)


@outline
def airplane(pen: Pen) -> None:
    pen.line((-0.9, 0), (0.95, 0), width=0.26)
    pen.polygon((0.2, 0), (-0.3, -0.95), (-0.5, -0.95), (-0.25, 0), (-0.5, 0.95), (-0.3, 0.95))
    pen.polygon((-0.7, 0), (-1, -0.4), (-0.85, 0), (-1, 0.4))


@outline
def skull(pen: Pen) -> None:
    pen.disc(0, -0.25, 0.75, 0.7)
    pen.box(-0.4, 0.2, 0.4, 0.75)
    pen.disc(-0.3, -0.2, 0.2, value=0)
    pen.disc(0.3, -0.2, 0.2, value=0)
    pen.polygon((0, 0), (0.12, 0.25), (-0.12, 0.25), value=0)
    pen.line((-0.75, 0.6), (0.75, 1.05), width=0.16)
    pen.line((0.75, 0.6), (-0.75, 1.05), width=0.16)


@outline
def cup(pen: Pen) -> None:
    pen.polygon((-0.75, -0.4), (0.5, -0.4), (0.32, 0.75), (-0.57, 0.75))
    pen.disc(0.55, 0.05, 0.38)
    pen.disc(0.55, 0.05, 0.2, value=0)
    pen.line((-0.4, -0.95), (-0.3, -0.55), width=0.12)
    pen.line((0.1, -0.95), (0.2, -0.55), width=0.12)


@outline
def telephone(pen: Pen) -> None:
    pen.polygon((-0.5, -0.2), (0.5, -0.2), (0.8, 0.7), (-0.8, 0.7))
    pen.disc(0, 0.22, 0.25, value=0)
    pen.line((-0.75, -0.45), (0.75, -0.45), width=0.25)
    pen.disc(-0.75, -0.3, 0.2)
    pen.disc(0.75, -0.3, 0.2)


@outline
def musical_note(pen: Pen) -> None:
    pen.disc(-0.45, 0.65, 0.38, 0.28)
    pen.box(-0.2, -0.9, -0.05, 0.65)
    pen.polygon((-0.2, -0.95), (0.6, -0.4), (0.6, -0.05), (-0.2, -0.5))


@outline
def smiling_face(pen: Pen) -> None:
    pen.disc(0, 0, 0.95)
    pen.disc(0, 0, 0.8, value=0)
    pen.disc(-0.3, -0.25, 0.13)
    pen.disc(0.3, -0.25, 0.13)
    pen.line((-0.45, 0.2), (-0.2, 0.45), (0.2, 0.45), (0.45, 0.2), width=0.14)


@outline
def peace_sign(pen: Pen) -> None:
    ring(pen)
    pen.disc(0, 0, 0.75, value=0)
    pen.box(-0.09, -0.9, 0.09, 0.9)
    pen.line((0, 0), (-0.62, 0.62), width=0.18)
    pen.line((0, 0), (0.62, 0.62), width=0.18)


@outline
def yin_yang(pen: Pen) -> None:
    pen.disc(0, 0, 0.95)
    pen.disc(0, 0, 0.83, value=0)
    pen.disc(0, -0.42, 0.42)
    half = [t * math.pi / 12 for t in range(13)]
    pen.polygon(*[(math.sin(angle) * 0.85, -math.cos(angle) * 0.85) for angle in half])
    pen.disc(0, 0.42, 0.42, value=0)
    pen.disc(0, -0.42, 0.13, value=0)
    pen.disc(0, 0.42, 0.13)


@outline
def radioactive(pen: Pen) -> None:
    for k in range(3):
        middle = math.pi / 6 + k * 2 * math.pi / 3
        angles = [middle + d for d in (-0.52, -0.26, 0, 0.26, 0.52)]
        pen.polygon((0, 0), *[(math.cos(a) * 0.95, math.sin(a) * 0.95) for a in angles])
    pen.disc(0, 0, 0.3, value=0)
    pen.disc(0, 0, 0.18)


@outline
def warning(pen: Pen) -> None:
    pen.polygon((0, -1), (1, 0.85), (-1, 0.85))
    pen.box(-0.1, -0.35, 0.1, 0.3, value=0)
    pen.disc(0, 0.55, 0.13, value=0)


@outline
def chess_pawn(pen: Pen) -> None:
    pen.disc(0, -0.5, 0.35)
    pen.polygon((-0.2, -0.3), (0.2, -0.3), (0.5, 0.7), (-0.5, 0.7))
    pen.box(-0.65, 0.7, 0.65, 0.95)


@outline
def chess_rook(pen: Pen) -> None:
    pen.box(-0.45, -0.5, 0.45, 0.7)
    pen.box(-0.65, 0.65, 0.65, 0.95)
    pen.box(-0.6, -0.9, 0.6, -0.45)
    pen.box(-0.32, -0.95, -0.15, -0.7, value=0)
    pen.box(0.15, -0.95, 0.32, -0.7, value=0)


@outline
def chess_king(pen: Pen) -> None:
    pen.box(-0.08, -1.05, 0.08, -0.5)
    pen.box(-0.27, -0.9, 0.27, -0.75)
    pen.disc(-0.38, -0.1, 0.42)
    pen.disc(0.38, -0.1, 0.42)
    pen.polygon((-0.6, 0.1), (0.6, 0.1), (0.5, 0.7), (-0.5, 0.7))
    pen.box(-0.65, 0.7, 0.65, 0.95)


@outline
def chess_queen(pen: Pen) -> None:
    pen.polygon(
        (-0.9, -0.7),
        (-0.45, 0),
        (-0.3, -0.9),
        (0, -0.1),
        (0.3, -0.9),
        (0.45, 0),
        (0.9, -0.7),
        (0.5, 0.7),
        (-0.5, 0.7),
    )
    pen.box(-0.65, 0.7, 0.65, 0.95)


@outline
def chess_knight(pen: Pen) -> None:
    pen.polygon(
        (-0.5, 0.7),
        (-0.2, 0.1),
        (-0.8, 0.2),
        (-0.9, -0.1),
        (-0.3, -0.7),
        (-0.1, -1),
        (0.05, -0.75),
        (0.55, -0.3),
        (0.6, 0.7),
    )
    pen.box(-0.65, 0.7, 0.75, 0.95)
    pen.disc(-0.15, -0.45, 0.09, value=0)


@outline
def snowman(pen: Pen) -> None:
    pen.disc(0, 0.5, 0.52)
    pen.disc(0, -0.3, 0.36)
    pen.box(-0.3, -1, 0.3, -0.62)
    pen.box(-0.5, -0.7, 0.5, -0.58)


@outline
def man(pen: Pen) -> None:
    pen.disc(0, -0.72, 0.25)
    pen.box(-0.28, -0.4, 0.28, 0.3)
    pen.box(-0.25, 0.3, -0.04, 1)
    pen.box(0.04, 0.3, 0.25, 1)
    pen.line((-0.3, -0.35), (-0.6, 0.3), width=0.15)
    pen.line((0.3, -0.35), (0.6, 0.3), width=0.15)


@outline
def woman(pen: Pen) -> None:
    pen.disc(0, -0.72, 0.25)
    pen.polygon((0, -0.45), (0.5, 0.4), (-0.5, 0.4))
    pen.box(-0.22, 0.4, -0.06, 1)
    pen.box(0.06, 0.4, 0.22, 1)


@outline
def crossed_swords(pen: Pen) -> None:
    for s in (-1, 1):
        pen.line((-0.8 * s, -0.9), (0.7 * s, 0.8), width=0.14)
        pen.line((0.25 * s, 0.75), (0.75 * s, 0.3), width=0.14)


@outline
def wheelchair(pen: Pen) -> None:
    pen.disc(0, 0.4, 0.58)
    pen.disc(0, 0.4, 0.42, value=0)
    pen.disc(-0.1, -0.82, 0.2)
    pen.line((-0.1, -0.55), (-0.05, 0.2), (0.5, 0.2), (0.8, 0.8), width=0.18)
    pen.line((-0.1, -0.2), (0.4, -0.2), width=0.14)


@outline
def hourglass(pen: Pen) -> None:
    pen.polygon((-0.65, -0.9), (0.65, -0.9), (-0.65, 0.9), (0.65, 0.9))
    pen.box(-0.75, -1, 0.75, -0.82)
    pen.box(-0.75, 0.82, 0.75, 1)


@outline
def comet(pen: Pen) -> None:
    pen.disc(-0.5, 0.5, 0.4)
    pen.polygon((-0.8, 0.25), (-0.25, 0.8), (0.95, -0.95))


@outline
def pointing_hand(pen: Pen) -> None:
    pen.box(-0.9, -0.35, -0.05, 0.55)
    pen.box(-0.1, -0.35, 0.95, -0.08)
    pen.box(-0.1, 0.0, 0.2, 0.5)


@outline
def male_sign(pen: Pen) -> None:
    pen.disc(-0.25, 0.3, 0.6)
    pen.disc(-0.25, 0.3, 0.42, value=0)
    pen.line((0.15, -0.1), (0.8, -0.8), width=0.16)
    pen.polygon((0.95, -0.95), (0.35, -0.85), (0.85, -0.35))


@outline
def female_sign(pen: Pen) -> None:
    pen.disc(0, -0.35, 0.58)
    pen.disc(0, -0.35, 0.4, value=0)
    pen.box(-0.09, 0.2, 0.09, 1)
    pen.box(-0.4, 0.5, 0.4, 0.68)


@outline
def recycling(pen: Pen) -> None:
    ring(pen)
    for x, y in around(3, (0.75,)):
        pen.polygon((x + 0.35, y), (x - 0.2, y - 0.35), (x - 0.2, y + 0.35))


def mask(name: str) -> Image.Image:
    """The outline `name` as a mask: mode L, side 96."""
    pen = Pen()
    OUTLINES[name](pen)
    return pen.mask
