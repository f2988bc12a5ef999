"""Definitions of ImageNet's synsets by WordNet 3.0, by kind of thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import installed
from tangent_bench.texts.sources.wording import Excerpt, is_fit, tidy

FILE = "data/_info/imagenet_synset_to_definition.txt"
# Kind → first and last numbers of synsets in WordNet's file of nouns, which keeps kin together.
RANGES = {
    "bird": ((1503061, 1627423), (1844917, 1861777), (2000954, 2062016)),
    "reptile or amphibian": ((1627424, 1767660),),
    "insect": ((2159955, 2312999),),
    "invertebrate": ((1905661, 1999999),),
    "mammal": ((2062017, 2151999), (2323902, 2511999)),
    "fish": ((2512053, 2665984),),
    "man-made thing": ((2665985, 4615644),),
    "food or drink": ((7556406, 7938594),),
    "place in nature": ((9186592, 9481120),),
    "person": ((9605110, 10806113),),
    "plant or mushroom": ((11530008, 13239921),),
}
FEWEST_WORDS = 3


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A definition an excerpt, and a unit. `folder` is not read."""
    lines = (installed("timm", "timm") / FILE).read_text(encoding="utf-8").splitlines()
    for line in lines:
        synset, definition = line.split("\t", 1)
        name = kind(int(synset.removeprefix("n")))
        text = tidy(definition)
        if name and is_fit(text, FEWEST_WORDS):
            yield Excerpt(text, name, synset)


def kind(number: int) -> str:
    """The kind of a synset; "" if it is of none.

    >>> kind(1503061), kind(1)
    ('bird', '')
    """
    for name, ranges in RANGES.items():
        if any(first <= number <= last for first, last in ranges):
            return name
    return ""
