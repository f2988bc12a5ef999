"""Splits that share no text, no near-copy and no unit.

Excerpts whose words are the same count once, and not at all where their classes differ. Of excerpts
of different units that share NEAR of their words (Jaccard's index of the sets) one stays; joining
their units instead would chain most of a subject together. A unit lies in one split, and val and
test take one excerpt of a unit, so that texts there are independent of one another as well.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tangent_bench.images.task import SPLITS
from tangent_bench.seeds import derive
from tangent_bench.texts.sources.wording import Excerpt, plain

NEAR = 0.7
SIZES = {"train": 2400, "val": 300, "test": 750}
# Of the units of a class, at most, so that train has some of each class.
SHARES = {"val": 0.22, "test": 0.45}
SHARES_OF_CONTROL = {"val": 0.3, "test": 0.7}
MOST_OF_UNIT = 6  # texts in train


def distinct(excerpts: Iterable[Excerpt]) -> list[Excerpt]:
    """One excerpt for each text, sorted; none of a text that is in two classes."""
    found: dict[str, Excerpt] = {}
    classes: dict[str, set[str]] = defaultdict(set)
    for excerpt in sorted(excerpts):
        key = plain(excerpt.text)
        found.setdefault(key, excerpt)
        classes[key].add(excerpt.class_name)
    return [excerpt for key, excerpt in found.items() if len(classes[key]) == 1]


def near_copies(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Numbers of the pairs of texts that share at least NEAR of their words.

    Two sets that are so alike share one of each other's rarest words: only texts that do are
    compared (prefix filtering; Chaudhuri, Ganti, Kaushik, ICDE 2006).
    """
    sets = [frozenset(plain(text).split()) for text in texts]
    counts = Counter(word for words in sets for word in words)
    of_word: dict[str, list[int]] = defaultdict(list)
    for number, words in enumerate(sets):
        ordered = sorted(words, key=lambda word: (counts[word], word))
        length = len(words) - math.ceil(NEAR * len(words)) + 1
        candidates: set[int] = set()
        for word in ordered[:length]:
            candidates.update(of_word[word])
            of_word[word].append(number)
        for other in sorted(candidates):
            if len(words & sets[other]) >= NEAR * len(words | sets[other]):
                yield other, number


def apart(excerpts: Sequence[Excerpt]) -> list[Excerpt]:
    """Those that are no near-copy of an earlier one, unless both are of one unit."""
    dropped: set[int] = set()
    for one, other in near_copies([excerpt.text for excerpt in excerpts]):
        if one not in dropped and excerpts[one].unit != excerpts[other].unit:
            dropped.add(other)
    return [excerpt for number, excerpt in enumerate(excerpts) if number not in dropped]


def separate(
    task: str, excerpts: Iterable[Excerpt], splits: Sequence[str] = SPLITS
) -> dict[str, list[Excerpt]]:
    """Split → its excerpts, sorted by class and text, the same for the same excerpts in any order.

    Args:
        task: its name, which seeds the order in which units are dealt.
        excerpts: all that there are.
        splits: those of the task; a control has no "train".
    """
    drawn = distinct(excerpts)
    drawn.sort(key=lambda excerpt: derive("texts", task, excerpt.text))
    units: dict[str, list[Excerpt]] = defaultdict(list)
    for excerpt in apart(drawn):
        units[excerpt.unit].append(excerpt)
    has_train = "train" in splits
    places = _Places(list(units.values()), SHARES if has_train else SHARES_OF_CONTROL)
    taken: dict[str, list[Excerpt]] = {split: [] for split in splits}
    for unit in units.values():
        for split in ("test", "val"):
            excerpt = places.needed(split, unit)
            if excerpt is not None:
                taken[split].append(excerpt)
                break
        else:
            if has_train:
                taken["train"] += places.room_in_train(unit)
    return {split: sorted(found, key=_by_class) for split, found in taken.items()}


def _by_class(excerpt: Excerpt) -> tuple[str, str]:
    return excerpt.class_name, excerpt.text


class _Places:
    """How many texts of each class the splits still take."""

    def __init__(self, units: Sequence[Sequence[Excerpt]], shares: dict[str, float]) -> None:
        num_units: dict[str, float] = defaultdict(float)
        for unit in units:
            classes = {excerpt.class_name for excerpt in unit}
            for name in classes:
                num_units[name] += 1 / len(classes)
        num_classes = len(num_units)
        room = math.ceil(SIZES["train"] / num_classes)
        self._left = {"train": dict.fromkeys(num_units, room)}
        for split, share in shares.items():
            wanted = math.ceil(SIZES[split] / num_classes)
            self._left[split] = {}
            for name, number in num_units.items():
                self._left[split][name] = min(wanted, int(share * number))

    def needed(self, split: str, unit: Sequence[Excerpt]) -> Excerpt | None:
        """The excerpt of a unit whose class a split needs most; it is taken."""
        best = max(unit, key=lambda excerpt: self._left[split][excerpt.class_name])
        if self._left[split][best.class_name] == 0:
            return None
        self._left[split][best.class_name] -= 1
        return best

    def room_in_train(self, unit: Sequence[Excerpt]) -> list[Excerpt]:
        """The excerpts of a unit that train takes."""
        found = []
        for excerpt in unit[:MOST_OF_UNIT]:
            if self._left["train"][excerpt.class_name] > 0:
                self._left["train"][excerpt.class_name] -= 1
                found.append(excerpt)
        return found
