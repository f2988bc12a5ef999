"""Activation checkpointing: the same gradients in float64 from a fraction of what is kept."""

from __future__ import annotations

import pytest
import torch
from open_clip.transformer import VisionTransformer

from tangent_bench import registry
from tangent_bench.tangent import linearize, vision
from tests import small

LAYERS = 6


@pytest.fixture
def case():
    torch.manual_seed(3)
    network = (
        VisionTransformer(12, 4, 24, LAYERS, 3, 2.0, output_dim=10)
        .double()
        .eval()
        .requires_grad_(False)
    )
    theta0 = linearize.parameters(network)
    theta = {k: v + 0.05 * small.normal("theta", k, shape=v.shape) for k, v in theta0.items()}
    return network, theta0, theta, small.images(4, 3, 12, 12)


def gradient(case, training: str):
    """Value, gradient, and the bytes that autograd kept between them."""
    network, theta0, theta, images = case
    leaves = {k: v.clone().requires_grad_(True) for k, v in theta.items()}
    kept = {}
    own = {v.data_ptr() for v in (*leaves.values(), *theta0.values())}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        value = registry.load("training", training).encoder(network, theta0)(leaves, images)
        amount = sum(kept.values())
        found = torch.autograd.grad(value.tanh().square().sum(), list(leaves.values()))
    return value.detach(), found, amount


@pytest.mark.parametrize("training", ["standard", "linear"])
def test_the_same_value_and_gradient_with_less_kept(case, training):
    network = case[0]
    value, expected, much = gradient(case, training)
    network.set_grad_checkpointing(True)
    again, found, little = gradient(case, training)
    torch.testing.assert_close(again, value, rtol=1e-12, atol=1e-12)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    assert 0 < little < much / 4


def test_the_product_that_keeps_nothing_is_the_product(case):
    network, theta0, theta, images = case
    tau = {k: theta[k] - theta0[k] for k in theta}
    expected = linearize.product(network, theta0, tau, images)[1]
    torch.testing.assert_close(
        vision.product(network, theta0, tau, images), expected, rtol=1e-10, atol=1e-12
    )
