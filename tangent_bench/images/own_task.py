"""A user's images on this machine as a task, however they are kept.

Without images for validation, a tenth of train is cut off for it, as in the paper: at most 5,000
images, the same on every machine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tangent_bench.images.checks import named_hashes, pixel_hash, require_disjoint
from tangent_bench.images.notes import say_once
from tangent_bench.images.stored import MAX_VAL, Rows, Split, cut_together, gather
from tangent_bench.images.task import Images, Task


class OwnTask(ABC):
    """A task of a user's own; its images become squares of `side` pixels (bicubic), RGB.

    Attributes:
        name: of the task.
        folder: that the config names.
        side: of the images, pixels.
        lacks_val: what the folder does not have if validation is cut off train.
        val_wanted: what to add for validation.
        TASK: the contract of the task.
    """

    name: str
    folder: Path
    side: int
    lacks_val: str
    val_wanted: str
    TASK: Task

    @property
    @abstractmethod
    def stored(self) -> Collection[str]:
        """The splits that are kept: train and test, and perhaps val."""

    @abstractmethod
    def rows(self, split: str) -> Rows:
        """All images of a stored `split`, in the order of the task.

        Raises:
            ValueError: the split, or a class of it, has none.
        """

    @abstractmethod
    def place(self, split: str) -> Path:
        """Where people look for the images of a stored `split`."""

    def _num_val(self, num_train: int) -> int:
        """How many of so many training images are cut off for validation: a tenth."""
        num_val = min(MAX_VAL, num_train // 10)
        if not num_val:
            raise self._none_for_validation(num_train)
        return num_val

    def _none_for_validation(self, num_train: int) -> ValueError:
        return ValueError(
            f"Task {self.name!r}: {self.folder} has {self.lacks_val}, and of its {num_train} "
            f"training images a tenth leaves none for validation; {self.val_wanted}, or training "
            f"images."
        )

    @cached_property
    def _cut(self) -> dict[str, np.ndarray]:
        """Rows of train and val out of train; all are decoded, to keep equal images together.

        Raises:
            ValueError: nothing is left for val.
        """
        rows = self.rows("train")
        num_train = len(rows.labels)
        num_val = self._num_val(num_train)
        hashes = [pixel_hash(image) for _, image in rows.read(np.arange(num_train))]
        self._say_repeats(hashes, rows)
        chosen = cut_together(hashes, rows.labels.tolist(), num_val)
        if not chosen:
            raise self._none_for_validation(num_train)
        is_val = np.isin(np.arange(num_train), list(chosen))
        return {"train": np.flatnonzero(~is_val), "val": np.flatnonzero(is_val)}

    def _say_repeats(self, hashes: list[bytes], rows: Rows) -> None:
        first = {}
        for row, each in enumerate(hashes):
            if first.setdefault(each, row) != row:
                num_more = len(hashes) - len(set(hashes))
                say_once(
                    f"Task {self.name!r}: {num_more} images in {self.place('train')} repeat "
                    f"others, pixel for pixel ({rows.name(row)} is {rows.name(first[each])}); "
                    f"where validation is cut off, equal images stay together."
                )
                return

    def _is_cut(self, split: str) -> bool:
        return split != "test" and "val" not in self.stored

    def count(self, split: str) -> int:
        """The number of images of a `split`, to the few that repeat; decodes nothing."""
        if not self._is_cut(split):
            return len(self.rows(split).labels)
        num_train = len(self.rows("train").labels)
        num_val = self._num_val(num_train)
        return num_val if split == "val" else num_train - num_val

    def open(self, split: str) -> Split:
        """The images of a `split`, decoded one at a time when they are read.

        Raises:
            ValueError: there are none.
        """
        if self._is_cut(split):
            return Split(self.name, split, self.rows("train"), self._cut[split])
        return self._whole(split)

    def _whole(self, split: str) -> Split:
        """A stored split, nothing cut off."""
        rows = self.rows(split)
        return Split(self.name, split, rows, np.arange(len(rows.labels)))

    def checked(self, split: str, limit: int | None = None, max_leaks: int = 0) -> Split:
        """The first `limit` images of a `split`, none of which is a training image.

        Args:
            split: train, val or test.
            limit: number of images; None: all.
            max_leaks: number of images that may be in the training images too.

        Raises:
            ValueError: more of them are, pixel for pixel; it names two of them.
        """
        opened = self.open(split)
        opened = replace(opened, order=opened.order[:limit])
        if split == "test" or (split == "val" and "val" in self.stored):
            train = named_hashes(self._whole("train"))
            here = self.place(split).name
            first = self.place("train").name
            require_disjoint(train, named_hashes(opened), self.name, here, first, allowed=max_leaks)
        return opened

    def load(self, split: str) -> Images:
        """Decoded images of a `split`, as squares of `side` pixels.

        Raises:
            ValueError: no images, or a file that cannot be decoded.
        """
        return gather(self.open(split), self.side)
