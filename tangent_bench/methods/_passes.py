"""Passes of a network at the weights that a method asks for, on the network's own device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from tangent_bench.methods import Context
from tangent_bench.tangent import linearize, written


def device(context: Context) -> torch.device:
    """The device of the network."""
    return next(context.data.network.parameters()).device


def fine_tuned(context: Context, vector: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """θ0 + τ, fresh tensors on the network's device."""
    return {
        name: (value + vector[name]).to(device(context)) for name, value in context.theta0.items()
    }


def leaves(theta: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """θ with gradients; integers without."""
    return {
        name: value.detach().requires_grad_(value.is_floating_point())
        for name, value in theta.items()
    }


def encoder(network: nn.Module) -> Callable[[Mapping[str, Tensor], Tensor], Tensor]:
    """(θ, images_BCHW) → embeddings_BD with gradients, by the fastest rules for the network."""
    return written.encoder(network) or partial(linearize.encode, network)
