"""A picture of a task: some images of each class under its name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

EXAMPLES = 8  # images of each class
SIDE = 64  # pixels of an image on the sheet
GAP, NAME, MARGIN = 4, 20, 12  # pixels between images, of a class name's line, around everything
BLOCK = (EXAMPLES * (SIDE + GAP) + 2 * MARGIN, NAME + SIDE + 2 * GAP)  # width and height of a class
HEADING = 34  # pixels


@lru_cache
def _font(size: int):
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size
    )


def sheet(images_NHWC: np.ndarray, labels_N: np.ndarray, class_names: Sequence[str], heading: str):
    """A PIL image: the first few images of each class (uint8, any size), class by class.

    Raises:
        ValueError: a label has no name.
    """
    from PIL import Image, ImageDraw

    if len(labels_N) and labels_N.max() >= len(class_names):
        raise ValueError(
            f"Label {labels_N.max()} has no name: the task has {len(class_names)} class names; is it the same task?"
        )
    num_columns = 2 if len(class_names) <= 32 else 4
    num_rows = -(-len(class_names) // num_columns)
    canvas = Image.new(
        "RGB", (num_columns * BLOCK[0], HEADING + num_rows * BLOCK[1] + MARGIN), "white"
    )
    draw = ImageDraw.Draw(canvas)
    draw.text((MARGIN, 8), heading, fill="black", font=_font(17))
    for k, name in enumerate(class_names):
        corner = (k // num_rows * BLOCK[0] + MARGIN, HEADING + k % num_rows * BLOCK[1])
        draw.text(corner, f"{k}  {_shortened(name, draw)}", fill="black", font=_font(13))
        _paste(
            canvas,
            images_NHWC[np.flatnonzero(labels_N == k)[:EXAMPLES]],
            (corner[0], corner[1] + NAME),
        )
    return canvas


def _paste(canvas, images_NHWC: np.ndarray, corner: tuple[int, int]) -> None:
    from PIL import Image

    for i, pixels in enumerate(images_NHWC):
        picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        canvas.paste(picture, (corner[0] + i * (SIDE + GAP), corner[1]))


def _shortened(name: str, draw) -> str:
    """The name, cut where it would run into the next column."""
    while draw.textlength(name, font=_font(13)) > BLOCK[0] - 2 * MARGIN - 40:
        name = name[:-2].rstrip() + "…"
    return name
