"""Files of pictures become RGB of 8 bits, or are refused: no range of values is guessed.

16 bits without a sign are scaled, 65,535 to 255. What has no known white (signed integers, 32 bits,
floating point) is refused. Transparent pixels lie on white, as people see them. Of animations the
first picture counts.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tangent_bench.images.notes import say_once

# What Pillow reads, without what it leaves to other programs (EPS starts Ghostscript), formats that
# it will no longer read (IM), and FITS, whose 16 bits have a sign that it does not know.
FORMATS = (
    "JPEG", "PNG", "GIF", "BMP", "WEBP", "AVIF", "TIFF", "PPM", "JPEG2000", "DIB", "ICO", "CUR",
    "ICNS", "DDS", "PCX", "PSD", "QOI", "SGI", "SUN", "XBM", "XPM", "MSP", "TGA",
)  # fmt: skip
_WHITE = 65_535  # of 16 bits
_BITS_PER_SAMPLE = 258  # tags of TIFF
_PHOTOMETRIC = 262
_SAMPLE_FORMAT = 339
_UNSIGNED = 1
_WHITE_IS_ZERO = 0
_DARK = 16  # parts of the range: a picture whose brightest value lies in the first is dark


@cache
def suffixes() -> frozenset[str]:
    """Endings of the names of files that are read, in lower case: ".png" and others."""
    known = Image.registered_extensions().items()
    # JPEG's reader takes MPO, the JPEGs of some cameras.
    return frozenset(suffix for suffix, kind in known if kind in (*FORMATS, "MPO"))


def decode(content: bytes | Path, what: str, turn: bool) -> Image.Image:
    """An RGB image from a file or its bytes.

    Args:
        content: path of the file, or its bytes.
        what: name of the image in the error.
        turn: whether to obey the EXIF orientation.

    Raises:
        ValueError: the file cannot be decoded to its end, or the range of its values is not known.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    Image.init()  # or Pillow knows five formats only
    try:
        with Image.open(file, formats=FORMATS) as image:
            image.load()
            values = _unknown_values(image)
            rgb = None if values else _rgb(image, what, turn)
    except Exception as error:  # Pillow raises many kinds, by format and damage
        raise ValueError(
            f"{what} cannot be read as an image ({error}); repair or remove it."
        ) from None
    if rgb is None:
        raise ValueError(
            f"{what} has {values}, whose black and white are not known; expected 8 bits, or 16 "
            f"without a sign, for each channel: scale it and save it so."
        )
    return rgb


def _unknown_values(image: Image.Image) -> str:
    """The values of an image in words, if their range is not known, else ""."""
    tags = getattr(image, "tag_v2", {})
    kinds = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))
    if image.mode == "F" or 3 in kinds:
        return "floating-point values"
    if 2 in kinds:
        return "values with a sign"
    if image.mode == "I" and image.format not in ("PNG", "PPM"):  # there it holds 16 bits
        return "values of 32 bits"
    return ""


def _rgb(image: Image.Image, what: str, turn: bool) -> Image.Image:
    """The first picture of a file, turned, as RGB of 8 bits."""
    _say_pages(image, what)
    white = _white(image)
    is_inverted = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    turned = ImageOps.exif_transpose(image) if turn else image
    if turned.mode.startswith("I"):
        turned = _shallow(turned, white, is_inverted, what)
    if not turned.has_transparency_data:
        return turned.convert("RGB")
    return _on_white(turned.convert("RGBA"), what)


def _white(image: Image.Image) -> int:
    """The largest value of an image of more than 8 bits; TIFF packs 12 bits as they are."""
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))
    return 2 ** bits[0] - 1 if image.format == "TIFF" else _WHITE


def _shallow(image: Image.Image, white: int, is_inverted: bool, what: str) -> Image.Image:
    """A grey picture of 16 bits in 8; Pillow's own conversion clips at 255."""
    values = np.asarray(image).astype(np.int64)
    brightest = int(values.max())
    if 0 < brightest <= white // _DARK:
        say_once(
            f"{what} has 16 bits, but no value above {brightest:,} of {white:,}, and is nearly "
            f"black; if its range is smaller, scale it and save it with 8 bits.",
            kind=f"dark: {what.partition(':')[0]}",
        )
    if is_inverted:  # Pillow inverts 8 bits, not 16
        values = white - values
    grey = Image.fromarray(((values * 255 + white // 2) // white).astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is not None:
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _on_white(image: Image.Image, what: str) -> Image.Image:
    """A picture with transparent parts as it looks on white; opaque pixels stay as they are."""
    if image.getchannel("A").getextrema() == (0, 0):
        say_once(
            f"{what} is wholly transparent and becomes white; if its alpha channel means something "
            f"else, save it without.",
            kind=f"transparent: {what.partition(':')[0]}",
        )
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def _say_pages(image: Image.Image, what: str) -> None:
    """Say that a file of several pages gives one image; of animations everybody expects it."""
    num_pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    if num_pages > 1:
        say_once(
            f"{what} has {num_pages} pages, of which the first is the image; save the others as "
            f"files of their own if they are images too.",
            kind=f"pages: {what.partition(':')[0]}",
        )
