"""Passes of a network that are written out, as it brings them or as `vision` has them.

open_clip's vision transformers have those of `vision`. Any other network brings its own by a method
`written() -> Passes`, as the encoder of texts does; one without is linearized by `torch.func`.
Shapes: B inputs, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, nn

from tangent_bench.tangent import vision
from tangent_bench.tangent.layer_rules import Theta

if TYPE_CHECKING:
    from tangent_bench.tangent.layer_gradients import Tap


class Passes(NamedTuple):
    """The passes of one network; inputs are a batch as it takes them.

    Attributes:
        encode: (θ, inputs) → f(x; θ) [B, D], differentiable in θ.
        product: (θ, τ, inputs) → J(x; θ) τ [B, D], of which nothing is kept.
        linearize: (θ, inputs) → f(x; θ) [B, D], differentiable in θ, and τ ↦ J(x; θ) τ [B, D].
        runs_again: whether a gradient of `encode` keeps only what enters each block.
        taps: (θ, inputs) → f(x; θ) and its taps (`layer_taps`), for tangent kernels layer by
            layer; None: those of `layer_gradients`, or none are known.
    """

    encode: Callable[[Theta, Tensor], Tensor]
    product: Callable[[Theta, Theta, Tensor], Tensor]
    linearize: Callable[[Theta, Tensor], tuple[Tensor, Callable[[Theta], Tensor]]]
    runs_again: bool = False
    taps: Callable[[Theta, Tensor], tuple[Tensor, list[Tap]]] | None = None


def passes(network: nn.Module) -> Passes | None:
    """The passes of a network that are written out; None if there are none."""
    if vision.supports(network):
        return Passes(
            encode=partial(vision.encode, network),
            product=partial(vision.product, network),
            linearize=partial(vision.linearize, network),
            runs_again=network.transformer.grad_checkpointing,
        )
    own: Callable[[], Passes] | None = getattr(network, "written", None)
    return own() if own else None


def encoder(network: nn.Module) -> Callable[[Theta, Tensor], Tensor] | None:
    """(θ, inputs) → f(x; θ) [B, D] of a network that is written out; None of any other."""
    own = passes(network)
    return own.encode if own else None
