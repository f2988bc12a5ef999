"""Images where they are stored: decoded one at a time, so that no split ever lies in memory.

`Rows` is what a folder, a parquet file or a `datasets` table gives; a `Split` is some of its rows in an order.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from tangent_bench.images.task import Images

SPLIT_SEED = 0
MAX_VAL = 5000


class Rows(Protocol):
    """All images of one stored split: labels_N int64, where they lie, their names of classes if stored, and pixels."""

    labels: np.ndarray
    place: str
    names: tuple[str, ...] | None

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) of the wanted rows, each once, in the order that is cheapest to read."""


def plain(name: str) -> str:
    """A name by its letters and digits alone, so that copies that spell it otherwise agree.

    >>> plain("Ram C/V_Cargo Van") == plain("ram c-v cargo van"), plain("00007")
    (True, '7')
    """
    found = re.sub(r"[^a-z0-9]", "", name.lower())
    return found.lstrip("0") or "0" if found.isdigit() else found


def decode(content: bytes | Path, what: str, turn: bool) -> Image.Image:
    """An RGB image from a file or its bytes; `turn` obeys the EXIF orientation.

    Raises:
        ValueError: it cannot be decoded to its end; `what` says which it is.
    """
    try:
        with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as image:
            return (ImageOps.exif_transpose(image) if turn else image).convert("RGB")
    except Exception as error:  # by format and damage, Pillow raises many kinds
        raise ValueError(
            f"{what} cannot be read as an image ({error}); repair or remove it."
        ) from None


@dataclass(frozen=True)
class Split:
    """One split of a task, opened: nothing is decoded until it is asked for.

    Attributes:
        task, name: of the task, and of the split (train, val or test).
        rows: where the images are stored.
        order: the row of each image, int64 [N].
        revision: commit of the hub copy, or None if it is a folder or not known.
    """

    task: str
    name: str
    rows: Rows
    order: np.ndarray
    revision: str | None = None

    def __len__(self) -> int:
        return len(self.order)

    @property
    def labels(self) -> np.ndarray:
        """labels_N, int64; decodes nothing."""
        return self.rows.labels[self.order]

    def __getitem__(self, position: int) -> Image.Image:
        """One decoded image; slow for parquet, where `stream` reads every row group once."""
        ((_, image),) = self.rows.read(self.order[[position]])
        return image

    def stream(self, limit: int | None = None) -> Iterator[tuple[int, Image.Image]]:
        """(position, RGB image) of the first `limit` images (all, if None), in the order that is cheapest to read."""
        wanted = self.order[:limit]
        position = {int(row): k for k, row in enumerate(wanted)}
        for row, image in self.rows.read(wanted):
            yield position[row], image


def shuffled(num: int) -> np.ndarray:
    """The numbers 0 to num − 1 in the order of torch's generator with seed 0, int64."""
    import torch

    return torch.randperm(num, generator=torch.Generator().manual_seed(SPLIT_SEED)).numpy()


def cut(num: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of train and val among `num` training images: 10 %, at most 5,000, are cut off for val.

    The permutation is that of `torch.utils.data.random_split` with a generator of seed 0, as in the official code
    (whose own check is that MNIST's first training image is number 36,044); the same images fall into val if the
    stored order is the official one.
    """
    order, num_val = shuffled(num), min(MAX_VAL, num // 10)
    return order[: num - num_val], order[num - num_val :]


class JoinedRows:
    """The rows of two stored splits, one after the other."""

    def __init__(self, first: Rows, second: Rows) -> None:
        self._parts, self._start = (first, second), len(first.labels)
        self.labels = np.concatenate([first.labels, second.labels])
        self.place, self.names = f"{first.place} and {second.place}", first.names

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image), those of the first split before those of the second."""
        first, second = self._parts
        yield from first.read(rows[rows < self._start])
        for row, image in second.read(rows[rows >= self._start] - self._start):
            yield row + self._start, image


def joined(
    first: tuple[Rows, np.ndarray], second: tuple[Rows, np.ndarray]
) -> tuple[Rows, np.ndarray]:
    """Two splits, each as rows and their order, as one, shuffled by the rule of `shuffled`."""
    order = np.concatenate([first[1], len(first[0].labels) + second[1]])
    return JoinedRows(first[0], second[0]), order[shuffled(len(order))]


def square(image: Image.Image, side: int) -> np.ndarray:
    """The centre square of an image, `side` pixels wide (bicubic), uint8 [side, side, 3]."""
    width, height = image.size
    edge = min(width, height)
    box = ((width - edge) // 2, (height - edge) // 2, (width + edge) // 2, (height + edge) // 2)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))


def gather(split: Split, side: int) -> Images:
    """A split in memory, for small ones: centre squares of `side` pixels, each a block of its own."""
    images = np.empty((len(split), side, side, 3), dtype=np.uint8)
    for position, image in split.stream():
        images[position] = square(image, side)
    return Images(images, split.labels, np.arange(len(split), dtype=np.int64))
