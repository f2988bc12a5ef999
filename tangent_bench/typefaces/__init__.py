"""Real glyphs: icons, letters and writing systems by many designers, as sheets of grey cells.

A sheet is a PNG file, and beside it a table that names its cells one a line. Sheets stand in the
repository in place of typefaces, so that every machine draws the same bytes and no run needs more
than a hundred packages. `assets/LICENCES.md` says whose drawings they are; `build.py` makes them.

Legend of shape suffixes: N glyphs, H height, W width.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tangent_bench.typefaces import sheets

# Collection → its sheets. Full names, since a digest of code follows names of files.
SHEETS = {
    "icons": (
        ("assets/icons/codicons.png", "assets/icons/codicons.csv"),
        ("assets/icons/elusive.png", "assets/icons/elusive.csv"),
        ("assets/icons/font_awesome.png", "assets/icons/font_awesome.csv"),
        ("assets/icons/material_design.png", "assets/icons/material_design.csv"),
        ("assets/icons/phosphor.png", "assets/icons/phosphor.csv"),
        ("assets/icons/remix.png", "assets/icons/remix.csv"),
    ),
    "letters": (
        ("assets/letters/display.png", "assets/letters/display.csv"),
        ("assets/letters/hand.png", "assets/letters/hand.csv"),
        ("assets/letters/mono.png", "assets/letters/mono.csv"),
        ("assets/letters/sans.png", "assets/letters/sans.csv"),
        ("assets/letters/serif.png", "assets/letters/serif.csv"),
        ("assets/letters/slab.png", "assets/letters/slab.csv"),
    ),
    "scripts": (
        ("assets/scripts/arabic.png", "assets/scripts/arabic.csv"),
        ("assets/scripts/armenian.png", "assets/scripts/armenian.csv"),
        ("assets/scripts/bengali.png", "assets/scripts/bengali.csv"),
        ("assets/scripts/cyrillic.png", "assets/scripts/cyrillic.csv"),
        ("assets/scripts/devanagari.png", "assets/scripts/devanagari.csv"),
        ("assets/scripts/ethiopic.png", "assets/scripts/ethiopic.csv"),
        ("assets/scripts/georgian.png", "assets/scripts/georgian.csv"),
        ("assets/scripts/greek.png", "assets/scripts/greek.csv"),
        ("assets/scripts/hangul.png", "assets/scripts/hangul.csv"),
        ("assets/scripts/hebrew.png", "assets/scripts/hebrew.csv"),
        ("assets/scripts/khmer.png", "assets/scripts/khmer.csv"),
        ("assets/scripts/lao.png", "assets/scripts/lao.csv"),
        ("assets/scripts/tamil.png", "assets/scripts/tamil.csv"),
        ("assets/scripts/telugu.png", "assets/scripts/telugu.csv"),
        ("assets/scripts/thai.png", "assets/scripts/thai.csv"),
    ),
}
FOLDER = Path(__file__).parent


class Glyphs(NamedTuple):
    """A collection in memory; entry n of each array is about glyph n. Do not write to them.

    Attributes:
        inks: inks_NHW uint8, 48 × 48 pixels: 0 is paper, 255 is ink. The ink is centred, and its
            longer side is 40 pixels.
        families: who drew it: a typeface, or a set of icons.
        names: what it shows: a character, or words ("arrow down").
        variants: "regular" or "bold"; of icons "outline" or "fill". The variants of one drawing
            share family and name.
        kinds: of letters the kind of the typeface ("serif"), of scripts the writing system
            ("thai"), of icons "icon".
    """

    inks: np.ndarray
    families: np.ndarray
    names: np.ndarray
    variants: np.ndarray
    kinds: np.ndarray


@cache
def glyphs(collection: str) -> Glyphs:
    """The glyphs of a collection, in the order of its sheets.

    Args:
        collection: "icons", "letters" or "scripts".

    Raises:
        ValueError: an unknown collection; a sheet that is missing, or does not fit its table.

    >>> icons = glyphs("icons")
    >>> icons.inks.shape[1:], len(icons.inks) == len(icons.names)
    ((48, 48), True)
    """
    if collection not in SHEETS:
        raise ValueError(
            f"There is no collection of glyphs {collection!r}: expected one of {', '.join(SHEETS)}."
        )
    inks = []
    entries = []
    for picture, table in SHEETS[collection]:
        some_inks, some_entries = sheets.read(FOLDER / picture, FOLDER / table)
        inks.append(some_inks)
        entries += some_entries
    families, names, variants, kinds = (np.array(column) for column in zip(*entries))
    return Glyphs(np.concatenate(inks), families, names, variants, kinds)
