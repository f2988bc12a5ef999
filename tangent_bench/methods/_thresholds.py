"""Magnitudes that split the entries of one whole vector. Takes one vector's memory: NumPy partitions in place."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def smallest_kept(vector: Mapping[str, Tensor], share: float) -> float:
    """The smallest of the `share` largest magnitudes among all floating-point entries, at least one of them.

    >>> vector = {"a": torch.tensor([1.0, -4.0]), "b": torch.tensor([[3.0], [2.0]])}
    >>> smallest_kept(vector, 0.5), smallest_kept(vector, 0.01)
    (3.0, 4.0)
    """
    parts = {name: value for name, value in vector.items() if value.is_floating_point()}
    total = sum(value.numel() for value in parts.values())
    magnitudes = torch.empty(total, dtype=next(iter(parts.values())).dtype)
    filled = 0
    for value in parts.values():
        torch.abs(value.reshape(-1), out=magnitudes[filled : filled + value.numel()])
        filled += value.numel()
    kept = max(1, round(share * total))
    values = magnitudes.numpy()
    values.partition(total - kept)
    return float(values[total - kept])
