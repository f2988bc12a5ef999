"""Which typefaces, and which of their letters, belong to which split of the tasks of letters.

No typeface is in two splits of a task. Typefaces of `letters` that are named nowhere below are for
the pre-training corpus.
"""

from __future__ import annotations

import string
from functools import cache

import numpy as np

from tangent_bench.typefaces import glyphs
from tangent_bench.typefaces.parts import GlyphPart

# fmt: off
LETTERS = {
    "train": (
        "Anton", "Archivo", "Bitter", "Cabin", "Cardo", "Dancing Script", "EB Garamond",
        "Fira Code", "Fredoka", "Indie Flower", "Josefin Sans", "Merriweather", "Open Sans",
        "Orbitron", "Permanent Marker", "Playfair Display", "Poppins", "Titillium Web",
    ),
    "val": (
        "Andada Pro", "Barlow", "Delius", "Inconsolata", "Lora", "Nunito", "Rowdies", "Sanchez",
    ),
    "test": (
        "ABeeZee", "Arvo", "Baloo 2", "Caveat", "Comfortaa", "Crimson Pro", "Domine", "Dosis",
        "Encode Sans", "Figtree", "Kalam", "Karla", "Noto Serif", "Oswald", "Righteous", "Signika",
        "Space Mono", "Spectral", "Work Sans", "Zilla Slab",
    ),
}
GREEK = {
    "train": (
        "Comfortaa", "DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "Geologica", "Lato",
        "Roboto Slab",
    ),
    "val": (
        "Alegreya Sans", "Arimo", "JetBrains Mono", "Literata", "Sofia Sans", "Vollkorn",
    ),
    "test": (
        "Cardo", "EB Garamond", "Fira Code", "Inter", "Manrope", "Noto Serif", "Open Sans", "Play",
        "Press Start 2P", "Source Code Pro", "Source Serif 4", "Syne",
    ),
}
# Writing system → typefaces of validation and of test; the others are for training. Typefaces that
# are near copies of one another (Nanum Square and its round one) stand in one split.
SCRIPTS = {
    "arabic": (
        ("Almarai", "Noto Kufi Arabic"),
        ("Cairo", "IBM Plex Sans Arabic", "Noto Naskh Arabic"),
    ),
    "armenian": (("DejaVu Serif",), ("Noto Serif Armenian",)),
    "bengali": (("Hind Siliguri",), ("Noto Serif Bengali",)),
    "cyrillic": (("Exo 2", "PT Serif"), ("Bitter", "Comfortaa", "Oswald", "Playfair Display")),
    "devanagari": (("Hind", "Rajdhani"), ("Kalam", "Mukta", "Noto Serif Devanagari")),
    "ethiopic": (("Abyssinica SIL",), ("Noto Serif Ethiopic",)),
    "georgian": (("DejaVu Sans",), ("DejaVu Serif", "Noto Serif Georgian")),
    "hangul": (("Nanum Barun Gothic", "Nanum Gothic"), ("Nanum Myeongjo",)),
    "hebrew": (("Assistant", "Cardo"), ("Frank Ruhl Libre", "Open Sans", "Rubik")),
    "khmer": (("Noto Sans Khmer",), ("Noto Serif Khmer",)),
    "lao": (("DejaVu Sans",), ("Noto Looped Lao", "Noto Serif Lao")),
    "tamil": (("Lohit Tamil",), ("Catamaran", "Noto Serif Tamil")),
    "telugu": (("Anek Telugu",), ("Noto Serif Telugu", "Ramabhadra")),
    "thai": (("Chakra Petch",), ("Noto Serif Thai", "Sarabun")),
}
# fmt: on
# Without omicron, whose two forms are one circle.
GREEK_LETTERS = "αβγδεζηθικλμνξπρστυφχψω"
# Capitals and small letters that differ in size alone, which a sheet does not show: one unit.
ALIKE = frozenset("ckopsuvwxz")
# In many typefaces these two are one stroke, and the same.
LEFT_OUT = frozenset("Il")


@cache
def letters(split: str) -> GlyphPart:
    """Latin letters, capital and small: class 0 is a, class 25 is z."""
    return _cased("letters", LETTERS[split], string.ascii_lowercase)


@cache
def greek(split: str) -> GlyphPart:
    """Greek letters, capital and small, in the order of the alphabet."""
    return _cased("scripts", GREEK[split], GREEK_LETTERS)


def _cased(collection: str, families: tuple[str, ...], alphabet: str) -> GlyphPart:
    """The letters of an alphabet in some families; a unit is a letter of one family."""
    drawn = glyphs(collection)
    rows = []
    labels = []
    units: dict[tuple[str, str], int] = {}
    blocks = []
    for row, (family, name) in enumerate(zip(drawn.families.tolist(), drawn.names.tolist())):
        small = name.lower()
        unit = (family, small if small in ALIKE else name)
        number = units.setdefault(unit, len(units))
        if family in families and small in alphabet and name not in LEFT_OUT:
            rows.append(row)
            labels.append(alphabet.index(small))
            blocks.append(number)
    return GlyphPart(np.array(rows), np.array(labels), np.array(blocks))


@cache
def scripts(split: str) -> GlyphPart:
    """Letters of writing systems, in the order of `SCRIPTS`; a unit is a letter of one family.

    Which letters stand together in an image is for the task to say.
    """
    drawn = glyphs("scripts")
    rows = []
    labels = []
    units: dict[tuple[str, str, str], int] = {}
    blocks = []
    columns = (drawn.kinds.tolist(), drawn.families.tolist(), drawn.names.tolist())
    for row, unit in enumerate(zip(*columns)):
        kind, family, _ = unit
        number = units.setdefault(unit, len(units))
        if kind in SCRIPTS and _split_of(kind, family) == split:
            rows.append(row)
            labels.append(list(SCRIPTS).index(kind))
            blocks.append(number)
    return GlyphPart(np.array(rows), np.array(labels), np.array(blocks))


def _split_of(kind: str, family: str) -> str:
    """The split of a family's letters of one writing system."""
    val, test = SCRIPTS[kind]
    if family in val:
        return "val"
    return "test" if family in test else "train"
