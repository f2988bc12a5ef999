"""Checks that every split passes, whatever its source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Set

import numpy as np
from PIL import Image

from tangent_bench.images.stored import Split
from tangent_bench.images.task import Images

AnyImages = Images | Split | Iterable[np.ndarray | Image.Image]


def limited(images: Images, limit: int | None, task: str, split: str) -> Images:
    """The first `limit` of the `images` of a `split` of a `task` (all, if None).

    Raises:
        ValueError: the split is empty, or its arrays have different lengths.
    """
    if len(images.images) == 0:
        raise ValueError(
            f"Task {task!r} has an empty split {split!r}; check its source, or "
            f"data.max_{split} in the config."
        )
    if not len(images.images) == len(images.labels) == len(images.blocks):
        raise ValueError(
            f"Task {task!r}, split {split!r}: images, labels and blocks have different lengths."
        )
    return images if limit is None else Images(*(part[:limit] for part in images))


def pixel_hash(image: np.ndarray | Image.Image) -> bytes:
    """SHA-256 of height, width and decoded pixels; it does not depend on how the file encodes them.

    Two files of one picture have the same hash.
    """
    pixels = np.ascontiguousarray(image, dtype=np.uint8)
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()


def _decoded(images: AnyImages) -> Iterator[np.ndarray | Image.Image]:
    """One image after the other."""
    if isinstance(images, Images):
        yield from images.images
    elif isinstance(images, Split):
        for _, image in images.stream():
            yield image
    else:
        yield from images


def image_hashes(images: AnyImages) -> Set[bytes]:
    """`pixel_hash` of every image, with one image in memory at a time."""
    return {pixel_hash(image) for image in _decoded(images)}


def require_disjoint(
    train: Set[bytes],
    other: Set[bytes],
    task: str,
    split: str,
    first: str = "train",
    allowed: int = 0,
) -> int:
    """Number of images of one split that another split has too, pixel for pixel.

    Args:
        train: `pixel_hash` of the training images, or of those of the split `first`.
        other: `pixel_hash` of the images of `split`.
        task: name of the task, for the error.
        split: name of the split of `other`.
        first: name of the split of `train`.
        allowed: number of shared images that a data set repeats as it was published.

    Raises:
        ValueError: the two share more than `allowed` images.
    """
    shared = len(train & other)
    if shared > allowed:
        raise ValueError(
            f"Task {task!r}: {shared} images of {split!r} are also in {first!r}, pixel for pixel; "
            f"remove them from one of the two."
        )
    return shared
