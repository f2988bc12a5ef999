"""Which icons belong to which split of the tasks that are made of icons.

An icon's name says what it shows. Its *stem* is the name without marks at its end ("plus"),
without directions and without numbers; icons of one designer with one stem are near copies of one
another, and make one unit. Units that must not be in two splits make a bundle.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import NamedTuple

import numpy as np

from tangent_bench.seeds import derive
from tangent_bench.typefaces import concepts, glyphs
from tangent_bench.typefaces.parts import SPLITS, GlyphPart

TASKS = ("icons", "pictograms", "badges")
# fmt: off
TURNS = frozenset((
    "up", "down", "left", "right", "top", "bottom", "horizontal", "vertical",
    "north", "south", "east", "west", "one", "two", "three", "four", "five", "six", "seven",
    "eight", "nine", "ten", "eleven", "twelve", "s", "m", "l", "h", "v",
))
# fmt: on
LEAST = 20  # test units of a class
# Shares of test and validation in the units of a class, in %.
SHARES = {"icons": (49, 25), "pictograms": (36, 18), "badges": (51, 27)}
MOST = 4  # units of a concept in validation or test


class IconRole(NamedTuple):
    """What an icon is for the tasks.

    Attributes:
        task: that it belongs to.
        label: its class, as `classes(task)` has it.
        unit: what it is a near copy of, within its designer's icons.
        bundle: what must not be in two splits.
    """

    task: str
    label: str
    unit: str
    bundle: str


def classes(task: str) -> tuple[str, ...]:
    """The class names of a task that is made of icons, in the order of its labels."""
    if task == "icons":
        return tuple(concepts.ICONS)
    if task == "pictograms":
        return tuple(concepts.PICTOGRAMS)
    return tuple(dict.fromkeys(filter(None, concepts.MARKS.values())))


@cache
def beginnings() -> dict[str, tuple[str, str, str]]:
    """First words of names → task, class and concept."""
    found = {}
    for label, words in concepts.ICONS.items():
        for word in words.split("/"):
            found[word.replace("-", " ")] = ("icons", label, label)
    for label, text in concepts.PICTOGRAMS.items():
        for concept in text.split():
            for word in concept.split("/"):
                phrase = word.replace("-", " ")
                assert phrase not in found, phrase
                found[phrase] = ("pictograms", label, concept.partition("/")[0])
    return found


def stem(name: str) -> str:
    """A name without marks at its end, directions and numbers, as far as anything is left.

    >>> stem("file document plus"), stem("arrow up bold"), stem("plus")
    ('file document', 'arrow bold', 'plus')
    """
    words = name.split()
    while len(words) > 1 and words[-1] in concepts.MARKS:
        words.pop()
    kept = [word for word in words if word not in TURNS and not word.isdigit()]
    return " ".join(kept or words)


def read(name: str, family: str = "") -> IconRole | None:
    """The task that an icon of this `name` belongs to; None if it belongs to none.

    `family` is its designer.

    >>> read("bus school")
    IconRole(task='pictograms', label='a vehicle', unit='bus school', bundle='bus')
    >>> read("bus school plus").label, read("file plus").label, read("zodiac leo")
    ('plus', 'file', None)
    """
    found = begins(name)
    if _is_other(name) or _is_other(f"{family}: {name}"):
        return None
    base = stem(name)
    words = name.split()
    mark = concepts.MARKS.get(words[-1]) if len(words) > 1 else None
    if found is not None and found[0] == "icons":
        return IconRole("icons", found[1], base, base)
    if mark:
        return IconRole("badges", mark, f"{base} {mark}", base)
    if found is not None and mark is None:
        return IconRole("pictograms", found[1], base, found[2])
    return None


def _is_other(name: str) -> bool:
    return f"{name} ".startswith(tuple(f"{other} " for other in concepts.OTHERS))


def begins(name: str) -> tuple[str, str, str] | None:
    """Task, class and concept of the longest beginning of a name that has any.

    >>> begins("palm tree"), begins("zodiac leo")
    (('pictograms', 'a plant', 'palm-tree'), None)
    """
    words = name.split()
    for length in range(len(words), 0, -1):
        found = beginnings().get(" ".join(words[:length]))
        if found is not None:
            return found
    return None


@cache
def part(task: str, split: str) -> GlyphPart:
    """The icons of a `split` of a `task` ("icons", "pictograms" or "badges").

    A unit is a drawing of a designer with its near copies. In `pictograms` all drawings of a
    concept are in one split, in `badges` all that differ in the mark alone.
    """
    split_of = _splits(task)
    units: dict[tuple[str, str], int] = {}
    rows = []
    labels = []
    blocks = []
    for row, (reading, family) in sorted(_members(task).items()):
        unit = (family, reading.unit)
        number = units.setdefault(unit, len(units))
        if split_of.get(unit) == split:
            rows.append(row)
            labels.append(classes(task).index(reading.label))
            blocks.append(number)
    return GlyphPart(np.array(rows), np.array(labels), np.array(blocks))


@cache
def _members(task: str) -> dict[int, tuple[IconRole, str]]:
    """Number of each icon of a task → its reading, and its family.

    A drawing that has another name as well may belong to two tasks: the first of them has it.
    """
    icons = glyphs("icons")
    earlier: set[bytes] = set()
    for other in TASKS[: TASKS.index(task)]:
        earlier.update(icons.inks[row].tobytes() for row in _members(other))
    members = {}
    for row, (family, name) in enumerate(zip(icons.families.tolist(), icons.names.tolist())):
        reading = read(name, family)
        if reading is None or reading.task != task:
            continue
        if icons.inks[row].tobytes() not in earlier:
            members[row] = (reading, family)
    return members


def _bundles(task: str) -> dict[str, dict[tuple[str, str], str]]:
    """Bundle → its units, each with its label; bundles that share a drawing are one."""
    icons = glyphs("icons")
    first: dict[bytes, str] = {}
    joined: dict[str, str] = {}
    for row, (reading, family) in _members(task).items():
        bundle = _name(task, reading, family)
        twin = first.setdefault(icons.inks[row].tobytes(), bundle)
        joined.setdefault(bundle, bundle)
        joined[_root(joined, bundle)] = _root(joined, twin)
    bundles = defaultdict(dict)
    for reading, family in _members(task).values():
        root = _root(joined, _name(task, reading, family))
        bundles[root][family, reading.unit] = reading.label
    return bundles


def _name(task: str, reading: IconRole, family: str) -> str:
    """A bundle's name: of `icons` each designer's drawings are bundles of their own."""
    return f"{family}: {reading.bundle}" if task == "icons" else reading.bundle


def _root(joined: dict[str, str], bundle: str) -> str:
    while joined[bundle] != bundle:
        bundle = joined[bundle]
    return bundle


@cache
def _splits(task: str) -> dict[tuple[str, str], str]:
    """Unit → split.

    Bundles, the largest first, go one after the other to the split that lacks most of their
    classes. Of a large concept in validation or test some units are in no split.
    """
    bundles = _bundles(task)
    wanted = _wanted(task, bundles)
    split_of = {}
    for bundle in sorted(bundles, key=lambda name: (-len(bundles[name]), derive(task, name))):
        units = bundles[bundle]
        split = max(SPLITS, key=lambda name: _lack(wanted[name], units))
        if task == "pictograms" and len(units) > MOST:
            split = "train"
        for unit, label in units.items():
            split_of[unit] = split
            wanted[split][label][1] += 1
    return split_of


def _wanted(
    task: str, bundles: dict[str, dict[tuple[str, str], str]]
) -> dict[str, dict[str, list[int]]]:
    """Split → class → number of units that it is to have, and has so far."""
    counts = Counter(label for units in bundles.values() for label in units.values())
    wanted: dict[str, dict[str, list[int]]] = {split: {} for split in SPLITS}
    for label, count in counts.items():
        test = max(LEAST, count * SHARES[task][0] // 100)
        val = (count - test) * SHARES[task][1] // (100 - SHARES[task][0])
        for split, number in (("test", test), ("val", val), ("train", count - test - val)):
            wanted[split][label] = [number, 0]
    return wanted


def _lack(wanted: dict[str, list[int]], units: dict[tuple[str, str], str]) -> int:
    """How much a split lacks of the classes of some units, in 1,000ths of what it is to have."""
    lack = 0
    for label in units.values():
        number, present = wanted[label]
        lack += 1000 * (number - present) // max(1, number)
    return lack
