"""A user's folder in ImageFolder layout, <folder>/<split>/<class>/<image>, as a task.

Without a folder for validation, a tenth of train is cut off for it, as in the paper: at most 5,000
images, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tangent_bench.images import names
from tangent_bench.images.checks import named_hashes, pixel_hash, require_disjoint
from tangent_bench.images.class_folders import (
    as_numbers,
    class_folders,
    composed,
    image_files,
    listing,
    require_no_empty_class,
    say_others,
    say_unused,
    split_folder,
)
from tangent_bench.images.folder_source import FolderRows
from tangent_bench.images.notes import say_once
from tangent_bench.images.stored import MAX_VAL, Split, cut_together, gather
from tangent_bench.images.task import SIDE, SPLITS, Images, Task
from tangent_bench.seeds import derive

__all__ = ["FolderTask", "image_files"]


class FolderTask:
    """A task from a config entry with `folder` and `templates`.

    `class_names` default to the folder names. All images are turned as their EXIF says; their
    centre square becomes `side` pixels wide (bicubic; the entry's `side`, else 32), RGB.
    """

    def __init__(self, name: str, entry: Mapping) -> None:
        """Raises ValueError if the folder, its splits or its classes do not fit the layout."""
        self.name = name
        self.folder = Path(entry["folder"])
        self.side = entry.get("side", SIDE)
        self.folders = self._split_folders()
        self.classes = self._classes()
        self.TASK = Task(
            title=entry.get("title", name),
            class_names=self._class_names(entry),
            templates=tuple(entry["templates"]),
            kind="real",
            source=entry.get("source", f"folder {self.folder.name}"),
            licence=entry.get("licence", "not stated"),
        )

    def _split_folders(self) -> dict[str, Path]:
        """The folder of each split; only val may be missing."""
        folders = {}
        for split in SPLITS:
            folder = self._split_folder(split)
            if folder is not None:
                folders[split] = folder
            elif split != "val":
                raise ValueError(
                    f"Task {self.name!r}: {self.folder / split} is no folder; expected "
                    f"{self.folder}/{{train,test}}/<class>/<image>."
                )
        say_unused(self.name, self.folder, folders.values())
        return folders

    def _split_folder(self, split: str) -> Path | None:
        try:
            return split_folder(self.folder, split)
        except ValueError as sentence:
            raise ValueError(f"Task {self.name!r}: {sentence}") from None

    def _class_names(self, entry: Mapping) -> tuple[str, ...]:
        given = tuple(entry.get("class_names") or ())
        if given:
            names.require_one_pairing(self.name, self.folder, self.classes, given)
        found = given or tuple(c.replace("_", " ") for c in self.classes)
        names.require_distinct(self.name, str(self.folder), found)
        return found

    def _classes(self) -> list[str]:
        """Names of the class folders, the same in every split."""
        classes = {split: set(self._by_name(split)) for split in self.folders}
        train = classes["train"]
        for split, found in classes.items():
            self._require_equal(train, split, found)
        for name in sorted(train):
            if not name.isprintable():
                raise ValueError(
                    f"Task {self.name!r}: {self.folder} has a class folder {name!r}, whose name "
                    f"is no text of one line; rename it."
                )
        if len(train) < 2:
            raise ValueError(
                f"Task {self.name!r}: {self.folder} has {len(train)} class folders; at least two "
                f"are needed."
            )
        return as_numbers(train)

    def _by_name(self, split: str) -> dict[str, str]:
        """The class folders of a split, by their names as they are compared."""
        by_name = {}
        for folder in class_folders(self.folders[split]):
            if composed(folder) in by_name:
                raise ValueError(
                    f"Task {self.name!r}: {self.folders[split]} has two class folders {folder!r} "
                    f"that differ in how their accents are stored; put them together."
                )
            by_name[composed(folder)] = folder
        return by_name

    def _require_equal(self, train: set[str], split: str, found: set[str]) -> None:
        """Raise ValueError unless a split has the class folders of train."""
        if found != train:
            raise ValueError(
                f"Task {self.name!r}: class folders of train ({len(train)}) and {split} "
                f"({len(found)}) in {self.folder} differ: {', '.join(sorted(train ^ found))}; "
                f"give every split the same ones."
            )

    def _files(self, split: str) -> list[tuple[Path, int]]:
        """The images and labels of a split that has a folder, in the order of the task.

        Raises:
            ValueError: the split, or a class of it, has none.
        """
        place = self.folders[split]
        by_name = self._by_name(split)
        labels = {by_name[name]: label for label, name in enumerate(self.classes)}
        found = listing(place, labels)
        say_others(self.name, place, found)
        if not found.files:
            raise ValueError(
                f"Task {self.name!r}: split {split!r} in {self.folder} is empty; put images into "
                f"its class folders."
            )
        require_no_empty_class(self.name, place, labels, found)

        # An order by hash is shuffled, the same everywhere, and stable when files are added.
        def place_in_order(item: tuple[Path, int]) -> int:
            return derive("order", self.name, composed(str(item[0].relative_to(place))))

        return sorted(found.files, key=place_in_order)

    def _num_val(self, num_train: int) -> int:
        """How many of so many training images are cut off for validation: a tenth."""
        num_val = min(MAX_VAL, num_train // 10)
        if not num_val:
            raise self._none_for_validation(num_train)
        return num_val

    def _none_for_validation(self, num_train: int) -> ValueError:
        return ValueError(
            f"Task {self.name!r}: {self.folder} has no folder val, and of its {num_train} training "
            f"images a tenth leaves none for validation; add val/<class>/<image>, or training "
            f"images."
        )

    @cached_property
    def _cut(self) -> dict[str, list[tuple[Path, int]]]:
        """Train and val out of one folder; all images are decoded, to keep equal ones together.

        Raises:
            ValueError: nothing is left for val.
        """
        files = self._files("train")
        num_val = self._num_val(len(files))
        rows = FolderRows(self.name, self.folder, files)
        hashes = [pixel_hash(image) for _, image in rows.read(np.arange(len(files)))]
        self._say_repeats(hashes, rows)
        chosen = cut_together(hashes, rows.labels.tolist(), num_val)
        if not chosen:
            raise self._none_for_validation(len(files))
        parts = {"train": [], "val": []}
        for row, item in enumerate(files):
            parts["val" if row in chosen else "train"].append(item)
        return parts

    def _say_repeats(self, hashes: list[bytes], rows: FolderRows) -> None:
        first = {}
        for row, each in enumerate(hashes):
            if first.setdefault(each, row) != row:
                num_more = len(hashes) - len(set(hashes))
                say_once(
                    f"Task {self.name!r}: {num_more} images in {self.folders['train']} repeat "
                    f"others, pixel for pixel ({rows.name(row)} is {rows.name(first[each])}); "
                    f"where validation is cut off, equal images stay together."
                )
                return

    def _is_cut(self, split: str) -> bool:
        return split != "test" and "val" not in self.folders

    def count(self, split: str) -> int:
        """The number of images of a `split`, to the few that repeat; decodes nothing."""
        if not self._is_cut(split):
            return len(self._files(split))
        num_train = len(self._files("train"))
        num_val = self._num_val(num_train)
        return num_val if split == "val" else num_train - num_val

    def open(self, split: str) -> Split:
        """The images of a `split`, decoded one at a time when they are read.

        Raises:
            ValueError: there are none.
        """
        return self._opened(split, self._cut[split] if self._is_cut(split) else self._files(split))

    def _opened(self, split: str, files: list[tuple[Path, int]]) -> Split:
        rows = FolderRows(self.name, self.folder, files)
        return Split(self.name, split, rows, np.arange(len(files)))

    def checked(self, split: str, limit: int | None = None, max_leaks: int = 0) -> Split:
        """The first `limit` images of a `split`, none of which is a training image.

        Args:
            split: train, val or test.
            limit: number of images; None: all.
            max_leaks: number of images that may be in the training folder too.

        Raises:
            ValueError: more of them are, pixel for pixel; it names two files.
        """
        opened = self.open(split)
        opened = replace(opened, order=opened.order[:limit])
        if split == "test" or (split == "val" and "val" in self.folders):
            train = named_hashes(self._opened("train", self._files("train")))
            here = self.folders[split].name
            first = self.folders["train"].name
            require_disjoint(train, named_hashes(opened), self.name, here, first, allowed=max_leaks)
        return opened

    def load(self, split: str) -> Images:
        """Decoded images of a `split`, as squares of `side` pixels.

        Raises:
            ValueError: no images, or a file that cannot be decoded.
        """
        return gather(self.open(split), self.side)
