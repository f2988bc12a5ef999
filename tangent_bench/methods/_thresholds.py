"""Values that split the entries of one whole vector. Takes one vector's memory: NumPy partitions in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
    return smallest_of_largest((value.abs() for value in parts.values()), total, share)


def smallest_of_largest(parts: Iterable[Tensor], total: int, share: float) -> float:
    """The smallest of the `share` largest entries of all parts, `total` entries together; at least one of them.

    >>> smallest_of_largest(iter([torch.tensor([1.0, -4.0]), torch.tensor([3.0])]), 3, 0.7)
    1.0
    """
    entries, filled = None, 0
    for part in parts:
        if entries is None:
            entries = torch.empty(total, dtype=part.dtype)
        entries[filled : filled + part.numel()].copy_(part.reshape(-1))
        filled += part.numel()
    kept = max(1, round(share * total))
    values = entries.numpy()
    values.partition(total - kept)
    return float(values[total - kept])
