"""Values that split the entries of one whole vector.

NumPy partitions in place, so they take one vector's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor


def smallest_kept(vector: Mapping[str, Tensor], share: float) -> float:
    """The smallest of the `share` largest magnitudes among all floating-point entries of `vector`.

    At least one entry is kept.

    >>> vector = {"a": torch.tensor([1.0, -4.0]), "b": torch.tensor([[3.0], [2.0]])}
    >>> smallest_kept(vector, 0.5), smallest_kept(vector, 0.01)
    (3.0, 4.0)
    """
    parts = [value for value in vector.values() if value.is_floating_point()]
    total = sum(value.numel() for value in parts)
    num_kept = max(1, round(share * total))
    return order_statistics((value.abs() for value in parts), total, [total - num_kept])[0]


def order_statistics(parts: Iterable[Tensor], total: int, ranks: Sequence[int]) -> list[float]:
    """The entries of these ranks among all `parts`, `total` entries together; 0 is the smallest.

    >>> order_statistics(iter([torch.tensor([1.0, -4.0]), torch.tensor([3.0])]), 3, [0, 2])
    [-4.0, 3.0]
    """
    parts = iter(parts)
    first = next(parts)
    entries_N = torch.empty(total, dtype=first.dtype)
    entries_N[: first.numel()].copy_(first.reshape(-1))
    filled = first.numel()
    for part in parts:
        entries_N[filled : filled + part.numel()].copy_(part.reshape(-1))
        filled += part.numel()
    values_N = entries_N.numpy()
    values_N.partition(sorted(set(ranks)))
    return [float(values_N[rank]) for rank in ranks]
