"""Images in ImageFolder layout, <folder>/<split>/<class>/<image>, and such a folder of the user's as a task.

Without val/, a tenth of train (at most 5,000, the same images on every machine) is cut off for it, as the paper does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tangent_bench.images.stored import MAX_VAL, Rows, Split, decode, gather, plain, square
from tangent_bench.seeds import derive
from tangent_bench.images.task import SIDE, SPLITS, Images, Task

if TYPE_CHECKING:
    from tangent_bench.images.origin import Origin

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def class_folders(folder: Path) -> list[str]:
    """Names of the folders in `folder`, sorted; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


class FolderRows:
    """Image files with labels, as rows (`_stored.Rows`)."""

    names = None

    def __init__(
        self, task: str, place: Path, files: list[tuple[Path, int]], turn: bool = True
    ) -> None:
        self.task, self.place, self.files, self.turn = (
            task,
            str(place),
            [file for file, _ in files],
            turn,
        )
        self.labels = np.array([label for _, label in files], dtype=np.int64)

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image), in the order asked for.

        Raises:
            ValueError: a file cannot be decoded.
        """
        for row in rows.tolist():
            yield row, decode(self.files[row], f"Task {self.task!r}: {self.files[row]}", self.turn)


def image_files(folder: Path, labels: Mapping[str, int]) -> list[tuple[Path, int]]:
    """Files and labels below the class folders `labels`, in the order of torchvision's ImageFolder."""
    return [
        (Path(where) / name, labels[class_folder])
        for class_folder in sorted(labels)
        for where, _, names in sorted(_folders_below(folder / class_folder))
        for name in sorted(names)
        if name.lower().endswith(SUFFIXES)
    ]


def _folders_below(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk` with links, each folder once: a link to a folder above it would give every image forty times."""
    seen = set()
    for where, inner, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(where)) in seen:
            inner.clear()
            continue
        seen.add(real)
        yield where, inner, names


def folder_labels(
    found: list[str], name: str, task: Task, origin: Origin, place: Path
) -> dict[str, int]:
    """The label of each class folder, by its name, or by its place in the alphabet if the names cannot be known.

    Raises:
        ValueError: too many, too few, or folders of other names.
    """
    num = len(task.class_names)
    if len(found) != num:
        raise ValueError(
            f"Task {name!r}: {place} has {len(found)} class folders, expected {num}, one for each class."
        )
    if origin.agreement < 1:  # wnids: their alphabetical order is that of the labels
        return {folder: label for label, folder in enumerate(found)}
    known = {plain(n): label for label, n in enumerate(task.class_names)}
    known |= {plain(n): label for label, n in enumerate(origin.folder_names or ())}
    odd = [folder for folder in found if plain(folder) not in known]
    if odd or len({known[plain(folder)] for folder in found}) != num:
        raise ValueError(
            f"Task {name!r}: {place} has class folders that are no class of it: {', '.join(odd[:3]) or 'one twice'}; "
            f"name them as {(origin.folder_names or task.class_names)[0]!r}."
        )
    return {folder: known[plain(folder)] for folder in found}


class FolderSource:
    """A local folder in ImageFolder layout."""

    revision = None

    def __init__(self, name: str, task: Task, origin: Origin, folder: Path) -> None:
        self.name, self.task, self.origin, self.place = name, task, origin, str(folder)
        test = next(
            (folder / each for each in origin.test_folders if class_folders(folder / each)), None
        )
        found = {"train": folder / "train", "val": folder / "val", "test": test}
        self.folders = {
            split: path
            for split, path in found.items()
            if path is not None and class_folders(path) and (split == "test" or path != test)
        }

    def has(self, split: str) -> bool:
        """Whether the split is stored."""
        return split in self.folders

    def rows(self, split: str) -> Rows:
        """The images of a stored split, in the order of torchvision's ImageFolder."""
        folder = self.folders[split]
        labels = folder_labels(class_folders(folder), self.name, self.task, self.origin, folder)
        return FolderRows(self.name, folder, image_files(folder, labels), self.origin.turn)


class FolderTask:
    """A task from a config entry: `folder` and `templates`; `class_names` default to the folder names.

    All images are turned as their EXIF says; their centre square becomes `side` pixels wide (bicubic; the entry's
    `side`, else 32), RGB.
    """

    def __init__(self, name: str, entry: Mapping) -> None:
        """Raises ValueError if the folder, its splits or its classes are not as the layout says."""
        self.name, self.folder, self.side = name, Path(entry["folder"]), entry.get("side", SIDE)
        self.classes = self._classes()
        names = tuple(entry.get("class_names") or (c.replace("_", " ") for c in self.classes))
        if len(names) != len(self.classes):
            raise ValueError(
                f"Task {name!r}: {len(names)} class_names for {len(self.classes)} class folders in {self.folder}; "
                f"give one each."
            )
        self.TASK = Task(
            title=entry.get("title", name),
            class_names=names,
            templates=tuple(entry["templates"]),
            kind="real",
            source=entry.get("source", f"folder {self.folder.name}"),
            licence=entry.get("licence", "not stated"),
        )

    def _classes(self) -> list[str]:
        """Names of the class folders, the same in every split."""
        classes = {
            split: set(class_folders(self.folder / split)) for split in SPLITS if self._has(split)
        }
        train = classes["train"]
        for split, found in classes.items():
            if found != train:
                odd = ", ".join(sorted(train ^ found))
                raise ValueError(
                    f"Task {self.name!r}: class folders of train ({len(train)}) and {split} ({len(found)}) in "
                    f"{self.folder} differ: {odd}; give every split the same ones."
                )
        if odd := sorted(name for name in train if not name.isprintable()):
            raise ValueError(
                f"Task {self.name!r}: {self.folder} has a class folder {odd[0]!r}, whose name is no text of one line; "
                "rename it."
            )
        if len(train) < 2:
            raise ValueError(
                f"Task {self.name!r}: {self.folder} has {len(train)} class folders; at least two are needed."
            )
        return sorted(train)

    def _has(self, split: str) -> bool:
        """Whether there is a folder of that split; only val may be missing."""
        found = (self.folder / split).is_dir()
        if not found and split != "val":
            raise ValueError(
                f"Task {self.name!r}: {self.folder / split} is no folder; expected "
                f"{self.folder}/{{train,test}}/<class>/<image>."
            )
        return found

    def _files(self, split: str) -> list[tuple[Path, int]]:
        has_val = (self.folder / "val").is_dir()
        place = self.folder / (split if split != "val" or has_val else "train")
        found = image_files(place, {name: label for label, name in enumerate(self.classes)})
        # An order by hash: shuffled, yet the same everywhere and stable when files are added.
        found.sort(key=lambda item: derive("order", self.name, item[0].relative_to(place)))
        if has_val or split == "test":
            return found
        num_val = min(MAX_VAL, len(found) // 10)
        return found[:num_val] if split == "val" else found[num_val:]

    def open(self, split: str) -> Split:
        """The images of a split, to be decoded one at a time.

        Raises:
            ValueError: there are none.
        """
        files = self._files(split)
        if not files:
            raise ValueError(
                f"Task {self.name!r}: split {split!r} in {self.folder} is empty; put images into its class folders."
            )
        return Split(
            self.name, split, FolderRows(self.name, self.folder, files), np.arange(len(files))
        )

    def load(self, split: str) -> Images:
        """Decoded images of a split, as squares of `side` pixels.

        Raises:
            ValueError: no images, or a file that cannot be decoded.
        """
        return gather(self.open(split), self.side)

    def _read(self, file: Path) -> np.ndarray:
        return square(decode(file, f"Task {self.name!r}: {file}", turn=True), self.side)
