"""Tasks of the letters of an alphabet in many typefaces, none of which is in two splits."""

from __future__ import annotations

import numpy as np

from tangent_bench.tasks import Images
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._lettering import Spread, lettering
from tangent_bench.tasks._photometric import jitter
from tangent_bench.typefaces import glyphs
from tangent_bench.typefaces.parts import GlyphPart

SPREAD = Spread(sizes=(34, 49), lean=32, shift=5)
NUM_TRAIN = 3000
PER_UNIT = 2  # images of a unit in validation and test


def draw_letters(collection: str, part: GlyphPart, split: str, rng: np.random.Generator) -> Images:
    """Images of a `part` of a `collection`; a block is a letter of a typeface.

    `rng` draws NUM_TRAIN for training, each class equally often; PER_UNIT of each block otherwise.
    """
    if split == "train":
        labels = balanced_labels(NUM_TRAIN, int(part.labels.max()) + 1, rng)
        chosen = [rng.choice(np.flatnonzero(part.labels == label)) for label in labels]
    else:
        chosen = []
        for unit in np.unique(part.units):
            chosen += rng.choice(np.flatnonzero(part.units == unit), PER_UNIT).tolist()
        chosen = rng.permutation(chosen)
    places = np.array(chosen)
    inks = glyphs(collection).inks[part.rows[places]]
    images = np.stack([lettering(ink, SPREAD, rng) for ink in inks])
    images = jitter(images, rng, contrast=(44, 72), brightness=20, noise=8)
    return Images(images, part.labels[places], part.units[places])
