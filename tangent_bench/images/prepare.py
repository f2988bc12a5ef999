"""A real data set, once: decoded, made smaller, and stored as bytes; nothing of it is decoded again.

What is evaluated becomes squares of `side` pixels (centre crop, bicubic), as a CLIP model's transform makes them. What
is trained on keeps its shape, since crops of the whole image are drawn from it: its shorter side is at most 8/7 of
`side`. Where all images of a data set are small squares (`Origin.native`) they stay so, and are enlarged in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tangent_bench.images import image_store
from tangent_bench.images.checks import pixel_hash, require_disjoint
from tangent_bench.images.stored import Split, square
from tangent_bench.images.task import Task

FACTS = "title", "class_names", "templates", "kind", "source", "licence", "block"


def store(
    path: str | Path,
    task: Task,
    split: Split,
    side: int,
    native: int | None = None,
    limit: int | None = None,
    train: Set[bytes] = frozenset(),
    max_leaks: int = 0,
) -> str:
    """Write the images of a split, one in memory at a time; returns the digest of the file.

    Args:
        path: where to.
        task, split: whose images.
        side: in pixels, of what the models take.
        native: side of the data set's own images, if all of them are squares of that size.
        limit: the first so many images; None: all.
        train: `hashes` of the training split.
        max_leaks: how many of these may be here.

    Raises:
        ValueError: an image cannot be decoded or is not of the native size, or more images leaked than may.
    """
    split = replace(split, order=split.order[:limit])
    number, hashes = len(split), np.zeros((len(split), 4), dtype=np.int64)

    def images() -> Iterator[tuple[int, np.ndarray]]:
        for position, image in split.stream():
            hashes[position] = np.frombuffer(pixel_hash(image), dtype="<i8")
            yield position, _shrunk(image, split, side, native)
        require_disjoint(train, _set(hashes), split.task, split.name, allowed=max_leaks)

    facts = {key: getattr(task, key) for key in FACTS}
    of_each = {
        "labels": split.labels,
        "blocks": np.arange(number, dtype=np.int64),
        "hashes": hashes,
    }
    return image_store.save(
        path,
        images(),
        number,
        of_each,
        place=split.rows.place,
        revision=split.revision,
        number=number,
        **facts,
    )


def hashes(path: str | Path) -> Set[bytes]:
    """Hashes of the decoded pixels of all images of a file of `image_store`."""
    return _set(image_store.open_images(path)[1]["hashes"])


def _set(hashes_N4: np.ndarray) -> Set[bytes]:
    return {row.astype("<i8").tobytes() for row in hashes_N4}


def _shrunk(image: Image.Image, split: Split, side: int, native: int | None) -> np.ndarray:
    """uint8 [H, W, 3]."""
    if native is not None:
        if image.size != (native, native):
            raise ValueError(
                f"Task {split.task!r}: {split.rows.place} has an image of {image.size[0]} × {image.size[1]} pixels, "
                f"expected {native} × {native}; is it another data set?"
            )
        return np.asarray(image)
    if split.name != "train":
        return square(image, side)
    factor = 8 * side / 7 / min(image.size)
    if factor < 1.0:
        image = image.resize(
            [max(1, round(factor * length)) for length in image.size], Image.Resampling.BICUBIC
        )
    return np.asarray(image)
