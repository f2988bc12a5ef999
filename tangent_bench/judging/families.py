"""Families: models that a claim pools. Pre-training seeds of one base are replicates; any other model stands alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tangent_bench.models import REBUILT


@dataclass(frozen=True)
class Family:
    """Models that are replicates of one another.

    Attributes:
        base: the plug-in that they are made of; of a model that stands alone, its name.
        models: their names, by pre-training seed.
        rebuilt: whether the DAG pre-trained them.
    """

    base: str
    models: tuple[str, ...]
    rebuilt: bool = False


def pretraining_seed(model: str) -> int | None:
    """The number of a pre-training that the DAG made, or None.

    >>> pretraining_seed("tiny-pre2"), pretraining_seed("tiny")
    (2, None)
    """
    found = REBUILT.fullmatch(model)
    return int(found["seed"]) if found else None


def families(models: Iterable[str]) -> list[Family]:
    """The families of these models, in order of appearance.

    >>> [(f.base, f.models) for f in families(["tiny", "tiny-pre1", "wide-pre0", "tiny-pre0"])]
    [('tiny', ('tiny',)), ('tiny', ('tiny-pre0', 'tiny-pre1')), ('wide', ('wide-pre0',))]
    """
    of_base: dict[tuple[str, bool], list[str]] = {}
    for model in dict.fromkeys(models):
        found = REBUILT.fullmatch(model)
        of_base.setdefault((found["base"], True) if found else (model, False), []).append(model)
    return [
        Family(base, tuple(sorted(names, key=pretraining_seed) if rebuilt else names), rebuilt)
        for (base, rebuilt), names in of_base.items()
    ]
