"""Invented ground: many square pieces of it at once, all arithmetic in integers.

Legend of shape suffixes: G pieces of ground, H height, W width.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

RISE = 100  # height that a slope of 45 degrees gains over one cell in the shaded picture
COARSE = 7  # cells along a side of the coarsest grid
DOUBLINGS = 3
SIDE = 35  # cells along a side of a piece: 7 → 11 → 19 → 35
RAIN = 16  # water that falls on a cell at each step


class Country(NamedTuple):
    """A kind of ground.

    Attributes:
        relief: bounds of the height of its coarsest features, in units of RISE.
        rough: bounds of the height of features of half the size, in % of that of the larger.
        south: bounds of the rise of the whole to the south, in % of RISE per cell.
        east: the same to the east.
        steps: bounds of the number of steps of erosion.
        sea: bounds of the sea level, in % of the range of heights.
    """

    relief: tuple[int, int] = (6, 20)
    rough: tuple[int, int] = (12, 34)
    south: tuple[int, int] = (-40, 40)
    east: tuple[int, int] = (-40, 40)
    steps: tuple[int, int] = (0, 8)
    sea: tuple[int, int] = (-30, -5)


def ground(rng: np.random.Generator, number: int, country: Country) -> np.ndarray:
    """heights_GHW int64 of `number` pieces of a `country`'s ground, the sea at 0, north up.

    A coarse grid of heights, which `rng` draws, is doubled again and again, each time with smaller
    heights on top, and tilted as a whole; then running water cuts into it.
    """
    each = (number, 1, 1)
    height = _between(rng, country.relief, each) * RISE
    rough = _between(rng, country.rough, each)
    heights = rng.integers(-1000, 1001, (number, COARSE, COARSE)) * height // 1000
    for _ in range(DOUBLINGS):
        height = height * rough // 100
        heights = _doubled(heights)
        heights += rng.integers(-1000, 1001, heights.shape) * height // 1000
    cells = np.arange(SIDE)
    heights += _between(rng, country.south, each) * RISE // 100 * cells[:, None]
    heights += _between(rng, country.east, each) * RISE // 100 * cells
    heights = _eroded(heights, _between(rng, country.steps, each))
    low = heights.min(axis=(1, 2), keepdims=True)
    high = heights.max(axis=(1, 2), keepdims=True)
    return heights - low - (high - low) * _between(rng, country.sea, each) // 100


def _between(
    rng: np.random.Generator, bounds: tuple[int, int], shape: tuple[int, ...]
) -> np.ndarray:
    """Integers from the first to the second of the bounds."""
    return rng.integers(bounds[0], bounds[1] + 1, shape)


def _doubled(heights_GHW: np.ndarray) -> np.ndarray:
    """At twice the resolution, (2 H − 3, 2 W − 3): the subdivision of a cubic spline.

    New cells have the mean of their neighbours; then each cell is weighed ½ with ¼ on both sides.
    """
    number, rows, columns = heights_GHW.shape
    out = np.zeros((number, 2 * rows - 1, 2 * columns - 1), dtype=np.int64)
    out[:, ::2, ::2] = heights_GHW
    out[:, 1::2, ::2] = (out[:, :-1:2, ::2] + out[:, 2::2, ::2]) >> 1
    out[:, :, 1::2] = (out[:, :, :-1:2] + out[:, :, 2::2]) >> 1
    out = (out[:, :-2] + 2 * out[:, 1:-1] + out[:, 2:]) >> 2
    return (out[:, :, :-2] + 2 * out[:, :, 1:-1] + out[:, :, 2:]) >> 2


def _eroded(heights_GHW: np.ndarray, steps_G11: np.ndarray) -> np.ndarray:
    """The ground after some steps, different ones for each piece.

    At each step all water of a cell runs to its lowest neighbour, and takes ground along, the more
    the steeper the way and the more water there is.
    """
    heights = heights_GHW.copy()
    water = np.full(heights.shape, RAIN, dtype=np.int64)
    for step in range(int(steps_G11.max())):
        padded = np.pad(heights, ((0, 0), (1, 1), (1, 1)), mode="edge")
        around = (
            padded[:, :-2, 1:-1],
            padded[:, 2:, 1:-1],
            padded[:, 1:-1, :-2],
            padded[:, 1:-1, 2:],
        )
        lowest = np.minimum.reduce(around)
        drop = np.maximum(heights - lowest, 0)
        running = np.where(drop > 0, water, 0)
        water = water - running + RAIN + _arriving(running, lowest, around)
        taken = np.minimum(drop * np.minimum(water, 40 * RAIN) // (160 * RAIN), drop // 2)
        heights -= np.where(step < steps_G11, taken, 0)
    return heights


def _arriving(
    running_GHW: np.ndarray, lowest_GHW: np.ndarray, around: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Water that arrives in each cell, from where it is the first of the lowest neighbours."""
    arriving = np.zeros_like(running_GHW)
    left = running_GHW.copy()
    north, south, west, east = (np.where(side == lowest_GHW, 1, 0) for side in around)
    for goes, target, source in (
        (north, np.s_[:, :-1, :], np.s_[:, 1:, :]),
        (south, np.s_[:, 1:, :], np.s_[:, :-1, :]),
        (west, np.s_[:, :, :-1], np.s_[:, :, 1:]),
        (east, np.s_[:, :, 1:], np.s_[:, :, :-1]),
    ):
        moved = left * goes
        left = left - moved
        arriving[target] += moved[source]
    return arriving
