"""The pre-training world: captioned 32 × 32 images from programs, one file for each family.

A family module has three functions. `compose(rng)` decides what is shown (what, which colour, on what: a tuple of
words); `phrase(composition)` says it; `render(rng, composition)` draws an example. Captions are paraphrases of the
phrase. One composition in `HELD_OUT_MODULUS` is never pre-trained on: the control task is made of those.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from tangent_bench import registry
from tangent_bench.seeds import derive, generator

SIDE = 32
HELD_OUT_MODULUS = 40
# How often each family is drawn; glyphs and shapes carry the largest vocabularies.
WEIGHTS = {
    "glyphs": 6, "shapes": 6, "solids": 4, "textures": 4, "terrain": 4, "scenes": 4, "scripts": 3, "layouts": 2,
    "fields": 1,
}  # fmt: skip


class Picture(NamedTuple):
    """image_HWC uint8 of side 32, and the phrase that names its composition."""

    image: np.ndarray
    phrase: str


@cache
def family(name: str) -> ModuleType:
    """The module of a family."""
    return registry.every("corpus")[name]


def is_held_out(phrase: str) -> bool:
    """Whether a composition belongs to the control's world (one in 40, by a hash of the phrase)."""
    return derive("held-out composition", phrase) % HELD_OUT_MODULUS == 0


def compose(name: str, rng: np.random.Generator, held_out: bool = False) -> tuple[str, ...]:
    """A composition of a family, either from the pre-training part of the world or from the held-out part."""
    module = family(name)
    while True:
        composition = module.compose(rng)
        if is_held_out(module.phrase(composition)) == held_out:
            return composition


def sample(seed: int, index: int) -> Picture:
    """Picture `index` of the corpus with `seed`; it depends on nothing else, so shards can be drawn in any order."""
    rng = generator("corpus", seed, index)
    families = list(WEIGHTS)
    weights = np.array([WEIGHTS[f] for f in families], dtype=np.float64)
    name = families[int(rng.choice(len(families), p=weights / weights.sum()))]
    module = family(name)
    composition = compose(name, rng)
    return Picture(module.render(rng, composition), module.phrase(composition))
