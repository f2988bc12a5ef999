"""Families: the models that a claim pools.

The pre-training seeds of one base are replicates. Any other model stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tangent_bench.models import REBUILT


@dataclass(frozen=True)
class Family:
    """Models that are replicates of one another.

    Attributes:
        base: the model plug-in of the replicates; for a model that stands alone, its name.
        models: their names, by pre-training seed.
        rebuilt: whether the DAG pre-trained them.
    """

    base: str
    models: tuple[str, ...]
    rebuilt: bool = False


def pretraining_seed(model: str) -> int | None:
    """Returns the number of the pre-training if the DAG made the model, else None.

    >>> pretraining_seed("tiny-pre2"), pretraining_seed("tiny")
    (2, None)
    """
    match = REBUILT.fullmatch(model)
    return int(match["seed"]) if match else None


def families(models: Iterable[str]) -> list[Family]:
    """Returns the families of these models, in order of appearance.

    >>> [(f.base, f.models) for f in families(["tiny", "tiny-pre1", "wide-pre0", "tiny-pre0"])]
    [('tiny', ('tiny',)), ('tiny', ('tiny-pre0', 'tiny-pre1')), ('wide', ('wide-pre0',))]
    """
    members: dict[tuple[str, bool], list[str]] = {}
    for model in dict.fromkeys(models):
        match = REBUILT.fullmatch(model)
        key = (match["base"], True) if match else (model, False)
        members.setdefault(key, []).append(model)
    return [
        Family(base, tuple(sorted(names, key=_by_seed)), rebuilt)
        for (base, rebuilt), names in members.items()
    ]


def _by_seed(model: str) -> int:
    """Orders replicates by seed; a model that stands alone is its family's only member."""
    return pretraining_seed(model) or 0
