"""Square crops of one picture whose splits share no pixel.

Each split has its own parts of the picture; the gaps between them are wider than any crop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# An order of tiles that gives each split a part of every thing in the picture.
SIX = (("train", "test", "train"), ("val", "train", "test"))


class Region(NamedTuple):
    """The part of a picture that one split may use, [left, right) × [top, bottom) in pixels."""

    split: str
    left: int
    top: int
    right: int
    bottom: int


def tiles(size: tuple[int, int], gap: int, order: tuple[tuple[str, ...], ...]) -> list[Region]:
    """Equal tiles of a picture, in rows.

    Args:
        size: width and height of the picture in pixels.
        gap: distance between tiles in pixels.
        order: the split of each tile.

    >>> tiles((100, 60), 10, (("train", "test"),))[1]
    Region(split='test', left=55, top=0, right=100, bottom=60)
    """
    width, height = size
    columns = _equal(width, len(order[0]), gap)
    rows = _equal(height, len(order), gap)
    regions = []
    for (top, bottom), splits in zip(rows, order):
        for (left, right), split in zip(columns, splits):
            regions.append(Region(split, left, top, right, bottom))
    return regions


def _equal(length: int, count: int, gap: int) -> list[tuple[int, int]]:
    """Start and stop of `count` equal parts of `length`, `gap` apart."""
    part = (length - gap * (count - 1)) // count
    starts = range(0, count * (part + gap), part + gap)
    return [(start, start + part) for start in starts]


class Crop(NamedTuple):
    """A square of a picture: left, top and side in pixels."""

    left: int
    top: int
    side: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom, as Pillow expects them."""
        return self.left, self.top, self.left + self.side, self.top + self.side


def draw_crop(rng: np.random.Generator, own: list[Region], sides: tuple[int, int]) -> Crop:
    """A crop that `rng` draws uniformly from all places in the regions `own`.

    `sides` are the bounds of its side in pixels; every region must have room for it.
    """
    side = int(rng.integers(sides[0], sides[1] + 1))
    rooms = []
    for region in own:
        wide = region.right - region.left - side + 1
        high = region.bottom - region.top - side + 1
        assert min(wide, high) > 0, (region, side)
        rooms.append((region, wide, wide * high))
    place = int(rng.integers(0, sum(num_places for _, _, num_places in rooms)))
    for region, wide, num_places in rooms:
        if place < num_places:
            down, right = divmod(place, wide)
            return Crop(region.left + right, region.top + down, side)
        place -= num_places
    raise AssertionError(place)
