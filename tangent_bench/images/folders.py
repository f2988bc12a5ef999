"""A user's folder in ImageFolder layout, <folder>/<split>/<class>/<image>, as a task."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from tangent_bench.images import names
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
from tangent_bench.images.own_task import OwnTask
from tangent_bench.images.task import SIDE, SPLITS, Task
from tangent_bench.seeds import derive

__all__ = ["FolderTask", "image_files"]


class FolderTask(OwnTask):
    """A task from a config entry with `folder` and `templates`.

    `class_names` default to the folder names. All images are turned as their EXIF says; their
    centre square becomes `side` pixels wide (bicubic; the entry's `side`, else 32), RGB.
    """

    lacks_val = "no folder val"
    val_wanted = "add val/<class>/<image>"

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
                    f"{self.folder}/{{train,test}}/<class>/<image>, or files in the format of "
                    f"MNIST's, as train-images-idx3-ubyte."
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

    @property
    def stored(self) -> Collection[str]:
        """The splits that have a folder."""
        return self.folders

    def place(self, split: str) -> Path:
        """The folder of a `split`."""
        return self.folders[split]

    def rows(self, split: str) -> FolderRows:
        """The files of a `split`; raises as `OwnTask.rows`."""
        return FolderRows(self.name, self.folder, self._files(split))

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
