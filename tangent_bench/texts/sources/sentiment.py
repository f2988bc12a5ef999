"""Senses of words, by whether they praise or blame."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import Wheel
from tangent_bench.texts.sources.wording import Excerpt, is_fit, plain, tidy

FILE = "textblob/en/en-sentiment.xml"
CLEAR = 0.1  # of polarity, from which on a sense is positive or negative
_WORD = re.compile(r'<word form="([^"]+)".* sense="([^"]+)" polarity="([^"]+)"')


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A word with one of its senses an excerpt; the word is the unit."""
    text = Wheel(folder, "textblob").text(FILE)
    for word, sense, polarity in _WORD.findall(text):
        found = tidy(html.unescape(f"{word}: {sense}"))
        name = class_name(float(polarity))
        if name and is_fit(found, 2):
            yield Excerpt(found, name, plain(word))


def class_name(polarity: float) -> str:
    """The class of a polarity in [-1, 1]; "" between the classes.

    >>> class_name(0.5), class_name(0.0), class_name(-0.05)
    ('positive', 'neutral', '')
    """
    if polarity >= CLEAR:
        return "positive"
    if polarity <= -CLEAR:
        return "negative"
    return "neutral" if polarity == 0 else ""
