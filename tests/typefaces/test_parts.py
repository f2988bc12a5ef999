"""Which glyphs the splits of tasks have: enough, none in two splits, and none for the corpus."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from tangent_bench.typefaces import concepts, glyphs, held_out, icon_parts, letter_parts
from tangent_bench.typefaces.parts import SPLITS, GlyphPart

LETTER_TASKS = {
    "letters": ("letters", letter_parts.letters, 26),
    "greek": ("scripts", letter_parts.greek, 23),
    "scripts": ("scripts", letter_parts.scripts, len(letter_parts.SCRIPTS)),
}
TASKS = (*icon_parts.TASKS, *LETTER_TASKS)


def collection(task: str) -> str:
    return LETTER_TASKS[task][0] if task in LETTER_TASKS else "icons"


def num_classes(task: str) -> int:
    return LETTER_TASKS[task][2] if task in LETTER_TASKS else len(icon_parts.classes(task))


def part(task: str, split: str) -> GlyphPart:
    if task in LETTER_TASKS:
        return LETTER_TASKS[task][1](split)
    return icon_parts.part(task, split)


def per_class(task: str, split: str) -> Counter[int]:
    own = part(task, split)
    return Counter(dict(zip(own.units.tolist(), own.labels.tolist())).values())


@pytest.mark.parametrize("task", TASKS)
def test_there_are_enough_units(task):
    assert per_class(task, "test").total() >= 500
    assert per_class(task, "val").total() >= 250
    assert min(per_class(task, "test").values()) >= 20
    for split in SPLITS:
        assert set(per_class(task, split)) == set(range(num_classes(task))), split


@pytest.mark.parametrize("task", TASKS)
def test_a_unit_has_one_class_and_one_split(task):
    labels: dict[int, set[int]] = {}
    splits: dict[int, set[str]] = {}
    for split in SPLITS:
        own = part(task, split)
        assert len(own.rows) == len(own.labels) == len(own.units) == len(np.unique(own.rows))
        for label, unit in zip(own.labels.tolist(), own.units.tolist()):
            labels.setdefault(unit, set()).add(label)
            splits.setdefault(unit, set()).add(split)
    assert max(map(len, labels.values())) == max(map(len, splits.values())) == 1


@pytest.mark.parametrize("task", icon_parts.TASKS)
def test_no_drawing_is_in_two_splits_under_any_name(task):
    inks = glyphs("icons").inks
    drawn = {}
    for split in SPLITS:
        drawn[split] = {inks[row].tobytes() for row in part(task, split).rows}
    for one, other in combinations(SPLITS, 2):
        assert not drawn[one] & drawn[other], (one, other)


def test_tasks_of_icons_share_no_drawing():
    inks = glyphs("icons").inks
    drawn = {}
    for task in icon_parts.TASKS:
        rows = np.concatenate([part(task, split).rows for split in SPLITS])
        drawn[task] = {inks[row].tobytes() for row in rows}
    for one, other in combinations(icon_parts.TASKS, 2):
        assert not drawn[one] & drawn[other], (one, other)


def read(row: int) -> icon_parts.IconRole:
    icons = glyphs("icons")
    reading = icon_parts.read(str(icons.names[row]), str(icons.families[row]))
    assert reading is not None
    return reading


@pytest.mark.parametrize("task", ["pictograms", "badges"])
def test_what_is_shown_is_in_one_split(task):
    shown = {split: {read(row).bundle for row in part(task, split).rows} for split in SPLITS}
    for one, other in combinations(SPLITS, 2):
        assert not shown[one] & shown[other], (one, other)


def test_concepts_of_pictograms_are_no_classes_of_icons():
    words = {word for text in concepts.ICONS.values() for word in text.split("/")}
    concept_words = set()
    for text in concepts.PICTOGRAMS.values():
        for concept in text.split():
            concept_words.update(concept.split("/"))
    assert not words & concept_words
    assert sum(len(text.split()) for text in concepts.PICTOGRAMS.values()) > 500


@pytest.mark.parametrize("other", concepts.OTHERS)
def test_exceptions_are_names_that_would_count(other):
    family, _, beginning = other.rpartition(": ")
    icons = glyphs("icons")
    pairs = set(zip(icons.families.tolist(), icons.names.tolist()))
    named = [name for whose, name in pairs if family in ("", whose)]
    assert any(f"{name} ".startswith(f"{beginning} ") and icon_parts.begins(name) for name in named)


@pytest.mark.parametrize("task", LETTER_TASKS)
def test_a_typeface_is_in_one_split(task):
    drawn = glyphs(collection(task))
    families = {}
    for split in SPLITS:
        rows = part(task, split).rows
        families[split] = set(zip(drawn.kinds[rows].tolist(), drawn.families[rows].tolist()))
        if task != "scripts":
            families[split] = {family for _, family in families[split]}
    for one, other in combinations(SPLITS, 2):
        assert not families[one] & families[other], (one, other)


def test_typefaces_that_splits_name_exist():
    letters = set(glyphs("letters").families.tolist())
    for families in letter_parts.LETTERS.values():
        assert set(families) <= letters
    scripts = glyphs("scripts")
    of_kind = {}
    for kind, family in zip(scripts.kinds.tolist(), scripts.families.tolist()):
        of_kind.setdefault(kind, set()).add(family)
    named = {family for families in letter_parts.GREEK.values() for family in families}
    assert named == of_kind.pop("greek")
    assert set(letter_parts.SCRIPTS) == set(of_kind)
    for kind, (val, test) in letter_parts.SCRIPTS.items():
        assert {*val, *test} < of_kind[kind]


@pytest.mark.parametrize("task", TASKS)
def test_the_corpus_gets_no_glyph_of_a_task(task):
    taken = np.concatenate([part(task, split).rows for split in SPLITS])
    assert held_out.drawings(collection(task))[taken].all()
    assert not np.isin(held_out.free(collection(task)), taken).any()


def test_enough_is_left_for_the_corpus():
    letters = glyphs("letters")
    free = set(letters.families[held_out.free("letters")].tolist())
    everything = set(letters.families.tolist())
    taken = {family for families in letter_parts.LETTERS.values() for family in families}
    assert free == everything - taken and 2 * len(free) >= len(everything)
    assert len(held_out.free("icons")) > 4000


def test_free_icons_name_no_class():
    names = glyphs("icons").names[held_out.free("icons")].tolist()
    words = {word for name in names for word in name.split()}
    for label in (*icon_parts.classes("icons"), *icon_parts.classes("badges")):
        assert label not in words
    assert not {"dog", "dolphin", "folder", "guitar", "plus", "lock"} & words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog on a hill", True),
        ("dogs", True),
        ("a dogma", False),
        ("an arabic letter", True),
        ("a palm tree", True),
        ("a palm", False),
        ("with a check mark", True),
        ("a red sphere", False),
    ],
)
def test_words_of_classes(text, expected):
    assert held_out.has_class_word(text) is expected


@pytest.mark.parametrize(
    ("name", "task", "label"),
    [
        ("file music", "icons", "file"),
        ("file plus", "icons", "file"),
        ("person running", "pictograms", "a sport"),
        ("person", "icons", "person"),
        ("table furniture", "pictograms", "something in a household"),
        ("table column", "icons", "table"),
        ("printer off", "badges", "slash"),
        ("dog off", "badges", "slash"),
        ("dog side", "pictograms", "an animal"),
    ],
)
def test_names_are_read_from_their_beginning(name, task, label):
    reading = icon_parts.read(name)
    assert reading is not None and (reading.task, reading.label) == (task, label)


@pytest.mark.parametrize("name", ["zodiac leo", "car brake abs", "plus", "off"])
def test_other_names_are_of_no_task(name):
    assert icon_parts.read(name) is None
