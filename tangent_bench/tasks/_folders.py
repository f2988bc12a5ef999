"""A user's own images as a task: a folder in ImageFolder layout, <folder>/<split>/<class>/<image>.

Without val/, a tenth of train (at most 5,000, the same images on every machine) is cut off for it, as the paper does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from tangent_bench.seeds import derive
from tangent_bench.tasks import Images, Task

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
MAX_VAL = 5000


class FolderTask:
    """A task from a config entry: `folder` and `templates`; `class_names` default to the folder names.

    All images take the shorter side and the centre square of `side` pixels (bicubic), RGB.
    """

    def __init__(self, name: str, entry: Mapping, side: int = 32) -> None:
        """Raises ValueError if the folder, its splits or its classes are not as the layout says."""
        self.name, self.folder, self.side = name, Path(entry["folder"]), side
        self.classes = self._classes()
        names = tuple(entry.get("class_names") or (c.replace("_", " ") for c in self.classes))
        if len(names) != len(self.classes):
            raise ValueError(
                f"Task {name!r}: {len(names)} class_names for {len(self.classes)} class folders in {self.folder}; give one each."
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
        for split in ("train", "test"):
            if not (self.folder / split).is_dir():
                raise ValueError(
                    f"Task {self.name!r}: {self.folder / split} is no folder; expected {self.folder}/{{train,test}}/<class>/<image>."
                )
        classes = sorted(p.name for p in (self.folder / "train").iterdir() if p.is_dir())
        other = sorted(p.name for p in (self.folder / "test").iterdir() if p.is_dir())
        if classes != other or len(classes) < 2:
            raise ValueError(
                f"Task {self.name!r}: class folders of train ({len(classes)}) and test ({len(other)}) differ or are fewer than two."
            )
        return classes

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
                image = image.convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(
                f"Task {self.name!r}: {file} cannot be read as an image ({error}); repair or remove it."
            ) from None
        width, height = image.size
        edge = min(width, height)
        box = ((width - edge) // 2, (height - edge) // 2, (width + edge) // 2, (height + edge) // 2)
        return np.asarray(image.resize((self.side, self.side), Image.BICUBIC, box=box))
