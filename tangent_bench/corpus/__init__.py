"""The pre-training world: captioned 32 × 32 images from programs, one file for each family.

A family module has three functions. `compose(rng)` decides what to show (what, which colour, on
which ground: a tuple of words); `phrase(composition)` says it; `render(rng, composition)` draws an
example. Captions are paraphrases of the phrase. One composition in `HELD_OUT_MODULUS` is never used
for pre-training: the control task consists of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from tangent_bench import registry
from tangent_bench.seeds import derive, generator

SIDE = 32
HELD_OUT_MODULUS = 40


class Sample(NamedTuple):
    """image_HWC uint8 of side 32, and the phrase that names its composition."""

    image: np.ndarray
    phrase: str


@cache
def family(name: str) -> ModuleType:
    """The module of the family `name`."""
    return registry.every("corpus")[name]


def is_held_out(phrase: str) -> bool:
    """Whether the composition of a `phrase` is the control's (one in 40, by a hash)."""
    return derive("held-out composition", phrase) % HELD_OUT_MODULUS == 0


def compose(name: str, rng: np.random.Generator, held_out: bool = False) -> tuple[str, ...]:
    """A composition that `rng` draws from the family `name`.

    It is from the `held_out` part of the world, or from the part for pre-training.
    """
    module = family(name)
    while True:
        composition = module.compose(rng)
        if is_held_out(module.phrase(composition)) == held_out:
            return composition


def sample(seed: int, index: int, families: Mapping[str, int]) -> Sample:
    """Picture `index` of the corpus with `seed`; shards can be drawn in any order.

    Args:
        seed: of the corpus.
        index: of the picture.
        families: how often each is drawn, in relation to the others; their order counts.
    """
    rng = generator("corpus", seed, index)
    name, composition = _drawn(rng, families)
    module = family(name)
    return Sample(module.render(rng, composition), module.phrase(composition))


def phrase(seed: int, index: int, families: Mapping[str, int]) -> str:
    """The phrase of the same picture, which is not drawn."""
    name, composition = _drawn(generator("corpus", seed, index), families)
    return family(name).phrase(composition)


def _drawn(rng: np.random.Generator, families: Mapping[str, int]) -> tuple[str, tuple[str, ...]]:
    """A family and a composition of it."""
    names = list(families)
    weights = np.array([families[name] for name in names], dtype=np.float64)
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return name, compose(name, rng)
