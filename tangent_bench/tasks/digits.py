"""Digits: scikit-learn's 1,797 handwritten digits of 8 × 8 pixels.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

import gzip
from functools import lru_cache

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE, Images, Task
from tangent_bench.tasks._files import package_file

TASK = Task(
    title="Digits",
    class_names=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    templates=(
        "the digit {}",
        "a handwritten {}",
        "a photo of the number {}",
        "a white {} on a black background",
    ),
    kind="real",
    source="scikit-learn's copy of the test set of UCI's optical recognition of handwritten "
    "digits, 8 × 8 pixels "
    "enlarged to 32 × 32; its own split at random, so a writer may stand in more than one split",
    licence="CC BY 4.0 (E. Alpaydin and C. Kaynak, UCI)",
)
BOUNDS = {"train": (0, 1000), "val": (1000, 1297), "test": (1297, 1797)}  # of the shuffled images


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """table_NP int64: 64 grey levels in [0, 16] and the digit in each of 1,797 rows."""
    text = gzip.decompress(package_file("sklearn", "datasets/data/digits.csv.gz").read_bytes())
    cells = np.array([line.split(b",") for line in text.split()])
    table = cells.astype(np.float64).astype(np.int64)
    assert table.shape == (1797, 65), table.shape
    return table


def _enlarged(row: np.ndarray) -> np.ndarray:
    small = Image.fromarray((row.reshape(8, 8) * 255 // 16).astype(np.uint8))
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def load(split: str) -> Images:
    """The images of `split` (1,000, 297 and 500).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    first, last = BOUNDS[split]
    table = _table()
    rows = table[generator("tasks", "digits", "split").permutation(len(table))[first:last]]
    grey = np.stack([_enlarged(row[:-1]) for row in rows])
    return Images(np.repeat(grey[..., None], 3, axis=-1), rows[:, -1].copy(), np.arange(len(rows)))
