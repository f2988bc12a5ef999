"""Our rules at the size of the paper's models, against `torch.func` through open_clip's own; random
weights.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tangent_bench.models import Model, create
from tangent_bench.tangent import linearize, products, vision
from tests import small

Theta = dict[str, Tensor]
BOUND = {torch.float32: 1e-5, torch.float64: 1e-10}  # of the length


class Tower(NamedTuple):
    """An image tower with θ0, two directions of different sizes, and images, in one precision."""

    network: nn.Module
    theta0: Theta
    tangents: tuple[Theta, Theta]
    images: Tensor


def tower(architecture: str, dtype: torch.dtype, num_images: int) -> Tower:
    """Less symmetric than its initialisation, where biases are zero and norms have no say."""
    network = create(Model("Test", architecture, None), "random", 3).visual.to(dtype)
    random = torch.Generator().manual_seed(5)

    def like(value: Tensor, size: float) -> Tensor:
        return size * torch.randn(value.shape, generator=random).to(dtype)

    with torch.no_grad():
        for value in network.parameters():
            value.add_(like(value, 0.02))
    theta0 = linearize.parameters(network)
    tangents = tuple(
        {key: like(value, size) for key, value in theta0.items()} for size in (0.01, 0.001)
    )
    return Tower(network, theta0, tangents, small.images(num_images, 3, 224, 224, dtype=dtype))


@contextmanager
def plain_attention():
    """The forward derivatives once more, so that the reference takes nothing from the library."""
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def reference(case: Tower, tangent: Theta) -> tuple[Tensor, Tensor]:
    """f(x; θ0) and J(x; θ0) τ by `torch.func.jvp` through the module that open_clip built."""

    def encode(theta: Theta) -> Tensor:
        return torch.func.functional_call(case.network, theta, (case.images,))

    with plain_attention():
        return torch.func.jvp(encode, (case.theta0,), (tangent,))


def require_close(found: Tensor, exact: Tensor) -> None:
    """Each image by itself: a wrong one must not hide behind the others."""
    for one, other in zip(found, exact, strict=True):
        gap = (one - other).norm() / other.norm()
        assert gap <= BOUND[exact.dtype], f"{gap:.2g}"


def check(case: Tower, context=nullcontext) -> None:
    """Both ways in which we have products, and f_lin itself."""
    with context():
        base, change = vision.linearize(case.network, case.theta0, case.images)
    for tangent in case.tangents:
        exact_base, exact = reference(case, tangent)
        with context():
            require_close(base, exact_base)
            require_close(change(tangent), exact)
            require_close(vision.product(case.network, case.theta0, tangent, case.images), exact)
            theta = small.moved(case.theta0, tangent)
            require_close(
                linearize.encode_linearized(case.network, case.theta0, theta, case.images),
                exact_base + exact,
            )


@pytest.mark.full
@pytest.mark.parametrize("context", [nullcontext, products.fast])
def test_vit_b_32_in_single_precision(context):
    check(tower("ViT-B-32-quickgelu", torch.float32, 3), context)


@pytest.mark.full
def test_vit_b_32_in_double_precision():
    check(tower("ViT-B-32-quickgelu", torch.float64, 2))


@pytest.mark.full
@pytest.mark.parametrize("architecture", ["ViT-B-16-quickgelu", "ViT-L-14-quickgelu"])
def test_larger_towers_in_single_precision(architecture):
    check(tower(architecture, torch.float32, 1), products.fast)


@pytest.mark.full
def test_gradient_of_the_linearized_tower_is_the_product_from_the_left():
    """∂/∂θ Σ w · f_lin(x; θ) = J(x; θ0)ᵀ w at any θ, by reverse mode through open_clip's module."""
    case = tower("ViT-B-32-quickgelu", torch.float32, 2)
    theta = {
        key: value.requires_grad_(True)
        for key, value in small.moved(case.theta0, case.tangents[0]).items()
    }
    found = linearize.encode_linearized(case.network, case.theta0, theta, case.images)
    weights = small.normal("weights", shape=tuple(found.shape)).float()
    ours = torch.autograd.grad(found, list(theta.values()), weights)
    leaves = {key: value.clone().requires_grad_(True) for key, value in case.theta0.items()}
    with plain_attention():
        value = torch.func.functional_call(case.network, leaves, (case.images,))
    exact = torch.autograd.grad(value, list(leaves.values()), weights)
    size = torch.stack([each.norm() for each in exact]).max()
    for name, a, b in zip(theta, ours, exact, strict=True):
        assert (a - b).norm() <= 1e-5 * max(b.norm(), 1e-3 * size), name
