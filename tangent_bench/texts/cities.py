"""Cities: names, by continent."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Cities",
    class_names=(
        "africa",
        "asia",
        "europe",
        "north america",
        "oceania",
        "south america",
    ),
    templates=(
        "a city in {}",
        "a town in {}",
        "the name of a city in {}",
    ),
    kind="real",
    source="names of cities of 15,000 inhabitants or more in GeoNames, without those that "
    "several continents have",
    licence="CC-BY-4.0 (GeoNames)",
    block="name",
)
TABLE = "assets/cities.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
