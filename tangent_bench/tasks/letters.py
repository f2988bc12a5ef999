"""Letters: the 26 capitals in typefaces that differ by split. Of the development world: it chooses settings."""

from __future__ import annotations

import string

import numpy as np

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import any_colour, contrasting
from tangent_bench.tasks._glyphs import LICENCE, MONO, SANS, SERIF, glyph
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._warp import rotated

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
    source="DejaVu capitals on blurred colours. Train: Sans and upright Sans Mono; validation: slanted Sans Mono; "
    "test: Serif",
    licence=LICENCE,
    block="letter and typeface",
)
FACES = {"train": SANS + MONO[:2], "val": MONO[2:], "test": SERIF}
NUM_IMAGES = {"train": 2600, "val": 520, "test": 1040}
CANVAS = 64  # twice the size of the image


def _image(letter: str, face: str, rng: np.random.Generator) -> np.ndarray:
    paper = any_colour(rng)
    picture, mask = blurry(rng, CANVAS, paper), glyph(letter, face, int(rng.integers(44, 66)))
    ink = picture.convert("L").point([0] * 256)
    ink.paste(mask, ((CANVAS - mask.width) // 2, (CANVAS - mask.height) // 2))
    shift = (int(rng.integers(-7, 8)), int(rng.integers(-7, 8)))
    picture.paste(
        contrasting(rng, paper, 90), mask=rotated(ink, int(rng.integers(-40, 41)) / 128, 1.0, shift)
    )
    return np.asarray(picture.reduce(2))


def load(split: str) -> Images:
    """The images of `split` (2,600, 520 and 1,040).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "letters", split)
    labels = balanced_labels(NUM_IMAGES[split], 26, rng)
    faces = rng.integers(0, len(FACES[split]), len(labels))
    images = [
        _image(string.ascii_uppercase[k], FACES[split][f], rng) for k, f in zip(labels, faces)
    ]
    pixels = jitter(np.stack(images), rng, contrast=(44, 72), brightness=20, noise=8)
    first = (SANS + MONO + SERIF).index(FACES[split][0])
    return Images(pixels, labels, labels * 12 + first + faces)
