"""A user's folder of idx files, <split>-images-idx3-ubyte and <split>-labels-idx1-ubyte, as a task.

The names are those of MNIST, Fashion-MNIST and KMNIST, whose test split is called t10k. A file may
be packed by gzip (.gz); beside its unpacked twin a packed one is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from tangent_bench.images import idx_files, names
from tangent_bench.images.class_folders import SPLIT_WORDS
from tangent_bench.images.own_task import OwnTask
from tangent_bench.images.task import SIDE, SPLITS, Task
from tangent_bench.seeds import derive

_NAME = re.compile(r"([a-z0-9]+)-(images[-.]idx3|labels[-.]idx1)-ubyte(\.gz)?", re.IGNORECASE)
_TEST = "t10k"


def is_idx_folder(folder: Path) -> bool:
    """Whether there is an idx file in a folder, by its name."""
    return folder.is_dir() and any(_NAME.fullmatch(path.name) for path in folder.iterdir())


def _split_of(word: str) -> str | None:
    """The split that the first word of a file's name stands for."""
    for split, words in SPLIT_WORDS.items():
        if word.lower() in words:
            return split
    return "test" if word.lower() == _TEST else None


class IdxRows:
    """The images and labels of one split, as `stored.Rows`, in an order by hash.

    The labels are read at once, the images when one of them is asked for.
    """

    names = None

    def __init__(self, task: str, images: Path, labels: Path, num_classes: int) -> None:
        """Raises ValueError if the two files do not belong together, or not to the task."""
        self.task = task
        self.images = images
        self.place = str(images)
        self._what = f"Task {task!r}"
        stored = idx_files.read(labels, 1, self._what)
        self._require_whole(stored, labels, num_classes)
        # Stored in any order, perhaps by class; a hash shuffles it, the same everywhere.
        order = sorted(range(len(stored)), key=lambda number: derive("order", task, number))
        self._order = np.array(order, dtype=np.int64)
        self.labels = stored[self._order].astype(np.int64)

    def _require_whole(self, stored: np.ndarray, labels: Path, num_classes: int) -> None:
        number, height, width = idx_files.shape(self.images, 3, self._what)
        if number != len(stored):
            raise ValueError(
                f"{self._what}: {self.images} has {number:,} images, but {labels} has "
                f"{len(stored):,} labels; download both again."
            )
        if not number * height * width:
            raise ValueError(
                f"{self._what}: {self.images} is empty ({number:,} images of {height} × {width} "
                f"pixels); give one that has images."
            )
        present = set(np.unique(stored).tolist())
        if max(present) >= num_classes:
            raise ValueError(
                f"{self._what}: {labels} has the label {max(present)}, but there are {num_classes} "
                f"class_names, for the labels 0 to {num_classes - 1}; give one for each label."
            )
        absent = sorted(set(range(num_classes)) - present)
        if absent:
            raise ValueError(
                f"{self._what}: {labels} never has the label {absent[0]}, one of {len(absent)} "
                f"such; every class needs images in every split: give class_names for the labels "
                f"that there are."
            )

    @cached_property
    def _pixels_NHW(self) -> np.ndarray:
        return idx_files.read(self.images, 3, self._what)

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) in the order of `rows`.

        Raises:
            ValueError: the file of images is damaged.
        """
        for row in rows.tolist():
            yield row, Image.fromarray(self._pixels_NHW[self._order[row]]).convert("RGB")

    def name(self, row: int) -> str:
        """Number of the image in its file, from 0, and the file."""
        return f"image {self._order[row]} of {self.images}"


class IdxTask(OwnTask):
    """A task from a config entry with `folder`, `class_names` and `templates`.

    `class_names` are in the order of the labels. The grey images become `side` pixels wide
    (bicubic; the entry's `side`, else 32), RGB.
    """

    lacks_val = "no val-images-idx3-ubyte"
    val_wanted = "add it, with val-labels-idx1-ubyte"

    def __init__(self, name: str, entry: Mapping) -> None:
        """Raises ValueError if a file is missing or named twice, or there are no class names."""
        self.name = name
        self.folder = Path(entry["folder"])
        self.side = entry.get("side", SIDE)
        self.files = self._files()
        self.TASK = Task(
            title=entry.get("title", name),
            class_names=self._class_names(entry),
            templates=tuple(entry["templates"]),
            kind="real",
            source=entry.get("source", f"idx files of {self.folder.name}"),
            licence=entry.get("licence", "not stated"),
        )
        self._opened: dict[str, IdxRows] = {}

    def _class_names(self, entry: Mapping) -> tuple[str, ...]:
        given = tuple(entry.get("class_names") or ())
        if not given:
            raise ValueError(
                f"Task {self.name!r}: {self.folder} has idx files, which hold no class names; give "
                f"class_names, in the order of the labels."
            )
        names.require_distinct(self.name, str(self.folder), given)
        return given

    def _files(self) -> dict[str, tuple[Path, Path]]:
        """The files of images and of labels of each split; only val may be missing."""
        found: dict[tuple[str, str], list[Path]] = {}
        for path in sorted(self.folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            split = _split_of(match[1]) if match else None
            is_twin = path.suffix.lower() == ".gz" and path.with_suffix("").exists()
            if match and split and not is_twin:
                found.setdefault((split, match[2][:6].lower()), []).append(path)
        files = {}
        for split in SPLITS:
            if split != "val" or (split, "images") in found or (split, "labels") in found:
                files[split] = (
                    self._only(split, "images", found),
                    self._only(split, "labels", found),
                )
        return files

    def _only(self, split: str, kind: str, found: Mapping[tuple[str, str], list[Path]]) -> Path:
        """The one file of a kind and split."""
        paths = found.get((split, kind), [])
        if len(paths) == 1:
            return paths[0]
        if paths:
            raise ValueError(
                f"Task {self.name!r}: {paths[0]} and {paths[1].name} both may hold the {kind} of "
                f"{split!r}; keep or rename one of them."
            )
        word = _TEST if split == "test" else split
        ending = "idx3-ubyte" if kind == "images" else "idx1-ubyte"
        raise ValueError(
            f"Task {self.name!r}: {self.folder} has idx files, but none for the {kind} of "
            f"{split!r}; expected {word}-{kind}-{ending}, or the same with .gz."
        )

    @property
    def stored(self) -> Collection[str]:
        """The splits that have files."""
        return self.files

    def place(self, split: str) -> Path:
        """The images of a `split`."""
        return self.files[split][0]

    def rows(self, split: str) -> IdxRows:
        """The images of a `split`, opened once; raises as `OwnTask.rows`."""
        if split not in self._opened:
            images, labels = self.files[split]
            num_classes = len(self.TASK.class_names)
            self._opened[split] = IdxRows(self.name, images, labels, num_classes)
        return self._opened[split]
