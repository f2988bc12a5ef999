"""Images of one split in a file that is memory-mapped, not read; images may differ in shape.

The file is a safetensors artefact of kind "images". It holds pixels (flat, uint8), offsets_N (where
an image begins), shapes_N2 (height, width), and one value per image such as labels_N and blocks_N.
A split that was in memory when it was saved is one array `images` [N, H, W, 3] instead;
`open_images` reads both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import overload

import numpy as np

from tangent_bench.store import artefacts

KIND = "images"


class ImageStore:
    """Images by index.

    `images[3]` is one image, uint8 [H, W, 3]; `images[2:5]` and `images[[4, 1]]` are stores.
    """

    def __init__(self, pixels: np.ndarray, offsets_N: np.ndarray, shapes_N2: np.ndarray) -> None:
        self._pixels = pixels
        self._offsets = offsets_N
        self._shapes = shapes_N2

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int | np.integer) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice | np.ndarray) -> ImageStore: ...

    def __getitem__(self, index: int | np.integer | slice | np.ndarray) -> np.ndarray | ImageStore:
        if isinstance(index, int | np.integer):
            return self._image(index)
        return ImageStore(self._pixels, self._offsets[index], self._shapes[index])

    def _image(self, index: int | np.integer) -> np.ndarray:
        height, width = self._shapes[index]
        start = self._offsets[index]
        return self._pixels[start : start + 3 * height * width].reshape(height, width, 3)

    @property
    def is_array(self) -> bool:
        """Whether all images have one shape."""
        return len(np.unique(self._shapes, axis=0)) <= 1

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._image(k) for k in range(len(self)))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """uint8 [N, H, W, 3], in memory.

        Raises:
            ValueError: the images have different shapes.
        """
        if not self.is_array:
            raise ValueError(
                "Images of different shapes are no array; only training images may be of "
                "different shapes."
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
    """Write images one at a time, in any order; returns the digest of the file's content.

    Args:
        path: destination; the file gets this name when it is complete.
        images: pairs (position, uint8 [H, W, 3]); sizes may differ.
        number: number of images; every position below it must come once.
        of_each: arrays int64 [N], such as labels and blocks.
        about: facts for the file's metadata.

    Raises:
        ValueError: a position is missing or comes twice.
    """
    offsets = np.full(number, -1, dtype=np.int64)
    shapes = np.zeros((number, 2), dtype=np.int64)
    end = 0
    with artefacts.writing(path, KIND, "pixels", about) as file:
        for position, image in images:
            if not 0 <= position < number or offsets[position] >= 0:
                raise ValueError(
                    f"{path}: image {position} of {number} came twice or does not belong to it."
                )
            offsets[position] = end
            shapes[position] = image.shape[:2]
            end += file.append(image)
        _require_complete(path, offsets)
        return file.finish({"offsets": offsets, "shapes": shapes, **of_each})


def _require_complete(path: str | Path, offsets_N: np.ndarray) -> None:
    """Raise ValueError if an image has no offset."""
    num_missing = int((offsets_N < 0).sum())
    if num_missing:
        raise ValueError(
            f"{path}: {num_missing} of {len(offsets_N)} images did not come; is the source "
            f"complete?"
        )


def open_images(
    path: str | Path,
) -> tuple[ImageStore | np.ndarray, dict[str, np.ndarray], dict]:
    """The images of a file at `path`, the arrays of one value per image, and the facts.

    The file is checked against its digest, but not read into memory.

    Raises:
        ValueError: the file is missing, of another kind, or damaged.
    """
    tensors, about = artefacts.mapped(path, KIND)
    if "images" in tensors:
        return tensors.pop("images"), tensors, about
    pixels = tensors.pop("pixels")
    offsets = tensors.pop("offsets")
    shapes = tensors.pop("shapes")
    return ImageStore(pixels, offsets, shapes), tensors, about
