"""Vectors that our methods and foreign implementations merge: a small image tower with open_clip's
names.

Tasks share a part, so that angles between vectors are acute, and tensors differ in size, so that a
threshold over the whole vector is not one for each tensor. All sides are multiples of 4: a quarter
of a row is a whole number of entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from tangent_bench.seeds import generator

SHAPES = {
    "class_embedding": (8,),
    "positional_embedding": (5, 8),
    "conv1.weight": (8, 1, 4, 4),
    "ln_pre.weight": (8,),
    "transformer.resblocks.0.attn.in_proj_weight": (24, 8),
    "transformer.resblocks.0.attn.in_proj_bias": (24,),
    "transformer.resblocks.0.attn.out_proj.weight": (8, 8),
    "transformer.resblocks.1.mlp.c_fc.weight": (16, 8),
    "transformer.resblocks.1.mlp.c_fc.bias": (16,),
    "transformer.resblocks.2.mlp.c_proj.weight": (8, 16),
    "transformer.resblocks.2.ln_2.bias": (8,),
    "ln_post.weight": (8,),
    "proj": (8, 4),
}
Vector = dict[str, Tensor]


def vectors(num_tasks: int, factor: float = 1.0) -> dict[str, Vector]:
    """The first so many tasks' vectors times `factor`, float64.

    They are exact in float32 if the factor is a power of 2.
    """
    return {
        f"task{t}": {name: factor * _drawn(t, name) for name in SHAPES} for t in range(num_tasks)
    }


def _drawn(task: int, name: str) -> Tensor:
    common, own = (
        generator("oracle", part, name).standard_normal(SHAPES[name]) for part in ("common", task)
    )
    size = 0.5 * (1 + list(SHAPES).index(name) % 3)
    return torch.as_tensor(size * (0.8 * common + own)).float().double()


def flat(vector: Mapping[str, Tensor]) -> Tensor:
    """All entries in the order of `SHAPES`."""
    return torch.cat([vector[name].reshape(-1) for name in SHAPES])


def unflat(entries: Tensor) -> Vector:
    """The reverse of `flat`."""
    sizes = [torch.Size(shape).numel() for shape in SHAPES.values()]
    return {
        n: part.reshape(SHAPES[n]) for n, part in zip(SHAPES, entries.split(sizes), strict=True)
    }


def digest() -> str:
    """SHA-256 of five tasks' entries, rounded so that another NumPy may differ in the last bits."""
    entries = torch.stack([flat(vector) for vector in vectors(5).values()])
    return hashlib.sha256((entries * 2**16).round().long().numpy().tobytes()).hexdigest()
