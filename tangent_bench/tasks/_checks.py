"""What every split must satisfy, whoever made it."""

from __future__ import annotations

import hashlib

from tangent_bench.tasks import Images


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
        raise ValueError(f"Task {task!r}, split {split!r}: images, labels and blocks have different lengths.")
    return images if limit is None else Images(*(part[:limit] for part in images))


def image_hashes(images: Images) -> set[bytes]:
    """sha256 of the pixels of every image."""
    return {hashlib.sha256(image.tobytes()).digest() for image in images.images}


def require_disjoint(train: Images, other: Images, task: str, split: str) -> None:
    """Raise if an image of `other` is also, pixel for pixel, in the training split.

    Raises:
        ValueError: says how many images leaked.
    """
    shared = image_hashes(train) & image_hashes(other)
    if shared:
        raise ValueError(
            f"Task {task!r}: {len(shared)} images of {split!r} are also in 'train', pixel for pixel; remove them "
            f"from one of the two."
        )
