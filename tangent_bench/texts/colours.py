"""Colours: names that people gave them, by what the colour is."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Colours",
    class_names=(
        "black",
        "blue",
        "brown",
        "green",
        "grey",
        "orange",
        "pink",
        "purple",
        "red",
        "turquoise",
        "white",
        "yellow",
    ),
    templates=(
        "a shade of {}",
        "the name of a {} colour",
        "something {}",
    ),
    kind="real",
    source="names of colours in colourmapper; the class is read off the colour itself, by "
    "its hue, lightness and saturation",
    licence="MIT (David Kierans)",
    block="name",
)
TABLE = "assets/colours.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
