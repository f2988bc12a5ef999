"""What every split must satisfy, whoever made it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set

import numpy as np
from PIL import Image

from tangent_bench.images.stored import Split
from tangent_bench.images.task import Images

Pictures = Images | Split | Iterable[np.ndarray | Image.Image] | Set[bytes]


def limited(images: Images, limit: int | None, task: str, split: str) -> Images:
    """The first `limit` images (all, if None).

    Raises:
        ValueError: the split is empty, or its arrays do not belong together.
    """
    if len(images.images) == 0:
        raise ValueError(
            f"Task {task!r} has an empty split {split!r}; check its source, or data.max_{split} in the config."
        )
    if not len(images.images) == len(images.labels) == len(images.blocks):
        raise ValueError(
            f"Task {task!r}, split {split!r}: images, labels and blocks have different lengths."
        )
    return images if limit is None else Images(*(part[:limit] for part in images))


def pixel_hash(image: np.ndarray | Image.Image) -> bytes:
    """sha256 of height, width and decoded pixels: two files of one picture are the same picture."""
    pixels = np.ascontiguousarray(image, dtype=np.uint8)
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()


def image_hashes(pictures: Pictures) -> Set[bytes]:
    """`pixel_hash` of every image, one image in memory at a time; hashes are passed through."""
    if isinstance(pictures, Set):
        return pictures
    if isinstance(pictures, Images):
        pictures = pictures.images
    elif isinstance(pictures, Split):
        pictures = (image for _, image in pictures.stream())
    return {pixel_hash(image) for image in pictures}


def require_disjoint(
    train: Pictures, other: Pictures, task: str, split: str, first: str = "train", allowed: int = 0
) -> int:
    """The number of pictures of `other` that are also, pixel for pixel, in the training split (or that named `first`).

    Either may be images in memory, an opened split, an iterable of images, or their hashes. `allowed` is for data
    sets that repeat pictures as they were published.

    Raises:
        ValueError: more than `allowed` leaked.
    """
    shared = len(image_hashes(train) & image_hashes(other))
    if shared > allowed:
        raise ValueError(
            f"Task {task!r}: {shared} images of {split!r} are also in {first!r}, pixel for pixel; remove them "
            f"from one of the two."
        )
    return shared
