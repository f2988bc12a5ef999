"""Tasks and their images in memory.

Shapes: N images, H height, W width, C channels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SPLITS = ("train", "val", "test")
SIDE = 32  # height and width in pixels of the images of the embedded tasks


@dataclass(frozen=True)
class Task:
    """What a model is tuned on.

    Attributes:
        title: name for tables and plots.
        class_names: names as they stand in the prompts; label k is `class_names[k]`.
        templates: prompts with one "{}" for the class name.
        kind: "real" (photographs, scans, measurements), "rendered" (real typefaces or elevation), or
            "generated" (drawn by a program).
        source: where the pixels come from, and what a reader must know about the split.
        licence: of the pixels.
        splits: the splits it has; a control has no "train".
        block: what the independent unit of resampling is, in words ("image" if each image is one).
    """

    title: str
    class_names: tuple[str, ...]
    templates: tuple[str, ...]
    kind: str
    source: str
    licence: str
    splits: tuple[str, ...] = SPLITS
    block: str = "image"


class Images(NamedTuple):
    """A split in memory: images_NHWC uint8, labels_N int64, blocks_N int64 (independent unit of each image)."""

    images: np.ndarray
    labels: np.ndarray
    blocks: np.ndarray


def content_digest(images: Images) -> str:
    """SHA-256, in hexadecimal, of the bytes of the images and then of the labels (as little-endian int64)."""
    digest = hashlib.sha256(np.ascontiguousarray(images.images, dtype=np.uint8))
    digest.update(np.ascontiguousarray(images.labels, dtype="<i8"))
    return digest.hexdigest()
