"""Glyphs of the DejaVu typefaces that matplotlib ships."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageFont

from tangent_bench.tasks._files import package_file

SANS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique")
MONO = (
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSansMono-BoldOblique",
)
SERIF = ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic")
LICENCE = "Bitstream Vera and DejaVu font licence (free use of rendered text)"


def face_file(face: str) -> str:
    """The path of a typeface's file, such as `face_file("DejaVuSans")`."""
    return str(package_file("matplotlib", f"mpl-data/fonts/ttf/{face}.ttf"))


@cache
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    # BASIC layout: the other engine depends on libraries that not every machine has.
    return ImageFont.truetype(face_file(face), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def glyph(text: str, face: str, size: int) -> Image.Image:
    """The ink of `text` in a typeface `face`, as an "L" image cropped to it.

    `size` is the em in pixels. The image is cached: do not write to it.

    Raises:
        ValueError: `text` leaves no ink.
    """
    mask = _font(face, size).getmask(text, mode="L")
    width, height = mask.size
    image = Image.fromarray(np.array(mask, dtype=np.uint8).reshape(height, width))
    box = image.getbbox()
    if box is None:
        raise ValueError(
            f"Text {text!r} leaves no ink in {face}: expected a glyph that the typeface draws."
        )
    return image.crop(box)


@lru_cache(maxsize=4096)
def fitted(text: str, face: str, longer: int) -> Image.Image:
    """As `glyph(text, face)`, scaled so that the longer side of the ink is `longer` pixels."""
    ink = glyph(text, face, 96)
    scale = max(ink.size)
    width = max(1, ink.width * longer // scale)
    height = max(1, ink.height * longer // scale)
    return ink.resize((width, height), Image.Resampling.BOX)
