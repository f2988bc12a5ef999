"""Letters: the 26 capitals in typefaces that differ by split.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

import string

import numpy as np

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._glyphs import LICENCE, MONO, SANS, SERIF
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._lettering import Spread, lettering
from tangent_bench.tasks._photometric import jitter

TASK = Task(
    title="Letters",
    class_names=tuple(string.ascii_lowercase),
    templates=(
        "the capital letter {}",
        "the letter {}",
        "a photo of the letter {}",
        "a large letter {}",
    ),
    kind="rendered",
    source="DejaVu capitals on blurred colours. Train: Sans and upright Sans Mono; validation: "
    "slanted Sans Mono; "
    "test: Serif",
    licence=LICENCE,
    block="letter and typeface",
)
FACES = {"train": SANS + MONO[:2], "val": MONO[2:], "test": SERIF}
NUM_IMAGES = {"train": 2600, "val": 520, "test": 1040}
SPREAD = Spread(sizes=(44, 65), lean=40, shift=7)


def load(split: str) -> Images:
    """The images of `split` (2,600, 520 and 1,040).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "letters", split)
    labels = balanced_labels(NUM_IMAGES[split], 26, rng)
    faces = rng.integers(0, len(FACES[split]), len(labels))
    images = []
    for label, face in zip(labels, faces):
        letter = string.ascii_uppercase[label]
        images.append(lettering(letter, FACES[split][face], SPREAD, rng))
    pixels = jitter(np.stack(images), rng, contrast=(44, 72), brightness=20, noise=8)
    first = (SANS + MONO + SERIF).index(FACES[split][0])
    return Images(pixels, labels, labels * 12 + first + faces)
