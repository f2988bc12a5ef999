"""The glyphs of a split of a task."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SPLITS = ("test", "val", "train")


class GlyphPart(NamedTuple):
    """Some glyphs of a collection.

    Attributes:
        rows: rows_N int64, their numbers in the collection.
        labels: labels_N int64, their classes.
        units: units_N int64, the independent unit of each; no unit is in two splits.
    """

    rows: np.ndarray
    labels: np.ndarray
    units: np.ndarray
