"""Backgrounds that mean nothing."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tangent_bench.tasks._colours import Colour


def blurry(
    rng: np.random.Generator, side: int, around: Colour, spread: int = 40, cells: int = 4
) -> Image.Image:
    """An out-of-focus "RGB" picture of `side` pixels: `cells` × `cells` shades of the colour `around`, smoothed."""
    shades = rng.integers(-spread, spread + 1, (cells, cells, 3)) + np.array(around)
    small = Image.fromarray(np.clip(shades, 0, 255).astype(np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)
