"""The ink of a character in a typeface, as it stands in a cell of a sheet."""

from __future__ import annotations

import io

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageFont

from tangent_bench.typefaces.sheets import CELL, LONGER

EM = 192  # pixels; the ink is made smaller after that
LEVELS = 15  # grey levels above 0: a cell takes half of the bytes that it takes with 255


class Face:
    """A typeface at one weight."""

    def __init__(self, content: bytes, weight: int | None = None) -> None:
        """From the bytes of a font file; `weight` is that of a variable typeface."""
        self._font = ImageFont.truetype(
            io.BytesIO(content), EM, layout_engine=ImageFont.Layout.BASIC
        )
        tables = TTFont(io.BytesIO(content), lazy=True)
        self._covered = frozenset(tables.getBestCmap() or {})
        if weight is not None:
            axes = tables["fvar"].axes
            values = [weight if axis.axisTag == "wght" else axis.defaultValue for axis in axes]
            self._font.set_variation_by_axes([float(value) for value in values])

    def cell(self, character: str) -> np.ndarray | None:
        """ink_HW uint8 of a `character`; None if the typeface does not draw it."""
        if ord(character) not in self._covered:
            return None
        mask = self._font.getmask(character, mode="L")
        width, height = mask.size
        if not width or not height:
            return None
        image = Image.fromarray(np.array(mask, dtype=np.uint8).reshape(height, width))
        box = image.getbbox()
        return None if box is None else _centred(image.crop(box))


def _centred(ink: Image.Image) -> np.ndarray:
    """The ink in the middle of a cell, its longer side LONGER pixels, in LEVELS grey levels."""
    longer = max(ink.size)
    width = max(1, round(ink.width * LONGER / longer))
    height = max(1, round(ink.height * LONGER / longer))
    small = np.asarray(ink.resize((width, height), Image.Resampling.BOX)).astype(np.int64)
    cell = np.zeros((CELL, CELL), dtype=np.uint8)
    top = (CELL - height) // 2
    left = (CELL - width) // 2
    step = 255 // LEVELS
    cell[top : top + height, left : left + width] = (small + step // 2) // step * step
    return cell
