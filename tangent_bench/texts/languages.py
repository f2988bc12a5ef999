"""Languages: names of countries, languages, scripts and currencies, by language."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Languages",
    class_names=(
        "english",
        "spanish",
        "portuguese",
        "italian",
        "french",
        "german",
        "dutch",
        "swedish",
        "polish",
        "turkish",
        "finnish",
        "hungarian",
    ),
    templates=(
        "words in {}",
        "a name in {}",
        "this is {}",
    ),
    kind="real",
    source="names in Unicode's CLDR in twelve languages of Latin letters, without those that "
    "two of them share; what is named lies in one split with its names in all "
    "languages",
    licence="Unicode-3.0 (Unicode, Inc.)",
    block="what is named",
)
TABLE = "assets/languages.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
