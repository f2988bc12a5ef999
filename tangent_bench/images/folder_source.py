"""Images in ImageFolder layout, <folder>/<split>/<class>/<image>, and a user's folder as a task.

Without val/, a tenth of train is cut off for it, as in the paper: at most 5,000 images, the same on
every machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tangent_bench.images.stored import MAX_VAL, Rows, Split, decode, gather, plain
from tangent_bench.images.task import SIDE, SPLITS, Images, Task
from tangent_bench.seeds import derive

if TYPE_CHECKING:
    from tangent_bench.images.origin import Origin

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def class_folders(folder: Path) -> list[str]:
    """Sorted names of the folders in `folder`; [] if it does not exist."""
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


class FolderRows:
    """Image files with labels, as `stored.Rows`."""

    names = None

    def __init__(
        self, task: str, place: Path, files: list[tuple[Path, int]], turn: bool = True
    ) -> None:
        self.task = task
        self.place = str(place)
        self.files = [file for file, _ in files]
        self.turn = turn
        self.labels = np.array([label for _, label in files], dtype=np.int64)

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) in the order of `rows`.

        Raises:
            ValueError: a file cannot be decoded.
        """
        for row in rows.tolist():
            yield row, decode(self.files[row], f"Task {self.task!r}: {self.files[row]}", self.turn)


def image_files(folder: Path, labels: Mapping[str, int]) -> list[tuple[Path, int]]:
    """Files and `labels` below class folders of `folder`, in torchvision's ImageFolder order."""
    files = []
    for class_folder in sorted(labels):
        for parent, _, names in sorted(_folders_below(folder / class_folder)):
            for name in sorted(names):
                if name.lower().endswith(SUFFIXES):
                    files.append((Path(parent) / name, labels[class_folder]))
    return files


def _folders_below(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk` with links, but each folder once.

    A link to a folder above itself would otherwise give every image forty times.
    """
    seen = set()
    for parent, inner, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        yield parent, inner, names


def folder_labels(
    folders: list[str], name: str, task: Task, origin: Origin, place: Path
) -> dict[str, int]:
    """The label of each class folder, by its name or, without known names, by alphabetical order.

    Args:
        folders: sorted names of the class folders.
        name: name of the task.
        task: its class names.
        origin: its other names of classes.
        place: where the folders are, for the error.

    Raises:
        ValueError: too many, too few, or folders of other names.
    """
    num = len(task.class_names)
    if len(folders) != num:
        raise ValueError(
            f"Task {name!r}: {place} has {len(folders)} class folders, expected {num}, one for "
            f"each class."
        )
    if origin.agreement < 1:  # wnids: their alphabetical order is that of the labels
        return {folder: label for label, folder in enumerate(folders)}
    known = {plain(n): label for label, n in enumerate(task.class_names)}
    known |= {plain(n): label for label, n in enumerate(origin.folder_names or ())}
    unknown = [folder for folder in folders if plain(folder) not in known]
    if unknown or len({known[plain(folder)] for folder in folders}) != num:
        raise ValueError(
            f"Task {name!r}: {place} has class folders that are no class of it: "
            f"{', '.join(unknown[:3]) or 'one twice'}; "
            f"name them as {(origin.folder_names or task.class_names)[0]!r}."
        )
    return {folder: known[plain(folder)] for folder in folders}


def split_folders(folder: Path, origin: Origin) -> dict[str, Path]:
    """The folder of each split that `folder` holds, as `origin` names them."""
    folders = {}
    for name in reversed(origin.test_folders):  # the first that exists counts
        if class_folders(folder / name):
            folders["test"] = folder / name
    for split in ("train", "val"):
        path = folder / split
        if class_folders(path) and path != folders.get("test"):
            folders[split] = path
    return folders


class FolderSource:
    """A local folder in ImageFolder layout."""

    revision = None

    def __init__(self, name: str, task: Task, origin: Origin, folder: Path) -> None:
        self.name = name
        self.task = task
        self.origin = origin
        self.place = str(folder)
        self.folders = split_folders(folder, origin)

    def has(self, split: str) -> bool:
        """Whether the `split` is stored."""
        return split in self.folders

    def rows(self, split: str) -> Rows:
        """The images of a stored `split`, in the order of torchvision's ImageFolder."""
        folder = self.folders[split]
        labels = folder_labels(class_folders(folder), self.name, self.task, self.origin, folder)
        return FolderRows(self.name, folder, image_files(folder, labels), self.origin.turn)


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
        self.classes = self._classes()
        self.TASK = Task(
            title=entry.get("title", name),
            class_names=self._class_names(entry),
            templates=tuple(entry["templates"]),
            kind="real",
            source=entry.get("source", f"folder {self.folder.name}"),
            licence=entry.get("licence", "not stated"),
        )

    def _class_names(self, entry: Mapping) -> tuple[str, ...]:
        names = tuple(entry.get("class_names") or (c.replace("_", " ") for c in self.classes))
        if len(names) != len(self.classes):
            raise ValueError(
                f"Task {self.name!r}: {len(names)} class_names for {len(self.classes)} class "
                f"folders in {self.folder}; give one each."
            )
        return names

    def _classes(self) -> list[str]:
        """Names of the class folders, the same in every split."""
        splits = [split for split in SPLITS if self._has(split)]
        classes = {split: set(class_folders(self.folder / split)) for split in splits}
        train = classes["train"]
        for split, names in classes.items():
            self._require_equal(train, split, names)
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
        return sorted(train)

    def _require_equal(self, train: set[str], split: str, names: set[str]) -> None:
        """Raise ValueError unless a split has the class folders of train."""
        if names != train:
            raise ValueError(
                f"Task {self.name!r}: class folders of train ({len(train)}) and {split} "
                f"({len(names)}) in {self.folder} differ: {', '.join(sorted(train ^ names))}; "
                f"give every split the same ones."
            )

    def _has(self, split: str) -> bool:
        """Whether the split has a folder; only val may be missing."""
        exists = (self.folder / split).is_dir()
        if not exists and split != "val":
            raise ValueError(
                f"Task {self.name!r}: {self.folder / split} is no folder; expected "
                f"{self.folder}/{{train,test}}/<class>/<image>."
            )
        return exists

    def _files(self, split: str) -> list[tuple[Path, int]]:
        has_val = (self.folder / "val").is_dir()
        place = self.folder / (split if split != "val" or has_val else "train")
        files = image_files(place, {name: label for label, name in enumerate(self.classes)})
        # An order by hash is shuffled, the same everywhere, and stable when files are added.
        files.sort(key=lambda item: derive("order", self.name, item[0].relative_to(place)))
        if has_val or split == "test":
            return files
        num_val = min(MAX_VAL, len(files) // 10)
        return files[:num_val] if split == "val" else files[num_val:]

    def open(self, split: str) -> Split:
        """The images of a `split`, decoded one at a time when they are read.

        Raises:
            ValueError: there are none.
        """
        files = self._files(split)
        if not files:
            raise ValueError(
                f"Task {self.name!r}: split {split!r} in {self.folder} is empty; put images into "
                f"its class folders."
            )
        rows = FolderRows(self.name, self.folder, files)
        return Split(self.name, split, rows, np.arange(len(files)))

    def load(self, split: str) -> Images:
        """Decoded images of a `split`, as squares of `side` pixels.

        Raises:
            ValueError: no images, or a file that cannot be decoded.
        """
        return gather(self.open(split), self.side)
