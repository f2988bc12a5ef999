"""The contract of every task of texts, and that its splits share nothing."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest
from scipy import sparse

from tangent_bench import registry, texts
from tangent_bench.images.task import SPLITS
from tangent_bench.texts import _tables
from tangent_bench.texts.sources import licences, packages
from tangent_bench.texts.sources.separation import NEAR, separate
from tangent_bench.texts.sources.wording import MOST_WORDS, plain, tidy, words

NAMES = registry.names("texts")
LEARNED = [name for name in NAMES if name != texts.CONTROL]
FEWEST = {"train": 450, "val": 250, "test": 500}


def loaded(name):
    """Split → texts of a task."""
    module = registry.load("texts", name)
    return {split: module.load(split) for split in module.TASK.splits}


def test_there_are_eight_tasks_and_a_control():
    assert len(LEARNED) == 8
    assert registry.load("texts", texts.CONTROL).TASK.splits == ("val", "test")


@pytest.mark.parametrize("name", NAMES)
def test_fields_and_prompts_are_valid(name):
    task = registry.load("texts", name).TASK
    assert task.title and task.source and task.licence and task.block
    assert task.splits == (SPLITS if name in LEARNED else SPLITS[1:])
    assert len(set(task.class_names)) == len(task.class_names) >= 3
    assert len(set(task.templates)) == len(task.templates) >= 2
    for template in task.templates:
        assert template.count("{}") == 1 and template.count("{") == 1
    for class_name in task.class_names:
        assert class_name == class_name.strip().lower() and class_name


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_large_and_have_every_class(name):
    num_classes = len(registry.load("texts", name).TASK.class_names)
    for split, (found, labels, blocks) in loaded(name).items():
        assert len(found) == len(labels) == len(blocks) >= FEWEST[split], split
        assert labels.dtype == blocks.dtype == np.int64
        counts = np.bincount(labels, minlength=num_classes)
        assert len(counts) == num_classes and counts.min() >= 3, (split, counts)


@pytest.mark.parametrize("name", NAMES)
def test_texts_can_be_read(name):
    for found, _, _ in loaded(name).values():
        for text in found:
            assert text == tidy(text) and text.isprintable(), text
            assert 1 <= len(words(text)) <= MOST_WORDS, text


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_text_and_no_unit(name):
    splits = loaded(name)
    seen = set()
    units = set()
    for split, (found, _, blocks) in splits.items():
        own = {plain(text) for text in found}
        assert len(own) == len(found), f"{split} repeats a text"
        assert not own & seen and not set(blocks.tolist()) & units, split
        seen |= own
        units |= set(blocks.tolist())
        if split != "train":
            assert len(set(blocks.tolist())) == len(blocks), "each text is to be a unit of its own"


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_near_copy(name):
    """Jaccard's index of all pairs, by a product of matrices."""
    splits = loaded(name)
    found = [text for texts_, _, _ in splits.values() for text in texts_]
    sides = np.repeat(np.arange(len(splits)), [len(each.texts) for each in splits.values()])
    shared, united = overlaps(found)
    close = shared >= NEAR * united
    np.fill_diagonal(close, False)
    is_test = sides > 0 if "train" in splits else sides >= 0
    apart = (sides[:, None] != sides) | (is_test[:, None] & is_test)
    pairs = np.argwhere(close & apart)
    assert not len(pairs), [found[number] for number in pairs[0]]


def overlaps(found):
    """How many words each two texts share, and how many they have together."""
    numbers = {}
    rows = []
    columns = []
    for row, text in enumerate(found):
        for word in set(words(text)):
            rows.append(row)
            columns.append(numbers.setdefault(word, len(numbers)))
    ones = np.ones(len(rows), np.float32)
    has = sparse.csr_matrix((ones, (rows, columns)), (len(found), len(numbers)))
    shared = (has @ has.T).toarray()
    counts = np.diag(shared)
    return shared, counts[:, None] + counts - shared


@pytest.mark.parametrize("name", NAMES)
def test_unknown_splits_are_refused_in_words(name):
    with pytest.raises(ValueError, match=f"Task '{name}' has no split 'nonsense': expected one of"):
        registry.load("texts", name).load("nonsense")


def test_unknown_tasks_are_refused_in_words():
    with pytest.raises(ValueError, match="'poems' in 'texts': expected one of bible, cities"):
        registry.load("texts", "poems")


def test_damaged_tables_are_refused_in_words(tmp_path):
    path = tmp_path / "x.csv"
    with pytest.raises(ValueError, match="cannot be read .*check it out again"):
        _tables.lines(path)
    path.write_text("split,class,unit,text\ntrain,a,b\n")
    with pytest.raises(ValueError, match="expected split, class, unit, text in every line"):
        _tables.lines(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["languages", "things"])
def test_a_table_is_what_its_packages_give(name):
    """Of the tasks whose packages are installed anyhow."""
    source = importlib.import_module(f"tangent_bench.texts.sources.{name}")
    module = registry.load("texts", name)
    try:
        excerpts = list(source.excerpts(_tables.FOLDER))
    except ValueError as other_version:
        pytest.skip(str(other_version))
    again = separate(name, excerpts, module.TASK.splits)
    lines = _tables.lines(_tables.FOLDER / module.TABLE)
    made = []
    for split, own in again.items():
        made += [[split, excerpt.class_name, excerpt.unit, excerpt.text] for excerpt in own]
    assert made == lines


def test_the_page_of_licences_is_that_of_the_pins():
    page = (_tables.FOLDER / "assets/LICENCES.md").read_text(encoding="utf-8")
    assert page == licences.page()
    for text in re.findall(r"\]\((licences/[^)]+)\)", page):
        assert (_tables.FOLDER / "assets" / text).is_file(), text
    assert {pin.task for pin in packages.pins().values()} == set(NAMES)
