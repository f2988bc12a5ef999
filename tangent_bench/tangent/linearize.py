"""The Taylor expansion of an encoder in its parameters.

    f_lin(x; θ) = f(x; θ0) + J(x; θ0) (θ − θ0)

Ortiz-Jimenez, Favero, Frossard, "Task Arithmetic in the Tangent Space", NeurIPS 2023, §3. What is linearized is the
image encoder before the L2 normalisation; the head normalises afterwards. Valid for modules in `eval()` whose buffers
do not depend on the input.

Shapes: B images, C channels, H, W; D embedding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from tangent_bench.tangent import vision
from tangent_bench.tangent.vectors import require_same, subtract


@contextmanager
def differentiable_attention() -> Iterator[None]:
    """Math attention, and no inference fast path: the fused kernels have no forward derivative.

    Every evaluation of a network goes through it as well, so that f_lin(x; θ0) = f(x; θ0) bit for bit.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def parameters(network: nn.Module) -> dict[str, Tensor]:
    """θ: the parameters of the network by name, detached copies.

    Raises:
        ValueError: the network has running statistics (BatchNorm), which no Taylor expansion in θ covers.
    """
    for name, module in network.named_modules():
        if getattr(module, "running_mean", None) is not None:
            raise ValueError(
                f"Module {name!r} keeps running statistics; its buffers cannot be linearized. Use a LayerNorm model."
            )
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def encode(network: nn.Module, theta: Mapping[str, Tensor], images_BCHW: Tensor) -> Tensor:
    """f(x; θ): embeddings [B, D] before normalisation."""
    with differentiable_attention():
        return torch.func.functional_call(network, dict(theta), (images_BCHW,))


def product(
    network: nn.Module,
    theta0: Mapping[str, Tensor],
    tangent: Mapping[str, Tensor],
    images_BCHW: Tensor,
) -> tuple[Tensor, Tensor]:
    """f(x; θ0) and J(x; θ0) · tangent, both [B, D], by one forward-mode product."""

    def function(theta: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(network, theta, (images_BCHW,))

    with differentiable_attention():
        # jvp compares the order of keys too, and files sort theirs.
        return torch.func.jvp(function, (dict(theta0),), ({key: tangent[key] for key in theta0},))


class _Linearized(torch.autograd.Function):
    """f_lin(x; θ) with ∂L/∂θ = J(x; θ0)ᵀ g: one pass for f0 with its graph, J τ beside it without one, one pass back.

    Nothing of the tangent is kept for the backward pass: f_lin is affine in θ, so its gradient does not depend on θ.
    With activation checkpointing the product has a pass of its own. `whole` is f_lin, otherwise J τ alone.
    """

    @staticmethod
    def forward(ctx, network, theta0, images_BCHW, whole, *theta):
        needed = ctx.needs_input_grad[4:]
        leaves = {
            k: v.detach().requires_grad_(need)
            for (k, v), need in zip(theta0.items(), needed, strict=True)
        }
        tau = {key: t.detach() - theta0[key] for key, t in zip(theta0, theta, strict=True)}
        with torch.enable_grad():
            if network.transformer.grad_checkpointing:
                base_BD = vision.encode(network, leaves, images_BCHW)
                change = partial(vision.product, network, theta0, images_BCHW=images_BCHW)
            else:
                base_BD, change = vision.linearize(network, leaves, images_BCHW)
        ctx.base, ctx.leaves = base_BD, tuple(leaves.values())
        return base_BD.detach() + change(tau) if whole else change(tau)

    @staticmethod
    def backward(ctx, gradient_BD):
        trained = [leaf for leaf in ctx.leaves if leaf.requires_grad]
        found = iter(torch.autograd.grad(ctx.base, trained, gradient_BD))
        return (
            None,
            None,
            None,
            None,
            *(next(found) if leaf.requires_grad else None for leaf in ctx.leaves),
        )


def encode_linearized(
    network: nn.Module,
    theta0: Mapping[str, Tensor],
    theta: Mapping[str, Tensor],
    images_BCHW: Tensor,
) -> Tensor:
    """f_lin(x; θ) [B, D]; differentiable in θ, affine in θ. Networks without own rules take the generic product."""
    if vision.supports(network):
        require_same(theta, theta0, "theta", "theta0")
        return _Linearized.apply(
            network, theta0, images_BCHW, True, *(theta[key] for key in theta0)
        )
    base_BD, change_BD = product(network, theta0, subtract(theta, theta0), images_BCHW)
    return base_BD + change_BD


def change(
    network: nn.Module,
    theta0: Mapping[str, Tensor],
    theta: Mapping[str, Tensor],
    images_BCHW: Tensor,
) -> Tensor:
    """J(x; θ0)(θ − θ0) [B, D]; differentiable in θ, linear in θ − θ0."""
    if vision.supports(network):
        require_same(theta, theta0, "theta", "theta0")
        return _Linearized.apply(
            network, theta0, images_BCHW, False, *(theta[key] for key in theta0)
        )
    return product(network, theta0, subtract(theta, theta0), images_BCHW)[1]
