"""The control: captions of the pre-training world that were held out of pre-training, and none of which names a task's
class.

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

# How many held-out compositions of each family: as many as exist of the small ones, the rest from the large ones.
QUOTAS = {
    "terrain": 4,
    "scenes": 4,
    "scripts": 12,
    "textures": 6,
    "fields": 16,
    "layouts": 28,
    "glyphs": 22,
    "shapes": 28,
    "solids": 25,
}
PER_CLASS = {"val": 8, "test": 31}
# Words of the eight tasks' classes: a composition with one of them would be hurt by forgetting that task.
TASK_WORDS = re.compile(
    r"digit|brick|grass|gravel|moon|text|coins|handwriting|ripples|cat|coffee|rocket|retina|tissue|galaxies|temple|"
    r"flower|astronaut|"
    r"officer|plain|peak|ridge|valley|slope|coast|water|sun|cloud|umbrella|snowman|star|telephone|cup|skull|"
    r"radioactive|peace|yin|"
    r"smiling|chess|spade|heart|diamond|club|note|recycling|wheelchair|flag|anchor|gear|lightning|scissors|airplane|"
    r"envelope|check mark|"
    r"snowflake|shiny|striped|spotted|armenian|georgian|hebrew|arabic|lao|cyrillic|braille|nko|cree|ogham"
)


@cache
def classes() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(family, composition) of each class, in a fixed order."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for family, quota in QUOTAS.items():
        rng = generator("control classes", family)
        drawn = corpus.family(family)
        mine = {}
        for _ in range(10_000 if quota > 6 else 3_000):
            composition = drawn.compose(rng)
            text = drawn.phrase(composition)
            if corpus.is_held_out(text) and not TASK_WORDS.search(text):
                mine.setdefault(text, (family, composition))
            if len(mine) == quota:
                break
        found += mine.values()
    assert len(found) >= 100, len(found)
    return tuple(found)


TASK = Task(
    title="Compositions (control)",
    class_names=tuple(
        corpus.family(family).phrase(composition) for family, composition in classes()
    ),
    templates=("{}", "a photo of {}", "a picture of {}", "an image of {}"),
    kind="generated",
    source="tangent_bench's pre-training world, compositions held out by a hash of their phrase",
    licence="MIT",
    splits=("val", "test"),
)


def load(split: str) -> Images:
    """Pictures of every class, drawn afresh for each split.

    Raises:
        ValueError: a split other than "val" and "test".
    """
    if split not in PER_CLASS:
        raise ValueError(
            f"The control has no split {split!r}; expected one of {', '.join(TASK.splits)}."
        )
    images, labels = [], []
    for label, (family, composition) in enumerate(classes()):
        rng = generator("control", split, label)
        for _ in range(PER_CLASS[split]):
            images.append(corpus.family(family).render(rng, composition))
            labels.append(label)
    order = generator("control order", split).permutation(len(labels))
    # Worse light and more noise than the pre-training had: a control near 100 % would notice forgetting late.
    pixels = jitter(
        np.stack(images)[order],
        generator("control light", split),
        (16, 72),
        brightness=30,
        noise=24,
    )
    return Images(
        pixels, np.array(labels, dtype=np.int64)[order], np.arange(len(labels), dtype=np.int64)
    )
