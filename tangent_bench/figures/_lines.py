"""Words of a figure in lines: broken where they would be longer than there is room."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.text import Text

HELD = "\0"  # a space at which no line ends
# A unit or an arrow says nothing in a line of its own.
_HOLDING = re.compile(r" (?=\(%|[%→])|(?<=←) ")


def break_at(text: Text, limit: float) -> int:
    """Breaks a text into lines that are at most `limit` inches long; returns how many more.

    They are about as long as one another.
    """
    words = text.get_text()
    length = length_of(text)
    if not words.strip() or length <= limit:
        return 0
    longest = max(map(len, words.split("\n")))
    letters = max(1, int(longest * limit / length))
    text.set_text(wrapped(words, letters))
    while length_of(text) > limit and _is_broken_further(words, letters):
        letters -= 1
        text.set_text(wrapped(words, letters))
    text.set_text(_balanced(words, letters))
    return text.get_text().count("\n") - words.count("\n")


def wrapped(words: str, letters: int) -> str:
    """Returns words in lines of so many letters; a unit stays with the word before it.

    >>> wrapped("Accuracy of the sum (%)", 20)
    'Accuracy of the\\nsum (%)'
    """
    lines: list[str] = []
    for line in words.split("\n"):
        held = _HOLDING.sub(HELD, line)
        lines += textwrap.wrap(held, letters, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(HELD, " ")


def _balanced(words: str, letters: int) -> str:
    """Returns words in as many lines as those of so many letters, the shortest possible.

    >>> _balanced("Mean over images (of 1)", 20)
    'Mean over\\nimages (of 1)'
    """
    shortest = wrapped(words, letters)
    for fewer in range(letters - 1, 0, -1):
        lines = wrapped(words, fewer)
        if lines.count("\n") > shortest.count("\n"):
            break
        shortest = lines
    return shortest


def _is_broken_further(words: str, letters: int) -> bool:
    """Whether shorter lines than these are possible."""
    return wrapped(words, 1) != wrapped(words, letters)


def length_of(text: Text) -> float:
    """Inches of a text along its lines."""
    return max(inches(text)) if text.get_rotation() else inches(text)[0]


def inches(artist) -> tuple[float, float]:
    """Width and height of an artist."""
    box = box_of(artist)
    dpi = artist.get_figure(root=True).dpi
    return box.width / dpi, box.height / dpi


def box_of(artist):
    """The box of an artist in pixels: of the words alone, where an arrow belongs to them."""
    from matplotlib.text import Text

    box = artist.get_window_extent()
    return Text.get_window_extent(artist) if isinstance(artist, Text) else box
