"""Gram matrices of the inputs of a network's weight matrices, whatever its layers are called.

    G_W = (1/N) Σ_n Σ_tokens x xᵀ   [inputs, inputs], over N images,
    for each matrix W of a product x Wᵀ or x W

Hooks on modules would miss some layers: `nn.MultiheadAttention` hands the weight of its `out_proj`
to a function, and the last `proj` of an open_clip tower is a bare parameter. Instead this file
watches PyTorch's dispatcher. Each product of matrices whose second factor is a 2-D parameter, as
stored or transposed, shows that matrix and its input. Query, key and value of self-attention are
one packed matrix with one input. Not seen are matrices that a network uses in parts or from the
left (W x), convolutions, and lookups of embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tangent_bench.tangent.linearize import encode
from tangent_bench.tangent.products import fast

BATCH = 32  # images a pass
_aten = torch.ops.aten
_PRODUCTS = (_aten.mm.default, _aten.addmm.default, _aten.bmm.default, _aten.baddbmm.default)


class Gram(NamedTuple):
    """G of one matrix, and which of its sides the inputs are on: 0 for x W, 1 for x Wᵀ."""

    matrix: Tensor
    side: int

    def turn(self, stored: Tensor) -> Tensor:
        """[inputs, outputs] of a matrix as stored, and the reverse."""
        return stored.T if self.side else stored


class _Watch(TorchDispatchMode):
    """Adds up x xᵀ for every product with a parameter.

    A view shares the storage of its parameter, which identifies the parameter.
    """

    def __init__(self, theta: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.grams: dict[str, Gram] = {}
        self._owners: dict[int, tuple[str, Tensor]] = {}
        for name, value in theta.items():
            if value.ndim == 2 and value.is_floating_point():
                self._owners[value.untyped_storage().data_ptr()] = (name, value)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing here is compiled, and True imports the compiler: seconds, in every process.
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in _PRODUCTS:
            self._see(*args[-2:])
        return func(*args, **(kwargs or {}))

    def _see(self, x: Tensor, factor: Tensor) -> None:
        if factor.ndim == 3:
            is_one_matrix = len(factor) <= 1 or factor.stride(0) == 0
            if not is_one_matrix:
                return
            factor = factor[0]
        owner = self._owners.get(factor.untyped_storage().data_ptr())
        if owner is None:
            return
        name, stored = owner
        if _is_same_view(factor, stored):
            self._add(name, x, 0)
        elif _is_same_view(factor, stored.T):
            self._add(name, x, 1)

    def _add(self, name: str, x: Tensor, side: int) -> None:
        rows = x.reshape(-1, x.shape[-1])
        gram = rows.T @ rows
        if name in self.grams:
            gram += self.grams[name].matrix
        self.grams[name] = Gram(gram, side)


def _is_same_view(first: Tensor, second: Tensor) -> bool:
    """Whether two views of one storage have the same shape and strides."""
    return first.shape == second.shape and first.stride() == second.stride()


@torch.no_grad()
def grams(network: nn.Module, theta: Mapping[str, Tensor], images_NCHW: Tensor) -> dict[str, Gram]:
    """G by name of every matrix that is seen in f(x; θ).

    Args:
        network: f.
        theta: θ; its tensors must not share storage.
        images_NCHW: x, normalised.
    """
    with fast(), _Watch(theta) as watch:
        for batch in images_NCHW.split(BATCH):
            encode(network, theta, batch)
    return {
        name: Gram(gram.matrix / len(images_NCHW), gram.side) for name, gram in watch.grams.items()
    }
