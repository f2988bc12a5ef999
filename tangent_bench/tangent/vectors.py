"""Arithmetic of parameter dictionaries: τ = θ* − θ0, and sums of such. Strict on names and shapes.

A *vector* is a dict from parameter name to tensor. Nothing here changes its inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Vector = dict[str, "Tensor"]


class NotFinite(ValueError):
    """A vector has entries that are no finite numbers."""


def require_same(
    a: Mapping[str, Tensor], b: Mapping[str, Tensor], name_a: str = "first", name_b: str = "second"
) -> None:
    """Raise unless `a` and `b`, which an error calls `name_a` and `name_b`, fit together.

    Raises:
        ValueError: names the first key that is missing or of another shape.
    """
    _require_keys(a, b, name_a, name_b)
    _require_keys(b, a, name_b, name_a)
    for key in a:
        shape_a = _shape(a, key)
        shape_b = _shape(b, key)
        if shape_a != shape_b:
            raise ValueError(
                f"Key {key!r} has shape {shape_a} in '{name_a}' and {shape_b} in '{name_b}'; "
                "were both built from the same model?"
            )


def _require_keys(
    a: Mapping[str, Tensor], b: Mapping[str, Tensor], name_a: str, name_b: str
) -> None:
    """Raise unless `a` has all keys of `b`."""
    missing = set(b) - set(a)
    if missing:
        raise ValueError(
            f"Vector '{name_a}' lacks key {min(missing)!r} that '{name_b}' has; "
            "were both built from the same model?"
        )


def _shape(vector: Mapping[str, Tensor], key: str) -> tuple[int, ...]:
    return vector.shape(key) if isinstance(vector, Stored) else tuple(vector[key].shape)


def require_finite(values: Mapping[str, Tensor], owner: str, advice: str) -> None:
    """Raise unless all entries are finite numbers.

    Args:
        values: by parameter, each read once.
        owner: whose they are, the beginning of the error's sentence.
        advice: its end.

    Raises:
        NotFinite: says how many there are, and in which parameter the first of them is.
    """
    first = next((name for name in values if not bool(_finite(values[name]).all())), None)
    if first is None:
        return
    bad = 0
    total = 0
    for name in values:
        are_finite = _finite(values[name])
        bad += int((~are_finite).sum())
        total += are_finite.numel()
    raise NotFinite(
        f"{owner} has {bad:,} of {total:,} entries that are no finite numbers, first in {first!r}; "
        f"{advice}."
    )


def _finite(value: Tensor) -> Tensor:
    """Which entries are finite numbers; PyTorch cannot ask numbers of eight bits."""
    is_tiny = value.is_floating_point() and value.element_size() == 1
    return (value.float() if is_tiny else value).isfinite()


class Stored(Mapping[str, "Tensor"]):
    """A vector that stays in its file: each access reads one tensor, and nothing keeps it.

    The content is checked against its digest once, when the file is opened.

    Raises:
        ValueError: no such file, a damaged one, or one that holds no vector.
    """

    def __init__(self, path: str | Path) -> None:
        from tangent_bench.store import artefacts

        arrays, self.about = artefacts.mapped(path, "vector")
        self._path = path
        self._shapes = {key: array.shape for key, array in arrays.items()}
        self._types = {key: array.dtype for key, array in arrays.items()}

    def __getitem__(self, key: str) -> Tensor:
        import torch
        from safetensors import safe_open

        # An array is a copy; a tensor would map the whole file, whose pages stay.
        with safe_open(self._path, framework="numpy") as file:
            return torch.from_numpy(file.get_tensor(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it."""
        return self._shapes[key]

    def dtype(self, key: str) -> torch.dtype:
        """The type of a tensor, without reading it."""
        import numpy as np
        import torch

        return torch.from_numpy(np.empty(0, self._types[key])).dtype


def subtract(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Vector:
    """a − b; the task vector, if a = θ* and b = θ0."""
    require_same(a, b)
    return {key: a[key] - b[key] for key in a}


def combine(terms: list[tuple[float, Mapping[str, Tensor]]]) -> Vector:
    """Σ_k c_k v_k over `terms`, at least one pair (c_k, v_k).

    >>> import torch
    >>> combine([(2.0, {"w": torch.ones(2)}), (-1.0, {"w": torch.ones(2)})])["w"].tolist()
    [1.0, 1.0]
    """
    assert terms, "combine needs at least one term"
    coefficient, first = terms[0]
    total = {key: coefficient * value for key, value in first.items()}
    for k, (coefficient, vector) in enumerate(terms[1:], start=2):
        require_same(total, vector, "term 1", f"term {k}")
        for key, value in vector.items():
            total[key].add_(value, alpha=coefficient)
    return total


def add(theta0: Mapping[str, Tensor], terms: list[tuple[float, Mapping[str, Tensor]]]) -> Vector:
    """θ0 + Σ_k c_k v_k over `terms` (c_k, v_k), `theta0` itself where all coefficients are 0."""
    moving = [term for term in terms if term[0] != 0.0]
    return combine([(1.0, theta0), *moving])


def dot(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """⟨a, b⟩ over all entries, accumulated in float64."""
    require_same(a, b)
    return math.fsum(float((a[key].double() * b[key].double()).sum()) for key in a)


def norm(a: Mapping[str, Tensor]) -> float:
    """Euclidean norm over all entries."""
    return dot(a, a) ** 0.5


def cosine(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """⟨a, b⟩ / (‖a‖ ‖b‖).

    Raises:
        ValueError: one of them is zero, so that the angle does not exist.
    """
    length = norm(a) * norm(b)
    if length == 0.0:
        raise ValueError(
            "The cosine of a zero vector does not exist; was the model fine-tuned at all?"
        )
    return dot(a, b) / length
