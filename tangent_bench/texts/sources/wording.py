"""What of a text counts when two are compared, and which texts are taken at all."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

MOST_WORDS = 24
FEWEST_LETTERS = 3
_WORD = re.compile(r"[^\W\d_]+")
_SPACE = re.compile(r"\s+")
# A sentence ends before a capital; "e.g. Foo" does not end one.
_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!vs)(?<!etc)[.!?](?=\s+[A-Z]|$)")


class Excerpt(NamedTuple):
    """A text before it is dealt to a split.

    Attributes:
        text: as it will be read.
        class_name: of its task.
        unit: what it was taken from; texts of one unit are no independent ones.
    """

    text: str
    class_name: str
    unit: str


def tidy(text: str) -> str:
    """One line, with single spaces.

    >>> tidy("  a\\n b ")
    'a b'
    """
    return _SPACE.sub(" ", text).strip()


def words(text: str) -> list[str]:
    """Its words in lower case, without accents, digits and signs.

    >>> words("Crème brûlée, 2nd (best)")
    ['creme', 'brulee', 'nd', 'best']
    """
    bare = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(letter for letter in bare if not unicodedata.combining(letter)))


def plain(text: str) -> str:
    """What two texts share that differ in case, accents, digits and signs only."""
    return " ".join(words(text))


def first_sentence(text: str) -> str:
    """The first sentence of a paragraph, without its full stop.

    >>> first_sentence("Adds a value, e.g. Two. And more.")
    'Adds a value, e.g. Two'
    """
    text = tidy(text)
    end = _END.search(text)
    return text if end is None else text[: end.start()].rstrip()


def is_fit(text: str, fewest_words: int = 1) -> bool:
    """Whether a text is long enough to say something, and short enough to be read whole."""
    found = words(text)
    letters = sum(map(len, found))
    return letters >= FEWEST_LETTERS and fewest_words <= len(found) <= MOST_WORDS
