"""Glyphs of sheets, made ready to be drawn."""

from __future__ import annotations

import numpy as np
from PIL import Image


def scaled(ink_HW: np.ndarray, longer: int) -> Image.Image:
    """The ink of a sheet's cell as an "L" image, without the paper around it.

    Its longer side is `longer` pixels.
    """
    cell = Image.fromarray(ink_HW)
    box = cell.getbbox()
    assert box is not None, "a cell without ink"
    ink = cell.crop(box)
    scale = max(ink.size)
    width = max(1, ink.width * longer // scale)
    height = max(1, ink.height * longer // scale)
    return ink.resize((width, height), Image.Resampling.BILINEAR)
