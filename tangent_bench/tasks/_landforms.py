"""Which landform is at a place, by rules on heights alone; every rule is in integers.

Let d = REACH cells, z̄ the mean of 3 × 3 cells, and c_v = 2 z̄(p) − z̄(p + v) − z̄(p − v) the convexity of place p
along one of the four directions v (across, down, both diagonals), in units of rise (below). Then p is

    peak      if every c_v is at least PEAK
    ridge     if the largest c_v is at least RIDGE and that at right angles to it within ± STRAIGHT
    valley    likewise with the smallest, negative
    slope     if every c_v is within ± STRAIGHT, and z̄ falls by at least FALL over 2 d cells in one of the four
              directions of the compass (which it faces) and by less than 1/2 of that across it
    plain     if the highest and the lowest cell of the window differ by less than FLAT
    coast     if between a third and two thirds of the window's cells lie at or below the level of the sea
    water     if at least 19/20 do

and of no class if none of this holds. All but coast and water want less than a twentieth of sea in the window. A unit
of rise is the height that a slope of 45 degrees gains over one cell in the shaded picture.
"""

from __future__ import annotations

import numpy as np

NAMES = ("plain", "peak", "ridge", "valley", "slope facing north", "slope facing east")
NAMES += ("slope facing south", "slope facing west", "coast", "water")
WINDOW = 16  # cells; an image shows one window
REACH = 5  # cells
PEAK, RIDGE, STRAIGHT, FALL, FLAT = 2, 4, 2, 3, 2  # units of rise


def box_sums(values_HW: np.ndarray, side: int) -> np.ndarray:
    """Sums over all squares of `side` cells, int64 of (H − side + 1, W − side + 1); exact."""
    sums = np.zeros((values_HW.shape[0] + 1, values_HW.shape[1] + 1), dtype=np.int64)
    sums[1:, 1:] = values_HW.cumsum(axis=0).cumsum(axis=1)
    return sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]


def _extremes(height_HW: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Highest and lowest cell of every square of `side` cells."""
    view = np.lib.stride_tricks.sliding_window_view
    high = view(view(height_HW, side, axis=0).max(axis=-1), side, axis=1).max(axis=-1)
    low = view(view(height_HW, side, axis=0).min(axis=-1), side, axis=1).min(axis=-1)
    return high, low


def landforms(height_HW: np.ndarray, rise: int) -> np.ndarray:
    """labels int64 of (H − WINDOW + 1, W − WINDOW + 1): index in `NAMES` of the window at each corner, or −1.

    Args:
        height_HW: int64, sea at 0, north up.
        rise: the unit of rise, in the unit of the heights.
    """
    rows, columns = height_HW.shape[0] - WINDOW + 1, height_HW.shape[1] - WINDOW + 1
    means, unit, margin = box_sums(height_HW, 3), 9 * rise, WINDOW // 2 - 1

    def at(down: int, right: int) -> np.ndarray:
        """9 z̄ so far away from the middle of each window."""
        return means[margin + down :, margin + right :][:rows, :columns]

    d, b = REACH, 4  # 4 cells down and 4 across are about 5 away
    offsets = ((0, d), (d, 0), (b, b), (b, -b))
    across, down, one, other = convex = [2 * at(0, 0) - at(y, x) - at(-y, -x) for y, x in offsets]
    straight = [abs(c) <= STRAIGHT * unit for c in convex]
    facing = {"north": at(d, 0) - at(-d, 0), "east": at(0, -d) - at(0, d)}
    facing |= {"south": -facing["north"], "west": -facing["east"]}
    high, low = _extremes(height_HW, WINDOW)
    sea, cells = box_sums((height_HW <= 0).astype(np.int64), WINDOW), WINDOW * WINDOW

    rules = {
        "plain": high - low < FLAT * rise,
        "peak": np.all([c >= PEAK * unit for c in convex], axis=0),
    }
    pairs = ((across, straight[1]), (down, straight[0]), (one, straight[3]), (other, straight[2]))
    rules["ridge"] = np.any([(c >= RIDGE * unit) & flat for c, flat in pairs], axis=0)
    rules["valley"] = np.any([(c <= -RIDGE * unit) & flat for c, flat in pairs], axis=0)
    for name, beside in (
        ("north", "east"),
        ("east", "north"),
        ("south", "east"),
        ("west", "north"),
    ):
        steep = (facing[name] >= FALL * unit) & (2 * abs(facing[beside]) < facing[name])
        rules[f"slope facing {name}"] = steep & np.all(straight, axis=0)
    labels = np.full((rows, columns), -1, dtype=np.int64)
    for name, holds in rules.items():
        labels[holds & (labels < 0) & (20 * sea < cells)] = NAMES.index(name)
    labels[(3 * sea >= cells) & (3 * sea <= 2 * cells)] = NAMES.index("coast")
    labels[20 * sea >= 19 * cells] = NAMES.index("water")
    return labels
