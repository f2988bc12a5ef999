"""The tower written out against open_clip's and torch.func in float64: values, rules, gradients."""

from contextlib import nullcontext

import pytest
import torch
from open_clip.transformer import QuickGELU, VisionTransformer
from torch import nn

from tangent_bench import models
from tangent_bench.tangent import features, linearize, products, vision
from tangent_bench.tangent.vectors import combine, subtract

TIGHT = {"rtol": 1e-10, "atol": 1e-11}


def tower(act_layer=nn.GELU) -> VisionTransformer:
    torch.manual_seed(3)
    network = VisionTransformer(
        image_size=12,
        patch_size=4,
        width=24,
        layers=2,
        heads=3,
        mlp_ratio=2.0,
        output_dim=10,
        act_layer=act_layer,
    )
    return network.double().eval().requires_grad_(False)


def random_like(theta, seed):
    generator = torch.Generator().manual_seed(seed)
    return {k: torch.randn(v.shape, generator=generator, dtype=v.dtype) for k, v in theta.items()}


@pytest.fixture(params=[nn.GELU, QuickGELU])
def case(request):
    network = tower(request.param)
    theta0 = linearize.parameters(network)
    images = torch.randn(
        5, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    return network, theta0, [random_like(theta0, seed) for seed in range(3)], images


def test_products_of_several_tangents_equal_torch_func(case):
    network, theta0, tangents, images = case
    base, change = vision.linearize(network, theta0, images)
    for tangent in tangents:
        expected_base, expected = linearize.product(network, theta0, tangent, images)
        torch.testing.assert_close(base, expected_base, **TIGHT)
        torch.testing.assert_close(change(tangent), expected, **TIGHT)


def test_products_equal_a_central_difference(case):
    network, theta0, tangents, images = case
    step = 1e-5
    ends = [
        linearize.encode(network, combine([(1.0, theta0), (s, tangents[0])]), images)
        for s in (step, -step)
    ]
    _, change = vision.linearize(network, theta0, images)
    torch.testing.assert_close(
        change(tangents[0]), (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-6
    )


def test_each_parameter_alone_has_its_own_rule(case):
    network, theta0, tangents, images = case
    _, change = vision.linearize(network, theta0, images)
    for name in theta0:
        alone = {k: v if k == name else torch.zeros_like(v) for k, v in tangents[0].items()}
        expected = linearize.product(network, theta0, alone, images)[1]
        torch.testing.assert_close(
            change(alone), expected, msg=lambda m, name=name: f"{name}: {m}", **TIGHT
        )


def test_gradient_in_the_parameters_is_that_of_the_network(case):
    network, theta0, _, images = case
    gradients = []
    for encode in (vision.encode, linearize.encode):
        theta = {k: v.clone().requires_grad_(True) for k, v in theta0.items()}
        gradients.append(
            torch.autograd.grad(encode(network, theta, images).tanh().sum(), list(theta.values()))
        )
    for name, a, b in zip(theta0, *gradients, strict=True):
        torch.testing.assert_close(a, b, msg=lambda m, name=name: f"{name}: {m}", **TIGHT)


@pytest.mark.parametrize("context", [nullcontext, products.fast])
def test_single_precision_rounds_by_less_than_a_millionth_of_the_length(context):
    network = models.create(models.find("tiny"), "random", 0).visual
    theta0 = linearize.parameters(network)
    tangent = {k: 0.01 * v for k, v in random_like(theta0, 4).items()}
    images = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with context():
        base, change = vision.linearize(network, theta0, images)
        moved = change(tangent)
    for found, exact in zip(
        (base, moved), linearize.product(network, theta0, tangent, images), strict=True
    ):
        assert (found - exact).norm() < 3e-6 * exact.norm()


def test_gradient_of_the_linearized_encoder_equals_autograd_through_the_product(case):
    network, theta0, tangents, images = case
    theta = {k: (theta0[k] + 0.1 * tangents[0][k]).requires_grad_(True) for k in theta0}
    weights = torch.randn(5, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def loss_of(embeddings):
        return (embeddings.tanh() * weights).sum()

    ours = torch.autograd.grad(
        loss_of(linearize.encode_linearized(network, theta0, theta, images)), list(theta.values())
    )
    base, change = linearize.product(network, theta0, subtract(theta, theta0), images)
    expected = torch.autograd.grad(loss_of(base + change), list(theta.values()))
    for name, a, b in zip(theta, ours, expected, strict=True):
        torch.testing.assert_close(a, b, msg=lambda m, name=name: f"{name}: {m}", **TIGHT)


def test_features_agree_for_any_batch_size_and_with_the_generic_way(case, monkeypatch):
    network, theta0, tangents, images = case
    own = features.changes(network, theta0, tangents, images, batch_size=1000)
    pieces = features.changes(network, theta0, tangents, images, batch_size=14)
    monkeypatch.setattr(vision, "supports", lambda network: False)
    generic = features.changes(network, theta0, tangents, images, batch_size=2)
    for a, b, c in zip(own, pieces, generic, strict=True):
        torch.testing.assert_close(torch.from_numpy(a), torch.from_numpy(b), **TIGHT)
        torch.testing.assert_close(torch.from_numpy(a), torch.from_numpy(c), **TIGHT)


def test_unknown_networks_are_not_claimed():
    assert vision.supports(tower())
    assert not vision.supports(nn.Linear(2, 2))
    other = tower()
    other.pool_type = "avg"
    assert not vision.supports(other)
    other = tower()
    other.transformer.resblocks[0].mlp.gelu = nn.GELU(approximate="tanh")
    assert not vision.supports(other)
    other = tower()
    other.transformer.resblocks[0].mlp.gelu = nn.ReLU()
    assert not vision.supports(other)
