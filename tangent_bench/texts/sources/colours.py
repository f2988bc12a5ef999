"""Names that people gave to colours, by what the colour is."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import Wheel
from tangent_bench.texts.sources.wording import Excerpt, is_fit, plain, tidy

FILE = "colourmapper/ColourMapperValues.csv"
FAINTEST = 28  # difference of the channels, of 255, below which a colour is none
DARK = 150  # of the largest channel, below which orange is brown
LIGHT = 140  # of the smallest channel, above which red is pink
# Hue in degrees up to which a colour has its name.
HUES = {
    12: "red",
    40: "orange",
    66: "yellow",
    165: "green",
    195: "turquoise",
    252: "blue",
    290: "purple",
    342: "pink",
    361: "red",
}


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A name an excerpt, and a unit."""
    lines = Wheel(folder, "colourmapper-dev").text(FILE).splitlines()
    for name, code, *_ in csv.reader(lines):
        text = tidy(name)
        if is_fit(text):
            yield Excerpt(text, colour(bytes.fromhex(code.removeprefix("#"))), plain(text))


def colour(rgb: bytes) -> str:
    """What a colour of three channels is called.

    >>> colour(bytes((200, 30, 30))), colour(bytes((120, 70, 20))), colour(bytes((9, 9, 9)))
    ('red', 'brown', 'black')
    """
    most = max(rgb)
    least = min(rgb)
    if most - least < FAINTEST:
        return "black" if most < 64 else "white" if least > 224 else "grey"
    degrees = hue(rgb)
    name = next(name for end, name in HUES.items() if degrees < end)
    if name == "orange" and most < DARK:
        return "brown"
    return "pink" if name == "red" and least > LIGHT else name


def hue(rgb: bytes) -> int:
    """The angle of a colour on the wheel, in degrees from red over green to blue."""
    red, green, blue = rgb
    most = max(rgb)
    spread = most - min(rgb)
    if most == red:
        return 60 * (green - blue) // spread % 360
    if most == green:
        return 120 + 60 * (blue - red) // spread
    return 240 + 60 * (red - green) // spread
