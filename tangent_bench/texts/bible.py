"""Bible: verses, by the kind of book that they are from."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Bible",
    class_names=(
        "books of the law",
        "books of history",
        "poems and wisdom",
        "major prophets",
        "minor prophets",
        "gospels",
        "acts of the apostles",
        "letters of paul",
        "general letters",
        "revelation",
    ),
    templates=(
        "a bible verse from the {}",
        "a verse of the {}",
        "this is written in the {}",
    ),
    kind="real",
    source="verses of five words or more of the American Standard Version (1901); passages "
    "of ten verses lie in one split",
    licence="public domain",
    block="passage of ten verses",
)
TABLE = "assets/bible.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
