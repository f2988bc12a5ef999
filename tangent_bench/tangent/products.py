"""Matrix products by oneDNN, since MKL leaves half of an AMD core's vector width unused.

    linear(x, W, b)    of a pass without gradients
    with fast():       every float32 product of two matrices inside, forward and backward

Measured on one AMD EPYC core: 105 GFLOP/s by MKL, 190 to 260 by oneDNN. Other types and devices,
small products, and machines whose PyTorch lacks oneDNN stay as they are. Sums are taken in another
order: results differ by rounding.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

log = logging.getLogger(__name__)

FEWEST = 2**22  # multiplications, below which the way through Python costs more than it saves
_aten = torch.ops.aten


class _OneDNN(TorchDispatchMode):
    """Takes over the two operations that all products of matrices end in, `linear` included."""

    active = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and True imports the compiler: seconds a process

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if func is _aten.mm.default and _worth(*args):
            return _product(*args)
        if func is _aten.addmm.default and not kwargs and args[0].ndim == 1 and _worth(*args[1:]):
            return _rows(args[1], args[2].t(), args[0])
        return func(*args, **(kwargs or {}))


@contextmanager
def fast() -> Iterator[None]:
    """Products by oneDNN inside; nested use changes nothing."""
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
    """x Wᵀ + b, followed by GELU where `gelu`; oneDNN's in one pass where no gradient is wanted.

    Arguments are `x` [..., I], `weight` W [O, I] and `bias` b [O].
    """
    direct = (
        available()
        and not torch.is_grad_enabled()
        and x.dtype is torch.float32
        and x.device.type == "cpu"
    )
    if direct:
        after, algorithm = ("gelu", "none") if gelu else ("none", "")
        return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, after, [], algorithm)
    y = functional.linear(x, weight, bias)
    return functional.gelu(y) if gelu else y


def available() -> bool:
    """Whether this build of PyTorch has oneDNN's products."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def knows(precision: str) -> bool:
    """Whether this processor has instructions for "float32", "bfloat16" or "float16"."""
    if precision == "float32":
        return True
    short = {"bfloat16": "bf16", "float16": "fp16"}[precision]
    return available() and getattr(torch.ops.mkldnn, f"_is_mkldnn_{short}_supported")()


@cache
def say_if_slow(precision: str, device: str) -> None:
    """Log, once a process, that passes in `precision` are slow on a "cpu" that does not know it.

    A step of `tiny` took 0.8 s in float32 and 7.3 s in bfloat16 on an AMD EPYC with AVX2.
    """
    if device == "cpu" and not knows(precision):
        log.warning(
            "This processor has no instructions for %s, and passes in it may take ten times as "
            "long as in float32; set `precision: float32`.",
            precision,
        )


def _worth(a: Tensor, b: Tensor) -> bool:
    return (
        a.dtype is b.dtype is torch.float32
        and a.device.type == "cpu"
        and a.numel() * b.shape[1] >= FEWEST
    )


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a b, the larger factor as the rows that oneDNN streams over: this saves up to a third."""
    if not a.is_contiguous() and b.shape[1] < a.shape[0]:
        return _rows(b.t(), a, None).t()
    return _rows(a, b.t(), None)


def _rows(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x weightᵀ + bias."""
    return torch.ops.mkldnn._linear_pointwise.default(
        _whole(x), _whole(weight), bias, "none", [], ""
    )


def _whole(x: Tensor) -> Tensor:
    """Closes gaps between rows or columns, with which oneDNN takes its slow reference path."""
    return x if x.is_contiguous() or x.t().is_contiguous() else x.contiguous()
