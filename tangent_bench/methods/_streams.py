"""One parameter at a time through all vectors: T + 1 tensors in memory, however large the model
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

Vectors = Mapping[str, Mapping[str, Tensor]]


def each_parameter(vectors: Vectors) -> Iterator[tuple[str, Tensor]]:
    """(name, stack [T, ...]) of every floating-point parameter; T in the order of the vectors."""
    for name in next(iter(vectors.values())):
        first = next(iter(vectors.values()))[name]
        if first.is_floating_point():
            yield name, torch.stack([vector[name] for vector in vectors.values()])


def merge_each(vectors: Vectors, merge: Callable[[str, Tensor], Tensor]) -> dict[str, Tensor]:
    """The merged tensor [...] of every floating-point parameter; others do not move (zeros).

    Args:
        vectors: of all tasks.
        merge: (name, stack [T, ...]) → tensor [...].
    """
    merged = {name: merge(name, stack) for name, stack in each_parameter(vectors)}
    first = next(iter(vectors.values()))
    return {
        name: merged[name] if name in merged else torch.zeros_like(first[name]) for name in first
    }
