"""The Taylor expansion of an encoder in its parameters.

    f_lin(x; θ) = f(x; θ0) + J(x; θ0) (θ − θ0)

Ortiz-Jimenez, Favero, Frossard, "Task Arithmetic in the Tangent Space", NeurIPS 2023, §3. The image
encoder is linearized before the L2 normalisation; the head normalises afterwards. Valid for modules
in `eval()` whose buffers do not depend on the input.

Shapes: B images, C channels, H, W; D embedding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tangent_bench.tangent import written
from tangent_bench.tangent.vectors import Vector, require_same, subtract
from tangent_bench.tangent.written import Passes


@contextmanager
def differentiable_attention() -> Iterator[None]:
    """Math attention, without the inference fast path: fused kernels have no forward derivative.

    Every evaluation of a network goes through it too, so that f_lin(x; θ0) = f(x; θ0) bit for bit.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def parameters(network: nn.Module) -> Vector:
    """θ: the parameters of the network by name, detached copies.

    Running statistics (BatchNorm) that are frozen in `eval()` are constants of f.

    Raises:
        ValueError: a layer of the network takes the statistics of each batch, so that f(x; θ) would
            be no function of one x.
    """
    for name, module in network.named_modules():
        _require_own_statistics(name, module)
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def _require_own_statistics(name: str, module: nn.Module) -> None:
    """Raise if a layer's outputs for an image depend on the others of its batch."""
    if isinstance(module, _BatchNorm) and module.running_mean is None:
        raise ValueError(
            f"Module {name!r} keeps no running statistics and takes those of each batch; give it "
            "some (track_running_stats=True), or use a LayerNorm model."
        )
    if getattr(module, "running_mean", None) is not None and module.training:
        raise ValueError(
            f"Module {name!r} keeps running statistics and is in train(), where they move with "
            "every batch; freeze them: call eval() on the network."
        )


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
        ordered = {key: tangent[key] for key in theta0}
        outputs = torch.func.jvp(function, (dict(theta0),), (ordered,))
    return outputs[0], outputs[1]


class _Linearized(torch.autograd.Function):
    """f_lin(x; θ), or J τ alone unless `whole`, with the gradient ∂L/∂θ = J(x; θ0)ᵀ g.

    One pass gives f0 with its graph, J τ goes beside it without one, and one pass goes back. The
    backward pass needs nothing of the tangent: f_lin is affine in θ, so that its gradient does not
    depend on θ. With activation checkpointing the product has a pass of its own.
    """

    @staticmethod
    def forward(
        ctx: Any,
        passes: Passes,
        theta0: Mapping[str, Tensor],
        images_BCHW: Tensor,
        whole: bool,
        *theta: Tensor,
    ) -> Tensor:
        leaves = {}
        for (key, value), needed in zip(theta0.items(), ctx.needs_input_grad[4:], strict=True):
            leaves[key] = value.detach().requires_grad_(needed)
        tau = {key: t.detach() - theta0[key] for key, t in zip(theta0, theta, strict=True)}
        with torch.enable_grad():
            if passes.runs_again:
                base_BD = passes.encode(leaves, images_BCHW)
                change_BD = passes.product(theta0, tau, images_BCHW)
            else:
                base_BD, change_of = passes.linearize(leaves, images_BCHW)
                change_BD = change_of(tau)
        ctx.base = base_BD
        ctx.leaves = tuple(leaves.values())
        return base_BD.detach() + change_BD if whole else change_BD

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient_BD,) = grad_outputs
        trained = [leaf for leaf in ctx.leaves if leaf.requires_grad]
        gradients = iter(torch.autograd.grad(ctx.base, trained, gradient_BD))
        of_theta = [next(gradients) if leaf.requires_grad else None for leaf in ctx.leaves]
        return None, None, None, None, *of_theta


def encode_linearized(
    network: nn.Module,
    theta0: Mapping[str, Tensor],
    theta: Mapping[str, Tensor],
    images_BCHW: Tensor,
) -> Tensor:
    """f_lin(x; θ) [B, D]; differentiable in θ, affine in θ.

    A network without passes that are written out takes the generic product.
    """
    if passes := written.passes(network):
        return _by_rules(passes, theta0, theta, images_BCHW, whole=True)
    base_BD, change_BD = product(network, theta0, subtract(theta, theta0), images_BCHW)
    return base_BD + change_BD


def change(
    network: nn.Module,
    theta0: Mapping[str, Tensor],
    theta: Mapping[str, Tensor],
    images_BCHW: Tensor,
) -> Tensor:
    """J(x; θ0)(θ − θ0) [B, D]; differentiable in θ, linear in θ − θ0."""
    if passes := written.passes(network):
        return _by_rules(passes, theta0, theta, images_BCHW, whole=False)
    return product(network, theta0, subtract(theta, theta0), images_BCHW)[1]


def _by_rules(
    passes: Passes,
    theta0: Mapping[str, Tensor],
    theta: Mapping[str, Tensor],
    images_BCHW: Tensor,
    whole: bool,
) -> Tensor:
    require_same(theta, theta0, "theta", "theta0")
    ordered = [theta[key] for key in theta0]
    return _Linearized.apply(passes, theta0, images_BCHW, whole, *ordered)
