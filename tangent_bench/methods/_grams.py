"""Gram matrices of what enters the weight matrices of a network, whatever its layers are called.

    G_W = (1/N) Σ_n Σ_tokens x xᵀ   [inputs, inputs], over N images, for each matrix W of a product x Wᵀ or x W

Modules are not asked, since not every layer is called as one: `nn.MultiheadAttention` hands the weight of its
`out_proj` to a function, and the last `proj` of an open_clip tower is a bare parameter. PyTorch's dispatcher is watched
in their place: each product of matrices whose second factor is a 2-D parameter, as it is stored or transposed, shows
that matrix and its input. Query, key and value of self-attention are one packed matrix with one input. What is not
seen: matrices that a network uses in parts or from the left (W x), convolutions, and lookups of embeddings.
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
    """Adds up x xᵀ for every product with a parameter; a view has its parameter's storage, which tells whose it is."""

    def __init__(self, theta: Mapping[str, Tensor]) -> None:
        super().__init__()
        matrices = {
            name: value
            for name, value in theta.items()
            if value.ndim == 2 and value.is_floating_point()
        }
        self.owners = {
            value.untyped_storage().data_ptr(): (name, value) for name, value in matrices.items()
        }
        self.found: dict[str, Gram] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing here is compiled, and True imports the compiler: seconds, in every process

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in _PRODUCTS:
            self._see(*args[-2:])
        return func(*args, **(kwargs or {}))

    def _see(self, x: Tensor, factor: Tensor) -> None:
        if factor.ndim == 3:  # a batch of products with one and the same matrix
            if len(factor) > 1 and factor.stride(0) != 0:
                return
            factor = factor[0]
        name, stored = self.owners.get(factor.untyped_storage().data_ptr(), ("", None))
        for side, whole in enumerate((stored, stored.T) if name else ()):
            if factor.shape == whole.shape and factor.stride() == whole.stride():
                rows = x.reshape(-1, x.shape[-1])
                gram = rows.T @ rows
                if name in self.found:
                    gram += self.found[name].matrix
                self.found[name] = Gram(gram, side)
                return


@torch.no_grad()
def grams(network: nn.Module, theta: Mapping[str, Tensor], images_NCHW: Tensor) -> dict[str, Gram]:
    """G of every matrix that is seen, by its name, of f(x; θ); tensors of θ must not share storage."""
    with fast(), _Watch(theta) as watch:
        for batch in images_NCHW.split(BATCH):
            encode(network, theta, batch)
    return {
        name: Gram(gram.matrix / len(images_NCHW), gram.side) for name, gram in watch.found.items()
    }
