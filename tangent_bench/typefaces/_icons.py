"""Sets of icons: where qtawesome keeps them, and the words that name their drawings."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

PACKAGE = "qtawesome"


class IconSet(NamedTuple):
    """Icons of one designer.

    Attributes:
        family: how the sheets call it.
        sheet: name of the sheet's files.
        fonts: font file → charmap, and the variant of what has no variant in its name.
        outline, fill: what a name says of its variant.
        left_out: endings of names that are other weights of the same drawings.
    """

    family: str
    sheet: str
    fonts: tuple[tuple[str, str, str], ...]
    outline: str = ""
    fill: str = ""
    left_out: tuple[str, ...] = ()


ICON_SETS = (
    IconSet(
        "Codicons",
        "codicons",
        (("codicon-0.0.36.ttf", "codicon-charmap-0.0.36.json", "outline"),),
    ),
    IconSet(
        "Elusive",
        "elusive",
        (("elusiveicons-webfont-2.0.ttf", "elusiveicons-webfont-charmap-2.0.json", "fill"),),
    ),
    IconSet(
        "Font Awesome",
        "font_awesome",
        (
            (
                "fontawesome6-solid-webfont-6.7.2.ttf",
                "fontawesome6-solid-webfont-charmap-6.7.2.json",
                "fill",
            ),
            (
                "fontawesome6-regular-webfont-6.7.2.ttf",
                "fontawesome6-regular-webfont-charmap-6.7.2.json",
                "outline",
            ),
        ),
    ),
    IconSet(
        "Material Design",
        "material_design",
        (
            (
                "materialdesignicons6-webfont-6.9.96.ttf",
                "materialdesignicons6-webfont-charmap-6.9.96.json",
                "fill",
            ),
        ),
        outline="outline",
    ),
    IconSet(
        "Phosphor",
        "phosphor",
        (("phosphor-1.3.0.ttf", "phosphor-charmap-1.3.0.json", "outline"),),
        fill="fill",
        left_out=("thin", "light", "bold", "duotone"),
    ),
    IconSet(
        "Remix",
        "remix",
        (("remixicon-2.5.0.ttf", "remixicon-charmap-2.5.0.json", "outline"),),
        outline="line",
        fill="fill",
    ),
)


def named(icons: IconSet, key: str, variant: str) -> tuple[str, str] | None:
    """The name in words and the variant of the icon `key`; None if it is left out.

    `variant` is that of an icon whose key names none.

    >>> named(ICON_SETS[3], "account-circle-outline", "fill")
    ('account circle', 'outline')
    >>> named(ICON_SETS[4], "airplane-thin", "outline") is None
    True
    """
    words = re.split(r"[-_\s]+", key.lower())
    if len(key) == 1 or words[-1] in icons.left_out:
        return None
    for ending, meaning in ((icons.outline, "outline"), (icons.fill, "fill")):
        if ending and ending in words[1:] and (ending == "outline" or words[-1] == ending):
            place = len(words) - 1 - words[::-1].index(ending)
            return " ".join(words[:place] + words[place + 1 :]), meaning
    return " ".join(words), variant


def characters(charmap: bytes) -> dict[str, str]:
    """Key → character of a charmap in JSON, sorted; of several keys of a character the first.

    >>> characters(b'{"plus": "0x41", "add": "41", "x": "0x42"}')
    {'add': 'A', 'x': 'B'}
    """
    codes = {key: chr(int(str(code), 16)) for key, code in json.loads(charmap).items()}
    firsts = {}
    for key in sorted(codes):
        firsts.setdefault(codes[key], key)
    return {key: character for character, key in firsts.items()}
