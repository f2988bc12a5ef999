"""The words of figures and tables in another language, or as a reader wants them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.store import yaml_files

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.text import Text

FOLDER = Path(__file__).parent / "languages"
ENGLISH = "en"  # which needs no file
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"\.(?=\d)")


@dataclass(frozen=True, eq=False)
class Words:
    """What is said in place of the English words.

    Attributes:
        phrases: English phrase → what stands in its place, wherever a text has it.
        decimal: the mark before a number's fraction.
        thousands: the mark between a number's thousands.
    """

    phrases: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    thousands: str = ","

    @property
    def are_given(self) -> bool:
        """Whether anything is said otherwise."""
        return bool(self.phrases) or (self.decimal, self.thousands) != (".", ",")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Any of the phrases, the longest first."""
        longest_first = sorted(self.phrases, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def told(self, text: str) -> str:
        """Returns a text with its phrases and numbers as they are said here.

        >>> Words({"test images": "Testbilder"}, ",", " ").told("n = 1,200 test images, 0.5")
        'n = 1 200 Testbilder, 0,5'
        """
        line = text.replace("\n", " ")
        if line in self.phrases:  # in its own lines
            return self.phrases[line]
        text = self.number(text)
        if not self.phrases:
            return text
        return self._pattern.sub(lambda found: self.phrases[found[0]], text)

    def number(self, text: str) -> str:
        """Returns a text with its numbers as they are written here."""
        marked = _THOUSANDS.sub("\0", text)
        return _DECIMAL.sub(self.decimal, marked).replace("\0", self.thousands)


_current: ContextVar[Words] = ContextVar("words")
_ENGLISH = Words()


def current() -> Words:
    """Returns the words that are used now."""
    return _current.get(_ENGLISH)


@contextmanager
def spoken(words: Words) -> Iterator[None]:
    """Uses these words, as a context."""
    token = _current.set(words)
    try:
        yield
    finally:
        _current.reset(token)


def languages() -> list[str]:
    """Returns the names of all languages: English, and a file for each other."""
    return sorted([ENGLISH, *(file.stem for file in FOLDER.glob("*.yaml"))])


def language(name: str) -> Mapping:
    """Returns a language: its `words` and titles of `tasks`, `decimal` and `thousands`.

    Raises:
        ValueError: there is none of this name.
    """
    known = languages()
    if name not in known:
        hint = registry.did_you_mean(name, known)
        raise ValueError(
            f"There is no language {name!r}: expected one of {', '.join(known)}.{hint} "
            "Other words can be given as labels."
        )
    return {} if name == ENGLISH else yaml_files.read(FOLDER / f"{name}.yaml")


def tell(panels: Sequence, words: Words) -> None:
    """Says all words of a figure otherwise.

    Args:
        panels: its axes; what belongs to none of them is said where they are all that it has.
        words: those to use.
    """
    from matplotlib.text import Text

    figure = panels[0].figure
    whole = len(panels) == len(figure.axes)
    for axis in panels:
        for side in (axis.xaxis, axis.yaxis):
            _tell_ticks(side, words)
    note = figure.get_supxlabel() if whole else ""
    for artist in [figure] if whole else panels:
        for text in artist.findobj(Text):
            _tell(text, words, note)


def _tell(text: Text, words: Words, note: str) -> None:
    """Says one text otherwise; the lines of the note are one, since they are broken anew."""
    given = text.get_text()
    text.set_text(words.told(given.replace("\n", " ") if given == note else given))


def _tell_ticks(side: Axis, words: Words) -> None:
    """Says what stands at the ticks otherwise, when they are drawn."""
    from matplotlib.ticker import Formatter, NullFormatter

    class Told(Formatter):
        """What another formatter says, in other words."""

        def __init__(self, inner: Formatter) -> None:
            self.inner = inner

        def __call__(self, x, pos=None) -> str:
            return words.told(self.inner(x, pos))

        def format_ticks(self, values) -> list[str]:
            return [words.told(text) for text in self.inner.format_ticks(values)]

        def get_offset(self) -> str:
            return words.told(self.inner.get_offset())

    formatter = side.get_major_formatter()
    if not isinstance(formatter, NullFormatter):
        side.set_major_formatter(Told(formatter))
