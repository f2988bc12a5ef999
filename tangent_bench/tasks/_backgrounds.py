"""Backgrounds that carry no information on the class."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tangent_bench.tasks._colours import Colour


def blurry(
    rng: np.random.Generator, side: int, around: Colour, spread: int = 40, cells: int = 4
) -> Image.Image:
    """An out-of-focus "RGB" picture: `cells` × `cells` shades of the colour `around`, smoothed.

    Args:
        rng: source of the draws.
        side: in pixels.
        around: the colour.
        spread: largest difference of a channel from it.
        cells: number of shades along a side.
    """
    shades = rng.integers(-spread, spread + 1, (cells, cells, 3)) + np.array(around)
    small = Image.fromarray(np.clip(shades, 0, 255).astype(np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)
