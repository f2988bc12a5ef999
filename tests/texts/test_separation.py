"""Dealing texts to splits: by hand, and against all pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tangent_bench.texts.sources import packages
from tangent_bench.texts.sources.separation import (
    NEAR,
    apart,
    distinct,
    near_copies,
    separate,
)
from tangent_bench.texts.sources.wording import Excerpt, first_sentence, is_fit, words

WORDS = [first + last for first in "bdfgklmnprstvz" for last in ("ada", "oro", "umu", "ene")]


def drawn(seed, number=400):
    """Excerpts of one to six words of few, so that many are alike."""
    rng = np.random.Generator(np.random.PCG64(seed))
    made = []
    for place in range(number):
        some = rng.choice(WORDS, rng.integers(1, 7))
        made.append(Excerpt(" ".join(some), f"class {place % 3}", f"unit {place // 2}"))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_near_copies_are_those_of_all_pairs(seed):
    texts = [excerpt.text for excerpt in drawn(seed)]
    sets = [set(words(text)) for text in texts]
    expected = set()
    for one, other in itertools.combinations(range(len(texts)), 2):
        if len(sets[one] & sets[other]) >= NEAR * len(sets[one] | sets[other]):
            expected.add((one, other))
    assert len(expected) > 20
    assert set(near_copies(texts)) == expected


def test_texts_count_once_and_not_in_two_classes():
    excerpts = [
        Excerpt("Crème, 2nd", "a", "1"),
        Excerpt("creme nd", "a", "2"),
        Excerpt("twice", "a", "3"),
        Excerpt("Twice!", "b", "4"),
    ]
    assert [excerpt.text for excerpt in distinct(excerpts)] == ["Crème, 2nd"]


def test_near_copies_of_other_units_go_and_those_of_one_stay():
    excerpts = [
        Excerpt("one two three four", "a", "1"),
        Excerpt("one two three four five", "a", "2"),
        Excerpt("one two three four six", "a", "1"),
        Excerpt("two three four five seven eight", "a", "3"),
    ]
    kept = [excerpt.text.split()[-1] for excerpt in apart(excerpts)]
    assert kept == ["four", "six", "eight"]


@pytest.mark.parametrize("seed", range(3))
def test_splits_share_no_unit_and_no_near_copy_in_any_order(seed):
    excerpts = drawn(seed, 900)
    splits = separate("a task", excerpts)
    assert splits == separate("a task", excerpts[::-1]) != separate("another", excerpts)
    assert all(splits[split] for split in ("train", "val", "test"))
    found = [(split, excerpt) for split, own in splits.items() for excerpt in own]
    for (split, one), (other_split, other) in itertools.combinations(found, 2):
        if split == other_split == "train":
            continue
        assert one.unit != other.unit
        here = set(words(one.text))
        there = set(words(other.text))
        assert len(here & there) < NEAR * len(here | there)


def test_a_control_has_no_train():
    splits = separate("a control", drawn(6), ("val", "test"))
    assert set(splits) == {"val", "test"} and min(map(len, splits.values())) > 20


@pytest.mark.parametrize(
    ("paragraph", "sentence"),
    [
        ("Return x.\n  More.", "Return x"),
        ("no end", "no end"),
        ("See e.g. Knuth. Then go.", "See e.g. Knuth"),
        ("Version 2.5 of it. End.", "Version 2.5 of it"),
    ],
)
def test_first_sentences(paragraph, sentence):
    assert first_sentence(paragraph) == sentence


def test_what_is_too_short_or_too_long_is_not_taken():
    assert not is_fit("12 ab") and is_fit("abc") and not is_fit("abc", fewest_words=2)
    assert is_fit("word " * 24) and not is_fit("word " * 25)


def test_packages_are_those_that_are_pinned(tmp_path):
    with pytest.raises(ValueError, match=r"There is no .*\.whl: `make texts` downloads textblob"):
        packages.Wheel(tmp_path, "textblob")
    pin = packages.pins()["textblob"]
    (tmp_path / pin.file).write_bytes(b"other")
    with pytest.raises(ValueError, match="is not the file that packages.csv names"):
        packages.Wheel(tmp_path, "textblob")
    assert f"textblob=={pin.version} --hash=sha256:{pin.sha256}\n" in packages.wheels()
    assert "numpy" not in packages.wheels()


def test_other_versions_of_installed_packages_are_refused(monkeypatch):
    other = packages.pins()["numpy"]._replace(version="0.0")
    monkeypatch.setattr(packages, "pins", lambda: {"numpy": other, "no-such": other})
    with pytest.raises(ValueError, match=r"numpy .* is installed, but .* taken from 0\.0"):
        packages.installed("numpy", "numpy")
    with pytest.raises(ValueError, match="no-such is not installed: `make install` brings"):
        packages.installed("no-such", "no_such_module_here")
