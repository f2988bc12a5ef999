"""Matrix products by oneDNN where PyTorch would take MKL's, which leaves half of an AMD core's vector width unused.

    linear(x, W, b)    of a pass without gradients
    with fast():       every float32 product of two matrices, forward and backward, of whatever code runs inside

Measured on one AMD EPYC core: 105 GFLOP/s by MKL, 190 to 260 by oneDNN. Other types and devices, small products, and
machines whose PyTorch lacks oneDNN are left as they are. Sums are taken in another order: results differ by rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

FEWEST = 2**22  # multiplications, below which the way through Python costs more than it saves
_aten = torch.ops.aten


class _OneDNN(TorchDispatchMode):
    """Takes the two operations to which PyTorch brings every product of matrices, those of `linear` included."""

    active = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing here is compiled, and True imports the compiler: seconds, in every process

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is _aten.mm.default and _worth(*args):
            return _product(*args)
        if func is _aten.addmm.default and not kwargs and args[0].ndim == 1 and _worth(*args[1:]):
            return _rows(args[1], args[2].t(), args[0])
        return func(*args, **(kwargs or {}))


@contextmanager
def fast() -> Iterator[None]:
    """Products by oneDNN inside; entered again inside itself, it does nothing more."""
    if _OneDNN.active or not available():
        yield
        return
    _OneDNN.active = True
    try:
        with _OneDNN():
            yield
    finally:
        _OneDNN.active = False


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, gelu: bool = False) -> Tensor:
    """x Wᵀ + b, and GELU of it in the same pass: without a gradient by oneDNN at once, else as PyTorch would."""
    direct = (
        available()
        and not torch.is_grad_enabled()
        and x.dtype is torch.float32
        and x.device.type == "cpu"
    )
    if direct:
        name, how = ("gelu", "none") if gelu else ("none", "")
        return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, name, [], how)
    y = functional.linear(x, weight, bias)
    return functional.gelu(y) if gelu else y


def available() -> bool:
    """Whether this build of PyTorch can do it."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _worth(a: Tensor, b: Tensor) -> bool:
    return (
        a.dtype is b.dtype is torch.float32
        and a.device.type == "cpu"
        and a.numel() * b.shape[1] >= FEWEST
    )


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a b. The larger factor comes first, as the rows that oneDNN streams over: that is worth up to a third."""
    if not a.is_contiguous() and b.shape[1] < a.shape[0]:
        return _rows(b.t(), a, None).t()
    return _rows(a, b.t(), None)


def _rows(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x weightᵀ + bias."""
    return torch.ops.mkldnn._linear_pointwise.default(
        _whole(x), _whole(weight), bias, "none", [], ""
    )


def _whole(x: Tensor) -> Tensor:
    """Without gaps between rows or columns: with them, oneDNN takes its slow reference path."""
    return x if x.is_contiguous() or x.t().is_contiguous() else x.contiguous()
