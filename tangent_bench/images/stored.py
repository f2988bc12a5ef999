"""Stored images, decoded one at a time, so that no split is ever in memory as a whole.

`Rows` are the images of a folder, a parquet file or a `datasets` table; a `Split` is a selection of
rows in an order.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from tangent_bench.images.task import Images

SPLIT_SEED = 0
MAX_VAL = 5000


class Rows(Protocol):
    """All images of one stored split."""

    @property
    def labels(self) -> np.ndarray:
        """labels_N, int64."""
        ...

    @property
    def place(self) -> str:
        """Where the images are, for errors and metadata."""
        ...

    @property
    def names(self) -> tuple[str, ...] | None:
        """Class names, if they are stored."""
        ...

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) of each of `rows`, once, in the order that is cheapest to read."""
        ...

    def name(self, row: int) -> str:
        """What a row is called where people look for it: its file, or its number and place."""
        ...


def plain(name: str) -> str:
    """The letters and digits of a name, in lower case, so that spellings of different copies agree.

    >>> plain("Ram C/V_Cargo Van") == plain("ram c-v cargo van"), plain("00007")
    (True, '7')
    """
    text = re.sub(r"[\W_]", "", unicodedata.normalize("NFC", name).lower())
    return text.lstrip("0") or "0" if text.isdigit() else text


@dataclass(frozen=True)
class Split:
    """One split of a task, opened; an image is decoded when it is read.

    Attributes:
        task: name of the task.
        name: name of the split (train, val or test).
        rows: the stored images.
        order: the row of each image, int64 [N].
        revision: commit of the hub copy; None for a folder or an unknown commit.
        apart: whether it was cut off train, and images that train has too are left out of it.
    """

    task: str
    name: str
    rows: Rows
    order: np.ndarray
    revision: str | None = None
    apart: bool = False

    def __len__(self) -> int:
        return len(self.order)

    @property
    def labels(self) -> np.ndarray:
        """labels_N, int64; decodes nothing."""
        return self.rows.labels[self.order]

    def name_of(self, position: int) -> str:
        """The file of an image, or its number and place."""
        return self.rows.name(int(self.order[position]))

    def __getitem__(self, position: int) -> Image.Image:
        """One decoded image; slow for parquet, where `stream` reads every row group once."""
        ((_, image),) = self.rows.read(self.order[[position]])
        return image

    def stream(self, limit: int | None = None) -> Iterator[tuple[int, Image.Image]]:
        """(position, RGB image) of the first `limit` images (all, if None).

        They come in the order that is cheapest to read.
        """
        rows = self.order[:limit]
        positions = {int(row): position for position, row in enumerate(rows)}
        for row, image in self.rows.read(rows):
            yield positions[row], image


def shuffled(num: int) -> np.ndarray:
    """The numbers 0 to num − 1 in the order of torch's generator with seed 0, int64."""
    import torch

    return torch.randperm(num, generator=torch.Generator().manual_seed(SPLIT_SEED)).numpy()


def cut(num: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of train and val among `num` training images: 10 %, at most 5,000, are cut off for val.

    The permutation is that of `torch.utils.data.random_split` with a generator of seed 0, as in the
    official code (whose own check is that MNIST's first training image is number 36,044). If the
    stored order is the official one, the same images are in val.
    """
    order = shuffled(num)
    num_val = min(MAX_VAL, num // 10)
    return order[: num - num_val], order[num - num_val :]


def cut_together(hashes: Sequence[bytes], labels: Sequence[int], num_val: int) -> set[int]:
    """Rows for val, the first that fit: equal images all at once, and never the last of a class.

    Args:
        hashes: digest of each training image.
        labels: its class.
        num_val: number of images for val.

    >>> sorted(cut_together([b"a", b"b", b"a", b"c", b"d"], [0, 0, 0, 1, 0], num_val=2))
    [0, 2]
    """
    equal = {}
    for row, each in enumerate(hashes):
        equal.setdefault(each, []).append(row)
    left = Counter(labels)
    val = set()
    for rows in equal.values():
        taken = Counter(labels[row] for row in rows)
        if len(val) + len(rows) <= num_val and not _are_emptied(taken, left):
            val.update(rows)
            left -= taken
    return val


def _are_emptied(taken: Counter[int], left: Counter[int]) -> bool:
    """Whether so many images of each class would leave none of one of them."""
    return any(left[label] <= number for label, number in taken.items())


class JoinedRows:
    """The rows of two stored splits, one after the other."""

    def __init__(self, first: Rows, second: Rows) -> None:
        self._first = first
        self._second = second
        self._start = len(first.labels)
        self.labels = np.concatenate([first.labels, second.labels])
        self.place = f"{first.place} and {second.place}"
        self.names = first.names

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) of `rows`, those of the first split before those of the second."""
        yield from self._first.read(rows[rows < self._start])
        for row, image in self._second.read(rows[rows >= self._start] - self._start):
            yield row + self._start, image

    def name(self, row: int) -> str:
        """The name of a row in the split that it comes from."""
        if row < self._start:
            return self._first.name(row)
        return self._second.name(row - self._start)


def joined(
    first: tuple[Rows, np.ndarray], second: tuple[Rows, np.ndarray]
) -> tuple[Rows, np.ndarray]:
    """Two splits, `first` and `second`, as one that is shuffled by the rule of `shuffled`.

    Each split is a pair of rows and their order.
    """
    first_rows, first_order = first
    second_rows, second_order = second
    order = np.concatenate([first_order, len(first_rows.labels) + second_order])
    return JoinedRows(first_rows, second_rows), order[shuffled(len(order))]


def square(image: Image.Image, side: int) -> np.ndarray:
    """The centre square of an image, `side` pixels wide (bicubic), uint8 [side, side, 3]."""
    width, height = image.size
    edge = min(width, height)
    left = (width - edge) // 2
    top = (height - edge) // 2
    box = (left, top, (width + edge) // 2, (height + edge) // 2)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))


def gather(split: Split, side: int) -> Images:
    """A small split in memory: centre squares of `side` pixels, each a block of its own."""
    images = np.empty((len(split), side, side, 3), dtype=np.uint8)
    for position, image in split.stream():
        images[position] = square(image, side)
    return Images(images, split.labels, np.arange(len(split), dtype=np.int64))
