"""Sentiment: a word and a sense of it, by whether it praises or blames."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Sentiment",
    class_names=(
        "positive",
        "negative",
        "neutral",
    ),
    templates=(
        "a word with a {} meaning",
        "something {}",
        "this sounds {}",
    ),
    kind="real",
    source="words of the subjectivity lexicon of De Smedt and Daelemans with senses of "
    "WordNet; a word lies in one split",
    licence="PDDL-1.0, WordNet",
    block="word",
)
TABLE = "assets/sentiment.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
