"""A picture of a task: some images of each class under its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from tangent_bench.images.image_store import ImageStore

EXAMPLES = 8  # images of each class
SIDE = 64  # pixels of an image on the sheet
GAP = 4  # pixels between images
NAME = 20  # pixels of the line of a class name
MARGIN = 12  # pixels around everything
BLOCK = (EXAMPLES * (SIDE + GAP) + 2 * MARGIN, NAME + SIDE + 2 * GAP)  # width and height of a class
HEADING = 34  # pixels


@lru_cache
def _font(size: int):
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size)


def sheet(
    images_NHWC: np.ndarray | ImageStore,
    labels_N: np.ndarray,
    class_names: Sequence[str],
    heading: str,
):
    """Returns a PIL image with the first few images of each class, class by class.

    Args:
        images_NHWC: uint8, of any size.
        labels_N: index of each image's class name.
        class_names: names of the classes.
        heading: the line above all.

    Raises:
        ValueError: a label has no name.
    """
    from PIL import Image, ImageDraw

    if len(labels_N) and labels_N.max() >= len(class_names):
        raise ValueError(
            f"Label {labels_N.max()} has no name: the task has {len(class_names)} class names; "
            "is it the same task?"
        )
    num_columns = 2 if len(class_names) <= 32 else 4
    num_rows = -(-len(class_names) // num_columns)
    size = (num_columns * BLOCK[0], HEADING + num_rows * BLOCK[1] + MARGIN)
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((MARGIN, 8), heading, fill="black", font=_font(17))
    for k, name in enumerate(class_names):
        left = k // num_rows * BLOCK[0] + MARGIN
        top = HEADING + k % num_rows * BLOCK[1]
        draw.text((left, top), f"{k}  {_shortened(name, draw)}", fill="black", font=_font(13))
        examples = np.flatnonzero(labels_N == k)[:EXAMPLES]
        _paste(canvas, images_NHWC[examples], (left, top + NAME))
    return canvas


def _paste(canvas, images: Iterable[np.ndarray], corner: tuple[int, int]) -> None:
    from PIL import Image

    for i, pixels in enumerate(images):
        picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        canvas.paste(picture, (corner[0] + i * (SIDE + GAP), corner[1]))


def _shortened(name: str, draw) -> str:
    """Cuts the name where it would run into the next column."""
    while draw.textlength(name, font=_font(13)) > BLOCK[0] - 2 * MARGIN - 40:
        name = name[:-2].rstrip() + "…"
    return name
