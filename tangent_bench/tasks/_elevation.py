"""The two elevation models that matplotlib ships, as integers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tangent_bench.tasks._files import package_file

FOLDER = "mpl-data/sample_data"


def doubled(height_HW: np.ndarray) -> np.ndarray:
    """`height_HW` at twice the resolution, int64 of (2 H − 1, 2 W − 1).

    New cells have the mean of their neighbours, rounded down.
    """
    out = np.zeros((2 * height_HW.shape[0] - 1, 2 * height_HW.shape[1] - 1), dtype=np.int64)
    out[::2, ::2] = height_HW
    out[1::2, ::2] = (out[:-1:2, ::2] + out[2::2, ::2]) >> 1
    out[:, 1::2] = (out[:, :-1:2] + out[:, 2::2]) >> 1
    return out


@lru_cache(maxsize=1)
def jacksboro() -> np.ndarray:
    """The Jacksboro fault in Tennessee: height_HW int64 in decimetres, north up.

    A cell is about 90 m.
    """
    with np.load(package_file("matplotlib", f"{FOLDER}/jacksboro_fault_dem.npz")) as data:
        return data["elevation"].astype(np.int64) * 10


@lru_cache(maxsize=1)
def salish_sea() -> np.ndarray:
    """Vancouver Island and the sea around it: height_HW int64 in decimetres, north up.

    A cell is about 1.5 km.
    """
    with np.load(package_file("matplotlib", f"{FOLDER}/topobathy.npz")) as data:
        rows = data["topo"].astype(np.int64) * 10
        return doubled(rows if data["latitude"][0] > data["latitude"][-1] else rows[::-1])
