"""One parameter at a time through all vectors: T + 1 tensors in memory, however large the model is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor


def each_parameter(vectors: Mapping[str, Mapping[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """(name, stack [T, ...]) of every parameter with floating-point entries; T in the order of the vectors."""
    for name in next(iter(vectors.values())):
        first = next(iter(vectors.values()))[name]
        if first.is_floating_point():
            yield name, torch.stack([vector[name] for vector in vectors.values()])


def merge_each(
    vectors: Mapping[str, Mapping[str, Tensor]], merge: Callable[[str, Tensor], Tensor]
) -> dict[str, Tensor]:
    """merge(name, stack [T, ...]) → tensor [...] for every floating-point parameter; others do not move (zeros)."""
    merged = {name: merge(name, stack) for name, stack in each_parameter(vectors)}
    first = next(iter(vectors.values()))
    return {
        name: merged[name] if name in merged else torch.zeros_like(first[name]) for name in first
    }
