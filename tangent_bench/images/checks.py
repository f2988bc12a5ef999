"""Checks that every split passes, whatever its source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Set

import numpy as np
from PIL import Image

from tangent_bench.images.notes import say_once
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


def _decoded(images: AnyImages) -> Iterator[tuple[str, np.ndarray | Image.Image]]:
    """The name of each image, and the image, one after the other."""
    if isinstance(images, Split):
        for position, image in images.stream():
            yield images.name_of(position), image
        return
    for number, image in enumerate(images.images if isinstance(images, Images) else images):
        yield f"image {number}", image


def named_hashes(images: AnyImages) -> dict[bytes, str]:
    """`pixel_hash` → name of every image, with one image in memory at a time.

    Of equal images the last gives the name.
    """
    return {pixel_hash(image): name for name, image in _decoded(images)}


def image_hashes(images: AnyImages) -> Set[bytes]:
    """`pixel_hash` of every image, with one image in memory at a time."""
    return named_hashes(images).keys()


def require_disjoint(
    train: Mapping[bytes, str],
    other: Mapping[bytes, str],
    task: str,
    split: str,
    first: str = "train",
    allowed: int = 0,
) -> int:
    """Number of images of one split that another split has too, pixel for pixel.

    Args:
        train: `named_hashes` of the training images, or of those of the split `first`.
        other: `named_hashes` of the images of `split`.
        task: name of the task, for the error.
        split: name of the split of `other`.
        first: name of the split of `train`.
        allowed: number of shared images that are tolerated, since the data set has them.

    Raises:
        ValueError: the two share more than `allowed` images.
    """
    shared = train.keys() & other.keys()
    if not shared:
        return 0
    one = min(shared, key=other.__getitem__)
    found = (
        f"Task {task!r}: {len(shared)} images of {split!r} are also in {first!r}, pixel for pixel "
        f"({other[one]} is {train[one]})"
    )
    if len(shared) > allowed:
        raise ValueError(
            f"{found}; remove them from one of the two, or let data.max_leaks allow them."
        )
    say_once(f"{found}; {allowed} are allowed.")
    return len(shared)


def say_absent(labels: np.ndarray, class_names: tuple[str, ...], task: str, split: str) -> None:
    """Name the classes of which a split, as it is used, has no image."""
    present = set(np.unique(labels).tolist())
    absent = [name for label, name in enumerate(class_names) if label not in present]
    if absent:
        names = ", ".join(absent[:5]) + (", …" if len(absent) > 5 else "")
        say_once(
            f"Task {task!r}: the images of {split!r} that are used have none of {len(absent)} of "
            f"{len(class_names)} classes ({names}); look at the data set, or at data.max_{split}."
        )
