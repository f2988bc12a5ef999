"""Stores a real data set once, decoded and reduced in size; no later job decodes it again.

Images for evaluation become squares of `side` pixels (centre crop, bicubic), as a CLIP model's
transform makes them. Training images keep their shape, since crops of the whole image are drawn
from them; their shorter side is at most 8/7 of `side`. Data sets whose images are all small squares
(`Origin.native`) keep their size and are enlarged in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from tangent_bench.images import image_store
from tangent_bench.images.checks import pixel_hash, require_disjoint
from tangent_bench.images.notes import say_once
from tangent_bench.images.stored import Split, square
from tangent_bench.images.task import Task

FACTS = ("title", "class_names", "templates", "kind", "source", "licence", "block")


def write_split(
    path: str | Path,
    task: Task,
    split: Split,
    side: int,
    native: int | None = None,
    limit: int | None = None,
    train: Mapping[bytes, str] = MappingProxyType({}),
    max_leaks: int = 0,
) -> str:
    """Write the images of a split, one in memory at a time; returns the digest of the file.

    Args:
        path: destination.
        task: facts for the file's metadata.
        split: the opened images.
        side: side of the models' input in pixels.
        native: side of the data set's own images, if all of them are squares of that size.
        limit: write only this many images, the first ones; None: all.
        train: `hashes` of the training split; a split that is `apart` leaves them out.
        max_leaks: number of images that may be in `train`.

    Raises:
        ValueError: an image cannot be decoded or is not of the native size, or more than
            `max_leaks` images are in `train`.
    """
    split = replace(split, order=split.order[:limit])
    if split.apart:
        split = _without(split, train)
    number = len(split)
    hashes_N4 = np.zeros((number, 4), dtype=np.int64)

    def images() -> Iterator[tuple[int, np.ndarray]]:
        for position, image in split.stream():
            hashes_N4[position] = np.frombuffer(pixel_hash(image), dtype="<i8")
            yield position, _shrunk(image, split, side, native)
        require_disjoint(train, _named(hashes_N4, split), split.task, split.name, allowed=max_leaks)

    of_each = {
        "labels": split.labels,
        "blocks": np.arange(number, dtype=np.int64),
        "hashes": hashes_N4,
    }
    place = {"place": split.rows.place, "revision": split.revision}
    return image_store.save(path, images(), number, of_each, **place, number=number, **facts(task))


def facts(task: Task) -> dict[str, object]:
    """The facts of a task that the metadata of its image files hold."""
    return {key: getattr(task, key) for key in FACTS}


def hashes(path: str | Path, split: Split | None = None) -> dict[bytes, str]:
    """Hashes of the decoded pixels of all images of a file that `write_split` wrote, with names.

    Args:
        path: the file.
        split: the opened images that it was written from, which have names.
    """
    _, of_each, _ = image_store.open_images(path)
    return _named(of_each["hashes"], split)


def _named(hashes_N4: np.ndarray, split: Split | None) -> dict[bytes, str]:
    named = {}
    for position, row in enumerate(hashes_N4):
        name = split.name_of(position) if split else f"image {position}"
        named[row.astype("<i8").tobytes()] = name
    return named


def _without(split: Split, train: Mapping[bytes, str]) -> Split:
    """A split that was cut off train without the pictures that train has once more.

    Raises:
        ValueError: nothing remains.
    """
    keep = np.ones(len(split), dtype=bool)
    for position, image in split.stream():
        keep[position] = pixel_hash(image) not in train
    if not keep.any():
        raise ValueError(
            f"Task {split.task!r}: {split.rows.place} repeats its pictures so that none is left "
            f"for validation, which is cut off train; name a split for it (splits: {{val: ...}})."
        )
    num_left_out = len(split) - int(keep.sum())
    if num_left_out:
        say_once(
            f"Task {split.task!r}: {num_left_out} of the images that are cut off train for "
            f"validation are also among those that stay, pixel for pixel, and are left out of "
            f"{split.name!r}."
        )
    return replace(split, order=split.order[keep])


def _shrunk(image: Image.Image, split: Split, side: int, native: int | None) -> np.ndarray:
    """uint8 [H, W, 3]."""
    if native is not None:
        _require_native(image, split, native)
        return np.asarray(image)
    if split.name != "train":
        return square(image, side)
    factor = 8 * side / 7 / min(image.size)
    if factor < 1.0:
        width = max(1, round(factor * image.width))
        height = max(1, round(factor * image.height))
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _require_native(image: Image.Image, split: Split, native: int) -> None:
    """Raise ValueError unless an image is a square of `native` pixels."""
    if image.size != (native, native):
        raise ValueError(
            f"Task {split.task!r}: {split.rows.place} has an image of "
            f"{image.width} × {image.height} pixels, expected {native} × {native}; "
            f"is it another data set?"
        )
