"""Images of a split in one file that is mapped, not read: bytes one image after the other, whatever their shapes.

The file is safetensors as all artefacts, kind "images": pixels (flat, uint8), offsets_N (where an image begins),
shapes_N2 (height, width), and what belongs to each image (labels_N, blocks_N). A split that is in memory already is an
array `images` [N, H, W, 3] instead; `open_images` gives both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from tangent_bench.store import artefacts

KIND = "images"


class Store:
    """Images by index: `store[3]` is one, uint8 [H, W, 3]; `store[2:5]` and `store[[4, 1]]` are stores."""

    def __init__(self, pixels: np.ndarray, offsets_N: np.ndarray, shapes_N2: np.ndarray) -> None:
        self._pixels, self._offsets, self._shapes = pixels, offsets_N, shapes_N2

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, which: int | slice | np.ndarray):
        if isinstance(which, int | np.integer):
            (height, width), start = self._shapes[which], self._offsets[which]
            return self._pixels[start : start + 3 * height * width].reshape(height, width, 3)
        return Store(self._pixels, self._offsets[which], self._shapes[which])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[k] for k in range(len(self)))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """uint8 [N, H, W, 3], in memory.

        Raises:
            ValueError: the images have different shapes.
        """
        if len(np.unique(self._shapes, axis=0)) > 1:
            raise ValueError(
                "Images of different shapes are no array; only training images may be of different shapes."
            )
        return np.stack(list(self)) if len(self) else np.empty((0, 1, 1, 3), np.uint8)


def save(
    path: str | Path,
    images: Iterable[tuple[int, np.ndarray]],
    number: int,
    of_each: Mapping[str, np.ndarray],
    /,
    **about,
) -> str:
    """Write (position, uint8 [H, W, 3]) pairs as they come, in any order, one at a time; returns the digest.

    Args:
        path: where to; it takes its name when all is written.
        images: of any sizes.
        number: of images; every position below it must come once.
        of_each: int64 [N] each, such as labels and blocks.
        about: facts for the file's metadata.

    Raises:
        ValueError: a position is missing or comes twice.
    """
    offsets, shapes, end = (
        np.full(number, -1, dtype=np.int64),
        np.zeros((number, 2), dtype=np.int64),
        0,
    )
    with artefacts.writing(path, KIND, "pixels", about) as file:
        for position, image in images:
            if not 0 <= position < number or offsets[position] >= 0:
                raise ValueError(
                    f"{path}: image {position} of {number} came twice or does not belong to it."
                )
            offsets[position], shapes[position] = end, image.shape[:2]
            end += file.append(image)
        if (missing := int((offsets < 0).sum())) > 0:
            raise ValueError(
                f"{path}: {missing} of {number} images did not come; is the source complete?"
            )
        return file.finish({"offsets": offsets, "shapes": shapes, **of_each})


def open_images(path: str | Path) -> tuple[Store | np.ndarray, dict[str, np.ndarray], dict]:
    """The images, what belongs to each of them, and facts; checked against their digest, but not read into memory.

    Raises:
        ValueError: no such file, of another kind, or damaged.
    """
    tensors, about = artefacts.mapped(path, KIND)
    if "images" in tensors:
        images = tensors.pop("images")
        return images, tensors, about
    return (
        Store(tensors.pop("pixels"), tensors.pop("offsets"), tensors.pop("shapes")),
        tensors,
        about,
    )
