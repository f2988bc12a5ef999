"""Things: definitions of ImageNet's synsets, by kind of thing. The control."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Things",
    class_names=(
        "bird",
        "reptile or amphibian",
        "insect",
        "invertebrate",
        "mammal",
        "fish",
        "man-made thing",
        "food or drink",
        "place in nature",
        "person",
        "plant or mushroom",
    ),
    templates=(
        "the definition of a {}",
        "a kind of {}",
        "this is a {}",
    ),
    kind="real",
    source="definitions by WordNet 3.0 of the synsets of ImageNet-21k, whose places in "
    "WordNet's file of nouns tell the kind",
    licence="WordNet (Princeton University)",
    splits=("val", "test"),
    block="synset",
)
TABLE = "assets/things.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: another split than "val" and "test".
    """
    return _tables.load(__name__, TABLE, TASK, split)
