"""The control: captions held out of pre-training, none of which names a class of a task.

A model that forgets a task must still tell these apart. There is no training split.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from tangent_bench import corpus
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._photometric import jitter
from tangent_bench.typefaces.held_out import has_class_word

# Number of held-out compositions of each family: all of the small, the rest from the large ones.
QUOTAS = {
    "terrain": 4,
    "scenes": 4,
    "scripts": 12,
    "textures": 6,
    "fields": 16,
    "layouts": 36,
    "shapes": 36,
    "solids": 32,
}
PER_CLASS = {"val": 8, "test": 31}
# Words of the classes of tasks that are not made of glyphs: forgetting a task would hurt a
# composition with one of them.
TASK_WORDS = re.compile(
    r"digit|letter\b|plain|peak|ridge|valley|slope|coast|water|shiny|striped|spotted"
)


def _names_a_class(phrase: str) -> bool:
    return bool(TASK_WORDS.search(phrase)) or has_class_word(phrase)


@cache
def classes() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(family, composition) of each class, in a fixed order."""
    chosen = []
    for family, quota in QUOTAS.items():
        for composition in _held_out(family, quota):
            chosen.append((family, composition))
    assert len(chosen) >= 100, len(chosen)
    return tuple(chosen)


def _held_out(name: str, quota: int) -> list[tuple[str, ...]]:
    """Up to `quota` held-out compositions of a family with different phrases."""
    rng = generator("control classes", name)
    family = corpus.family(name)
    compositions: dict[str, tuple[str, ...]] = {}
    for _ in range(10_000 if quota > 6 else 3_000):
        composition = family.compose(rng)
        phrase = family.phrase(composition)
        if corpus.is_held_out(phrase) and not _names_a_class(phrase):
            compositions.setdefault(phrase, composition)
        if len(compositions) == quota:
            break
    return list(compositions.values())


@cache
def task() -> Task:
    """The module's `TASK`."""
    phrases = [corpus.family(family).phrase(composition) for family, composition in classes()]
    return Task(
        title="Compositions (control)",
        class_names=tuple(phrases),
        templates=("{}", "a photo of {}", "a picture of {}", "an image of {}"),
        kind="generated",
        source="tangent_bench's pre-training world, compositions held out by a hash of their "
        "phrase",
        licence="MIT",
        splits=tuple(PER_CLASS),
    )


def __getattr__(name: str) -> Task:
    """Makes `TASK` at its first use: its classes take a second, and the Snakefile needs none."""
    if name == "TASK":
        return task()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load(split: str) -> Images:
    """Pictures of every class, drawn afresh for each split.

    Raises:
        ValueError: a split other than "val" and "test".
    """
    if split not in PER_CLASS:
        raise ValueError(
            f"The control has no split {split!r}; expected one of {', '.join(PER_CLASS)}."
        )
    images = []
    labels = []
    for label, (family, composition) in enumerate(classes()):
        rng = generator("control", split, label)
        for _ in range(PER_CLASS[split]):
            images.append(corpus.family(family).render(rng, composition))
            labels.append(label)
    order = generator("control order", split).permutation(len(labels))
    # Light is worse and noise stronger than in pre-training: a control near 100 % would notice
    # forgetting late.
    light = generator("control light", split)
    pixels = jitter(np.stack(images)[order], light, (16, 72), brightness=30, noise=24)
    return Images(pixels, np.array(labels, dtype=np.int64)[order], np.arange(len(labels)))
