"""The landform at a place, by rules on heights alone; every rule is in integers.

Let d = REACH cells, z̄ the mean of 3 × 3 cells, and c_v = 2 z̄(p) − z̄(p + v) − z̄(p − v) the
convexity of place p along one of the four directions v (across, down, both diagonals), in units of
rise (below). Then p is

    peak      if every c_v is at least PEAK
    ridge     if the largest c_v is at least RIDGE and that at right angles to it within ± STRAIGHT
    valley    likewise with the smallest, negative
    slope     if every c_v is within ± STRAIGHT, and z̄ falls by at least FALL over 2 d cells in one
              of the four directions of the compass (which it faces) and by less than 1/2 of that
              across it
    plain     if the highest and the lowest cell of the window differ by less than FLAT
    coast     if between a third and two thirds of the window's cells are at or below sea level
    water     if at least 19/20 are

and of no class if none of this holds. All but coast and water need less than a twentieth of sea in
the window. A unit of rise is the height that a slope of 45 degrees gains over one cell in the
shaded picture.
"""

from __future__ import annotations

import numpy as np

NAMES = (
    "plain",
    "peak",
    "ridge",
    "valley",
    "slope facing north",
    "slope facing east",
    "slope facing south",
    "slope facing west",
    "coast",
    "water",
)
WINDOW = 16  # cells; an image shows one window
REACH = 5  # cells
DIAGONAL = 4  # cells: 4 cells down and 4 across are about REACH away
# Bounds in units of rise.
PEAK = 2
RIDGE = 4
STRAIGHT = 2
FALL = 3
FLAT = 2


def box_sums(values_HW: np.ndarray, side: int) -> np.ndarray:
    """Sums of `values_HW` over all squares of `side` cells, exact.

    The result is int64 of (H − side + 1, W − side + 1).
    """
    sums = np.zeros((values_HW.shape[0] + 1, values_HW.shape[1] + 1), dtype=np.int64)
    sums[1:, 1:] = values_HW.cumsum(axis=0).cumsum(axis=1)
    return sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]


def _extremes(height_HW: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Highest and lowest cell of every square of `side` cells."""
    view = np.lib.stride_tricks.sliding_window_view
    high = view(view(height_HW, side, axis=0).max(axis=-1), side, axis=1).max(axis=-1)
    low = view(view(height_HW, side, axis=0).min(axis=-1), side, axis=1).min(axis=-1)
    return high, low


class _Means:
    """9 z̄ around the middle of each window."""

    def __init__(self, height_HW: np.ndarray) -> None:
        self._sums = box_sums(height_HW, 3)
        self._num_rows = height_HW.shape[0] - WINDOW + 1
        self._num_columns = height_HW.shape[1] - WINDOW + 1

    def at(self, down: int, right: int) -> np.ndarray:
        """9 z̄ so many cells away from the middle."""
        margin = WINDOW // 2 - 1
        part = self._sums[margin + down :, margin + right :]
        return part[: self._num_rows, : self._num_columns]

    def convex(self, down: int, right: int) -> np.ndarray:
        """9 c_v for v = (down, right)."""
        return 2 * self.at(0, 0) - self.at(down, right) - self.at(-down, -right)


def _facing(means: _Means) -> dict[str, np.ndarray]:
    """9 times the fall of z̄ over 2 REACH cells towards each direction of the compass."""
    north = means.at(REACH, 0) - means.at(-REACH, 0)
    east = means.at(0, -REACH) - means.at(0, REACH)
    return {"north": north, "east": east, "south": -north, "west": -east}


def _shapes(height_HW: np.ndarray, rise: int) -> dict[str, np.ndarray]:
    """The windows that satisfy the rule of each landform but coast and water."""
    means = _Means(height_HW)
    unit = 9 * rise
    across = means.convex(0, REACH)
    down = means.convex(REACH, 0)
    one = means.convex(DIAGONAL, DIAGONAL)
    other = means.convex(DIAGONAL, -DIAGONAL)
    high, low = _extremes(height_HW, WINDOW)
    shapes = {
        "plain": high - low < FLAT * rise,
        "peak": np.minimum.reduce([across, down, one, other]) >= PEAK * unit,
        "ridge": np.zeros(across.shape, dtype=bool),
        "valley": np.zeros(across.shape, dtype=bool),
    }
    for along, beside in ((across, down), (down, across), (one, other), (other, one)):
        straight = abs(beside) <= STRAIGHT * unit
        shapes["ridge"] |= (along >= RIDGE * unit) & straight
        shapes["valley"] |= (along <= -RIDGE * unit) & straight
    level = np.maximum.reduce([abs(across), abs(down), abs(one), abs(other)]) <= STRAIGHT * unit
    facing = _facing(means)
    for name, fall in facing.items():
        beside = facing["east" if name in ("north", "south") else "north"]
        steep = (fall >= FALL * unit) & (2 * abs(beside) < fall)
        shapes[f"slope facing {name}"] = steep & level
    return shapes


def landforms(height_HW: np.ndarray, rise: int) -> np.ndarray:
    """The landform of the window at each corner, int64 of (H − WINDOW + 1, W − WINDOW + 1).

    It is an index in `NAMES`, or −1.

    Args:
        height_HW: int64, sea at 0, north up.
        rise: the unit of rise, in the unit of the heights.
    """
    sea = box_sums((height_HW <= 0).astype(np.int64), WINDOW)
    num_cells = WINDOW * WINDOW
    labels = np.full(sea.shape, -1, dtype=np.int64)
    for name, holds in _shapes(height_HW, rise).items():
        labels[holds & (labels < 0) & (20 * sea < num_cells)] = NAMES.index(name)
    labels[(3 * sea >= num_cells) & (3 * sea <= 2 * num_cells)] = NAMES.index("coast")
    labels[20 * sea >= 19 * num_cells] = NAMES.index("water")
    return labels
