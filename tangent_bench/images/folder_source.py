"""Images in ImageFolder layout, <folder>/<split>/<class>/<image>."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tangent_bench.images.class_folders import (
    class_folders,
    listing,
    require_no_empty_class,
    say_others,
    split_folder,
)
from tangent_bench.images.decoding import decode
from tangent_bench.images.stored import Rows, plain
from tangent_bench.images.task import Task

if TYPE_CHECKING:
    from tangent_bench.images.origin import Origin


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

    def name(self, row: int) -> str:
        """The file of a row."""
        return str(self.files[row])


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
    """The folder of each split that `folder` holds, as `origin` names them.

    Raises:
        ValueError: two folders may be the same split.
    """
    folders = {}
    for name in reversed(origin.test_folders):  # the first that exists counts
        path = split_folder(folder, name)
        if path and class_folders(path):
            folders["test"] = path
    for split in ("train", "val"):
        path = split_folder(folder, split)
        if path and class_folders(path) and path != folders.get("test"):
            folders[split] = path
    return folders


class FolderSource:
    """A local folder in ImageFolder layout."""

    revision = None

    def __init__(self, name: str, task: Task, origin: Origin, folder: Path) -> None:
        self.name = name
        self.task = task
        self.origin = origin
        self.folder = folder
        self.place = str(folder)
        self.folders = split_folders(folder, origin)

    def has(self, split: str) -> bool:
        """Whether the `split` is stored."""
        return split in self.folders

    def rows(self, split: str) -> Rows:
        """The images of a stored `split`, in the order of torchvision's ImageFolder.

        Raises:
            ValueError: class folders that are not those of the task, or without any image.
        """
        folder = self.folders[split]
        labels = folder_labels(class_folders(folder), self.name, self.task, self.origin, folder)
        found = listing(folder, labels)
        say_others(self.name, folder, found)
        if found.files and not self.origin.counts:  # which tell of subsets
            require_no_empty_class(self.name, folder, labels, found)
        return FolderRows(self.name, folder, found.files, self.origin.turn)
