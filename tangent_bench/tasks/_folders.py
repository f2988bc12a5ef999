"""A user's own images as a task: a folder in ImageFolder layout, <folder>/<split>/<class>/<image>.

Without val/, a tenth of train (at most 5,000, the same images on every machine) is cut off for it, as the paper does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tangent_bench.seeds import derive
from tangent_bench.tasks import SIDE, SPLITS, Images, Task

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
MAX_VAL = 5000


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
        classes = {split: self._class_folders(split) for split in SPLITS if self._has(split)}
        train = classes["train"]
        for split, found in classes.items():
            if found != train:
                odd = ", ".join(sorted(train ^ found))
                raise ValueError(
                    f"Task {self.name!r}: class folders of train ({len(train)}) and {split} ({len(found)}) in "
                    f"{self.folder} differ: {odd}; give every split the same ones."
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

    def _class_folders(self, split: str) -> set[str]:
        return {p.name for p in (self.folder / split).iterdir() if p.is_dir() and not p.name.startswith(".")}

    def _files(self, split: str) -> list[tuple[Path, int]]:
        has_val = (self.folder / "val").is_dir()
        place = split if split != "val" or has_val else "train"
        found = [
            (file, label)
            for label, name in enumerate(self.classes)
            for file in sorted((self.folder / place / name).glob("*"))
            if file.suffix.lower() in SUFFIXES
        ]
        # An order by hash: shuffled, yet the same everywhere and stable when files are added.
        found.sort(key=lambda item: derive("order", self.name, item[0].relative_to(self.folder / place)))
        if has_val or place == "test":
            return found
        num_val = min(MAX_VAL, len(found) // 10)
        return found[:num_val] if split == "val" else found[num_val:]

    def load(self, split: str) -> Images:
        """Decoded images of a split.

        Raises:
            ValueError: no images, or a file that cannot be decoded.
        """
        files = self._files(split)
        if not files:
            raise ValueError(
                f"Task {self.name!r}: split {split!r} in {self.folder} is empty; put images into its class folders."
            )
        images = np.stack([self._read(file) for file, _ in files])
        return Images(
            images, np.array([label for _, label in files], dtype=np.int64), np.arange(len(files), dtype=np.int64)
        )

    def _read(self, file: Path) -> np.ndarray:
        try:
            with Image.open(file) as image:
                image = ImageOps.exif_transpose(image).convert("RGB")
        except Exception as error:  # by format and damage, Pillow raises many kinds
            raise ValueError(
                f"Task {self.name!r}: {file} cannot be read as an image ({error}); repair or remove it."
            ) from None
        width, height = image.size
        edge = min(width, height)
        box = ((width - edge) // 2, (height - edge) // 2, (width + edge) // 2, (height + edge) // 2)
        return np.asarray(image.resize((self.side, self.side), Image.BICUBIC, box=box))
