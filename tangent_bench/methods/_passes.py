"""Passes of a network at weights that a method is interested in, where the network's own weights lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from tangent_bench.methods import Context
from tangent_bench.tangent import linearize, vision


def device(context: Context) -> torch.device:
    """Where the network is."""
    return next(context.data.network.parameters()).device


def fine_tuned(context: Context, vector: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """θ0 + τ, fresh tensors where the network is."""
    return {
        name: (value + vector[name]).to(device(context)) for name, value in context.theta0.items()
    }


def leaves(theta: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """θ with gradients, integers without."""
    return {
        name: value.detach().requires_grad_(value.is_floating_point())
        for name, value in theta.items()
    }


def encoder(network: nn.Module) -> Callable[[Mapping[str, Tensor], Tensor], Tensor]:
    """(θ, images_BCHW) → embeddings_BD with gradients, by the fastest rules that cover the network."""
    encode = vision.encode if vision.supports(network) else linearize.encode
    return lambda theta, images_BCHW: encode(network, theta, images_BCHW)
