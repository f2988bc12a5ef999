"""Tasks and their images in memory.

Shapes: N images, H height, W width, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SPLITS = ("train", "val", "test")
SIDE = 32  # height and width in pixels of the images of the embedded tasks


@dataclass(frozen=True)
class Task:
    """A data set to fine-tune on.

    Attributes:
        title: name for tables and plots.
        class_names: names as the prompts spell them; label k is `class_names[k]`.
        templates: prompts with one "{}" for the class name.
        kind: "real" (photographs, scans, measurements), "rendered" (real typefaces or icons),
            or "generated" (drawn by a program).
        source: where the pixels come from, and what a reader must know about the split.
        licence: licence of the pixels.
        splits: the splits that exist; a control has no "train".
        block: the independent unit of resampling, in words ("image" if each image is one).
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
    """A split in memory.

    Attributes:
        images: images_NHWC, uint8.
        labels: labels_N, int64.
        blocks: blocks_N, int64: the independent unit of each image.
    """

    images: np.ndarray
    labels: np.ndarray
    blocks: np.ndarray
