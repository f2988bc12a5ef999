"""Outlines of everyday signs in the unit square [−1, 1]², y downwards: each a function that paints a mask.

They are the procedural look-alikes of what a symbol typeface holds; no typeface is read here.
"""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

SIDE = 96


class Pen:
    """Draws in [−1, 1]² on an L-mode mask of side `SIDE`; value 255 paints, 0 erases."""

    def __init__(self) -> None:
        self.mask = Image.new("L", (SIDE, SIDE), 0)
        self._draw = ImageDraw.Draw(self.mask)

    @staticmethod
    def _at(points):
        return [((x + 1.15) * SIDE / 2.3, (y + 1.15) * SIDE / 2.3) for x, y in points]

    def polygon(self, *points, value: int = 255) -> None:
        self._draw.polygon(self._at(points), fill=value)

    def disc(
        self, x: float, y: float, rx: float, ry: float | None = None, value: int = 255
    ) -> None:
        ry = rx if ry is None else ry
        self._draw.ellipse(
            [c for p in self._at([(x - rx, y - ry), (x + rx, y + ry)]) for c in p], fill=value
        )

    def box(self, left: float, top: float, right: float, bottom: float, value: int = 255) -> None:
        self._draw.rectangle(
            [c for p in self._at([(left, top), (right, bottom)]) for c in p], fill=value
        )

    def line(self, *points, width: float = 0.2, value: int = 255) -> None:
        self._draw.line(
            self._at(points), fill=value, width=max(1, round(width * SIDE / 2.3)), joint="curve"
        )


def around(count: int, radii, start: float = -math.pi / 2):
    """Points on circles of alternating `radii`, `count` of them, the first on top."""
    return [
        (radii[k % len(radii)] * math.cos(start + 2 * math.pi * k / count),
         radii[k % len(radii)] * math.sin(start + 2 * math.pi * k / count))
        for k in range(count)
    ]  # fmt: skip


def circle(p):
    p.disc(0, 0, 0.9)


def square(p):
    p.box(-0.8, -0.8, 0.8, 0.8)


def triangle(p):
    p.polygon(*around(3, (1.0,)))


def diamond(p):
    p.polygon((0, -1), (0.75, 0), (0, 1), (-0.75, 0))


def pentagon(p):
    p.polygon(*around(5, (0.95,)))


def hexagon(p):
    p.polygon(*around(6, (0.95,)))


def star(p):
    p.polygon(*around(10, (1.0, 0.42)))


def six_pointed_star(p):
    p.polygon(*around(12, (1.0, 0.55)))


def cross(p):
    p.box(-0.28, -0.9, 0.28, 0.9), p.box(-0.9, -0.28, 0.9, 0.28)


def latin_cross(p):
    p.box(-0.17, -1, 0.17, 1), p.box(-0.6, -0.55, 0.6, -0.22)


def saltire(p):
    p.line((-0.8, -0.8), (0.8, 0.8), width=0.35), p.line((0.8, -0.8), (-0.8, 0.8), width=0.35)


def check_mark(p):
    p.line((-0.8, 0.05), (-0.25, 0.7), (0.85, -0.75), width=0.32)


def drop(p):
    p.disc(0, 0.35, 0.6), p.polygon((0, -1), (0.55, 0.15), (-0.55, 0.15))


def lightning(p):
    p.polygon((0.2, -1), (-0.6, 0.15), (-0.05, 0.15), (-0.3, 1), (0.6, -0.25), (0.05, -0.25))


def cloud(p):
    (
        p.disc(-0.5, 0.2, 0.42),
        p.disc(0.45, 0.2, 0.45),
        p.disc(0, -0.15, 0.55),
        p.box(-0.55, 0.15, 0.5, 0.62),
    )


def envelope(p):
    (
        p.box(-0.95, -0.6, 0.95, 0.65),
        p.line((-0.9, -0.55), (0, 0.1), (0.9, -0.55), width=0.12, value=0),
    )


def spade(p):
    heart(p, -1), p.polygon((0, 0.1), (0.35, 1), (-0.35, 1))


def club(p):
    (
        p.disc(0, -0.5, 0.4),
        p.disc(-0.48, 0.15, 0.4),
        p.disc(0.48, 0.15, 0.4),
        p.polygon((0, -0.2), (0.32, 0.95), (-0.32, 0.95)),
    )


def ring(p):
    p.disc(0, 0, 0.92), p.disc(0, 0, 0.55, value=0)


def crescent_moon(p):
    p.disc(0, 0, 0.9), p.disc(0.42, -0.1, 0.75, value=0)


def flag(p):
    p.box(-0.7, -1, -0.52, 1), p.polygon((-0.52, -0.95), (0.85, -0.5), (-0.52, -0.05))


def pencil(p):
    p.line((-0.5, 0.5), (0.7, -0.7), width=0.4), p.polygon((-0.95, 0.95), (-0.7, 0.3), (-0.3, 0.7))


def house(p):
    (
        p.box(-0.65, -0.1, 0.65, 0.85),
        p.polygon((0, -1), (0.95, -0.05), (-0.95, -0.05)),
        p.box(-0.15, 0.3, 0.2, 0.85, value=0),
    )


def tree(p):
    p.polygon((0, -1), (0.7, 0.5), (-0.7, 0.5)), p.box(-0.15, 0.5, 0.15, 1)


def heart(p, flip: int = 1):
    p.disc(-0.43, -0.3 * flip, 0.47), p.disc(0.43, -0.3 * flip, 0.47)
    p.polygon((-0.88, -0.15 * flip), (0, 0.95 * flip), (0.88, -0.15 * flip))


def arrow(p):
    p.polygon((1, 0), (0.15, -0.7), (0.15, 0.7)), p.box(-0.95, -0.25, 0.3, 0.25)


def sun(p):
    p.disc(0, 0, 0.5)
    for (x, y), (u, v) in zip(around(8, (0.62,)), around(8, (1.05,)), strict=True):
        p.line((x, y), (u, v), width=0.16)


def flower(p):
    for x, y in around(6, (0.58,)):
        p.disc(x, y, 0.36)
    p.disc(0, 0, 0.3, value=0)


def snowflake(p):
    for x, y in around(6, (1.0,)):
        p.line((0, 0), (x, y), width=0.14)
        for turn in (0.6, -0.6):
            c, s = math.cos(turn), math.sin(turn)
            p.line(
                (0.55 * x, 0.55 * y),
                (0.55 * x + 0.35 * (c * x - s * y), 0.55 * y + 0.35 * (s * x + c * y)),
                width=0.12,
            )


def gear(p):
    p.polygon(*around(32, (1.0, 1.0, 0.72, 0.72))), p.disc(0, 0, 0.32, value=0)


def umbrella(p):
    p.disc(0, -0.05, 0.95), p.box(-1.1, 0.0, 1.1, 1.1, value=0)
    p.line((0, -0.1), (0, 0.75), (0.2, 0.9), (0.38, 0.7), width=0.13)


def anchor(p):
    (
        p.disc(0, 0.25, 0.8, 0.7),
        p.disc(0, 0.12, 0.62, 0.6, value=0),
        p.box(-1, -0.6, 1, 0.22, value=0),
    )
    (
        p.box(-0.1, -0.7, 0.1, 0.9),
        p.box(-0.45, -0.5, 0.45, -0.32),
        p.disc(0, -0.8, 0.22),
        p.disc(0, -0.8, 0.1, value=0),
    )


def scissors(p):
    for s in (-1, 1):
        (
            p.line((-0.45, 0.4 * s), (1.0, -0.45 * s), width=0.15),
            p.disc(-0.65, 0.52 * s, 0.32),
            p.disc(-0.65, 0.52 * s, 0.17, value=0),
        )


def airplane(p):
    (
        p.line((-0.9, 0), (0.95, 0), width=0.26),
        p.polygon((0.2, 0), (-0.3, -0.95), (-0.5, -0.95), (-0.25, 0), (-0.5, 0.95), (-0.3, 0.95)),
    )
    p.polygon((-0.7, 0), (-1, -0.4), (-0.85, 0), (-1, 0.4))


def skull(p):
    p.disc(0, -0.25, 0.75, 0.7), p.box(-0.4, 0.2, 0.4, 0.75)
    (
        p.disc(-0.3, -0.2, 0.2, value=0),
        p.disc(0.3, -0.2, 0.2, value=0),
        p.polygon((0, 0), (0.12, 0.25), (-0.12, 0.25), value=0),
    )
    p.line((-0.75, 0.6), (0.75, 1.05), width=0.16), p.line((0.75, 0.6), (-0.75, 1.05), width=0.16)


def cup(p):
    (
        p.polygon((-0.75, -0.4), (0.5, -0.4), (0.32, 0.75), (-0.57, 0.75)),
        p.disc(0.55, 0.05, 0.38),
        p.disc(0.55, 0.05, 0.2, value=0),
    )
    p.line((-0.4, -0.95), (-0.3, -0.55), width=0.12), p.line((0.1, -0.95), (0.2, -0.55), width=0.12)


def telephone(p):
    p.polygon((-0.5, -0.2), (0.5, -0.2), (0.8, 0.7), (-0.8, 0.7)), p.disc(0, 0.22, 0.25, value=0)
    (
        p.line((-0.75, -0.45), (0.75, -0.45), width=0.25),
        p.disc(-0.75, -0.3, 0.2),
        p.disc(0.75, -0.3, 0.2),
    )


def musical_note(p):
    (
        p.disc(-0.45, 0.65, 0.38, 0.28),
        p.box(-0.2, -0.9, -0.05, 0.65),
        p.polygon((-0.2, -0.95), (0.6, -0.4), (0.6, -0.05), (-0.2, -0.5)),
    )


def smiling_face(p):
    (
        p.disc(0, 0, 0.95),
        p.disc(0, 0, 0.8, value=0),
        p.disc(-0.3, -0.25, 0.13),
        p.disc(0.3, -0.25, 0.13),
    )
    p.line((-0.45, 0.2), (-0.2, 0.45), (0.2, 0.45), (0.45, 0.2), width=0.14)


def peace_sign(p):
    ring(p), p.disc(0, 0, 0.75, value=0), p.box(-0.09, -0.9, 0.09, 0.9)
    p.line((0, 0), (-0.62, 0.62), width=0.18), p.line((0, 0), (0.62, 0.62), width=0.18)


def yin_yang(p):
    p.disc(0, 0, 0.95), p.disc(0, 0, 0.83, value=0), p.disc(0, -0.42, 0.42)
    p.polygon(
        *[
            (math.sin(t * math.pi / 12) * 0.85, -math.cos(t * math.pi / 12) * 0.85)
            for t in range(13)
        ]
    )
    p.disc(0, 0.42, 0.42, value=0), p.disc(0, -0.42, 0.13, value=0), p.disc(0, 0.42, 0.13)


def radioactive(p):
    for k in range(3):
        a = math.pi / 6 + k * 2 * math.pi / 3
        p.polygon(
            (0, 0),
            *[
                (math.cos(a + d) * 0.95, math.sin(a + d) * 0.95)
                for d in (-0.52, -0.26, 0, 0.26, 0.52)
            ],
        )
    p.disc(0, 0, 0.3, value=0), p.disc(0, 0, 0.18)


def warning(p):
    (
        p.polygon((0, -1), (1, 0.85), (-1, 0.85)),
        p.box(-0.1, -0.35, 0.1, 0.3, value=0),
        p.disc(0, 0.55, 0.13, value=0),
    )


def chess_pawn(p):
    (
        p.disc(0, -0.5, 0.35),
        p.polygon((-0.2, -0.3), (0.2, -0.3), (0.5, 0.7), (-0.5, 0.7)),
        p.box(-0.65, 0.7, 0.65, 0.95),
    )


def chess_rook(p):
    p.box(-0.45, -0.5, 0.45, 0.7), p.box(-0.65, 0.65, 0.65, 0.95), p.box(-0.6, -0.9, 0.6, -0.45)
    p.box(-0.32, -0.95, -0.15, -0.7, value=0), p.box(0.15, -0.95, 0.32, -0.7, value=0)


def chess_king(p):
    (
        p.box(-0.08, -1.05, 0.08, -0.5),
        p.box(-0.27, -0.9, 0.27, -0.75),
        p.disc(-0.38, -0.1, 0.42),
        p.disc(0.38, -0.1, 0.42),
    )
    p.polygon((-0.6, 0.1), (0.6, 0.1), (0.5, 0.7), (-0.5, 0.7)), p.box(-0.65, 0.7, 0.65, 0.95)


def chess_queen(p):
    p.polygon(
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
    p.box(-0.65, 0.7, 0.65, 0.95)


def chess_knight(p):
    p.polygon(
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
    p.box(-0.65, 0.7, 0.75, 0.95), p.disc(-0.15, -0.45, 0.09, value=0)


def snowman(p):
    (
        p.disc(0, 0.5, 0.52),
        p.disc(0, -0.3, 0.36),
        p.box(-0.3, -1, 0.3, -0.62),
        p.box(-0.5, -0.7, 0.5, -0.58),
    )


def man(p):
    (
        p.disc(0, -0.72, 0.25),
        p.box(-0.28, -0.4, 0.28, 0.3),
        p.box(-0.25, 0.3, -0.04, 1),
        p.box(0.04, 0.3, 0.25, 1),
    )
    p.line((-0.3, -0.35), (-0.6, 0.3), width=0.15), p.line((0.3, -0.35), (0.6, 0.3), width=0.15)


def woman(p):
    (
        p.disc(0, -0.72, 0.25),
        p.polygon((0, -0.45), (0.5, 0.4), (-0.5, 0.4)),
        p.box(-0.22, 0.4, -0.06, 1),
        p.box(0.06, 0.4, 0.22, 1),
    )


def crossed_swords(p):
    for s in (-1, 1):
        (
            p.line((-0.8 * s, -0.9), (0.7 * s, 0.8), width=0.14),
            p.line((0.25 * s, 0.75), (0.75 * s, 0.3), width=0.14),
        )


def wheelchair(p):
    p.disc(0, 0.4, 0.58), p.disc(0, 0.4, 0.42, value=0), p.disc(-0.1, -0.82, 0.2)
    (
        p.line((-0.1, -0.55), (-0.05, 0.2), (0.5, 0.2), (0.8, 0.8), width=0.18),
        p.line((-0.1, -0.2), (0.4, -0.2), width=0.14),
    )


def hourglass(p):
    (
        p.polygon((-0.65, -0.9), (0.65, -0.9), (-0.65, 0.9), (0.65, 0.9)),
        p.box(-0.75, -1, 0.75, -0.82),
        p.box(-0.75, 0.82, 0.75, 1),
    )


def comet(p):
    p.disc(-0.5, 0.5, 0.4), p.polygon((-0.8, 0.25), (-0.25, 0.8), (0.95, -0.95))


def pointing_hand(p):
    p.box(-0.9, -0.35, -0.05, 0.55), p.box(-0.1, -0.35, 0.95, -0.08), p.box(-0.1, 0.0, 0.2, 0.5)


def male_sign(p):
    (
        p.disc(-0.25, 0.3, 0.6),
        p.disc(-0.25, 0.3, 0.42, value=0),
        p.line((0.15, -0.1), (0.8, -0.8), width=0.16),
    )
    p.polygon((0.95, -0.95), (0.35, -0.85), (0.85, -0.35))


def female_sign(p):
    (
        p.disc(0, -0.35, 0.58),
        p.disc(0, -0.35, 0.4, value=0),
        p.box(-0.09, 0.2, 0.09, 1),
        p.box(-0.4, 0.5, 0.4, 0.68),
    )


def recycling(p):
    ring(p)
    for x, y in around(3, (0.75,)):
        p.polygon((x + 0.35, y), (x - 0.2, y - 0.35), (x - 0.2, y + 0.35))


OUTLINES = {
    name.replace("_", " "): function
    for name, function in list(globals().items())
    if callable(function)
    and getattr(function, "__module__", "") == __name__
    and name not in ("Pen", "around")
}


def mask(name: str) -> Image.Image:
    """The outline `name` as a mask: L mode, side 96."""
    pen = Pen()
    OUTLINES[name](pen)
    return pen.mask
