"""Square crops of one picture whose splits share no pixel: parts of it, with gaps that no crop can bridge."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from tangent_bench.tasks import SIDE

# Orders of tiles in which each split has a part of whatever is in the picture.
SIX = (("train", "test", "train"), ("val", "train", "test"))
TWELVE = (
    ("train", "test", "train", "val"),
    ("val", "train", "test", "train"),
    ("test", "train", "val", "test"),
)


class Region(NamedTuple):
    """The part of a picture that one split may use, [left, right) × [top, bottom) in pixels."""

    split: str
    left: int
    top: int
    right: int
    bottom: int


def tiles(size: tuple[int, int], gap: int, order: tuple[tuple[str, ...], ...]) -> list[Region]:
    """Equal tiles of a picture of `size` = (width, height), `gap` pixels apart; `order` has a split for each tile.

    >>> tiles((100, 60), 10, (("train", "test"),))[1]
    Region(split='test', left=55, top=0, right=100, bottom=60)
    """
    columns, rows = (
        _equal(length, count, gap) for length, count in zip(size, (len(order[0]), len(order)))
    )
    places = [(column, row) for row in rows for column in columns]
    return [
        Region(name, c[0], r[0], c[1], r[1])
        for name, (c, r) in zip((n for row in order for n in row), places)
    ]


def _equal(length: int, count: int, gap: int) -> list[tuple[int, int]]:
    """Start and stop of `count` equal parts of `length`, `gap` apart."""
    each = (length - gap * (count - 1)) // count
    return [(i * (each + gap), i * (each + gap) + each) for i in range(count)]


class Crop(NamedTuple):
    """A square of a picture: left, top and side in pixels."""

    left: int
    top: int
    side: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom, as Pillow wants them."""
        return self.left, self.top, self.left + self.side, self.top + self.side

    def cell(self, cell: int, width: int) -> int:
        """The number of the grid cell of `cell` pixels that holds the crop's centre, in a picture of `width`."""
        row, column = (self.top + self.side // 2) // cell, (self.left + self.side // 2) // cell
        return row * (width // cell + 1) + column


def draw_crop(rng: np.random.Generator, own: list[Region], sides: tuple[int, int]) -> Crop:
    """A crop uniform in one of the regions `own` (chosen by room); `sides` bounds its side, which must fit."""
    side = int(rng.integers(sides[0], sides[1] + 1))
    rooms = [
        (region.right - region.left - side + 1, region.bottom - region.top - side + 1)
        for region in own
    ]
    assert min(min(room) for room in rooms) > 0, (own, side)
    place = int(rng.integers(0, sum(wide * high for wide, high in rooms)))
    chosen = 0
    while place >= rooms[chosen][0] * rooms[chosen][1]:
        place -= rooms[chosen][0] * rooms[chosen][1]
        chosen += 1
    down, right = divmod(place, rooms[chosen][0])
    return Crop(own[chosen].left + right, own[chosen].top + down, side)


def cut(picture: Image.Image, crop: Crop, mirror: bool = False) -> np.ndarray:
    """The crop as an array of SIDE × SIDE pixels, left and right exchanged if `mirror`."""
    pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=crop.box))
    return pixels[:, ::-1] if mirror else pixels
