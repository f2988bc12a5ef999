"""What the pre-training corpus may not use: drawings of tasks, and words of their classes.

A corpus that draws real glyphs takes only those of `free(collection)`, and names them as they are
called there. Of icons these are drawings of no task, of either world, whose names have no word of a
class; of letters the typefaces that no split has.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from tangent_bench.typefaces import concepts, glyphs, icon_parts, letter_parts

# Words of the class names that the words of the classes do not give.
CLASS_WORDS = (
    "animal", "vehicle", "food", "drink", "tool", "building", "weather", "sport", "music", "plant",
    "household", "clothing", "anatomy", "medicine", "game", "science", "money", "cross",
    "check mark", "exclamation mark", "pencil", "magnifying glass", "speech bubble", "telephone",
)  # fmt: skip


@cache
def words() -> frozenset[str]:
    """Words and phrases that belong to classes of tasks made of icons or of writing systems.

    >>> {"folder", "dolphin", "thai", "plus"} <= words()
    True
    """
    found = {*CLASS_WORDS, *letter_parts.SCRIPTS, "greek"}
    found.update(icon_parts.beginnings())
    found.update(mark for mark, label in concepts.MARKS.items() if label)
    return frozenset(found)


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(words(), key=lambda word: (-len(word), word))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})(?:e?s)?\b")


def has_class_word(text: str) -> bool:
    """Whether a caption or a name, in lower case, has a word of a class.

    >>> has_class_word("two dolphins"), has_class_word("a sundial"), has_class_word("zodiac leo")
    (True, False, False)
    """
    return _pattern().search(text) is not None


@cache
def drawings(collection: str) -> np.ndarray:
    """held_out_N bool: the glyphs of a collection that belong to a task, in any of its splits.

    Args:
        collection: "icons", "letters" or "scripts".

    Raises:
        ValueError: an unknown collection.
    """
    drawn = glyphs(collection)
    if collection == "icons":
        icons = zip(drawn.names.tolist(), drawn.families.tolist())
        return np.array([icon_parts.read(name, family) is not None for name, family in icons])
    if collection == "letters":
        taken = [family for part in letter_parts.LETTERS.values() for family in part]
        return np.isin(drawn.families, taken)
    taken = [family for part in letter_parts.GREEK.values() for family in part]
    greek = (drawn.kinds == "greek") & np.isin(drawn.families, taken)
    return greek | np.isin(drawn.kinds, list(letter_parts.SCRIPTS))


@cache
def free(collection: str) -> np.ndarray:
    """rows_N int64: the glyphs of a collection that a corpus may draw, by number.

    Of icons, those whose names have a word of a class are left out as well.

    Raises:
        ValueError: an unknown collection.
    """
    rows = np.flatnonzero(~drawings(collection))
    if collection != "icons":
        return rows
    names = glyphs(collection).names
    return np.array([row for row in rows.tolist() if not has_class_word(names[row])])
