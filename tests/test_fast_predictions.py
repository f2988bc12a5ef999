"""The fast encoder is the encoder to within rounding, and the encoder decides near ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from tangent_bench.measuring import evaluation
from tangent_bench.measuring.evaluation import NetworkEvaluator
from tangent_bench.tangent import vision
from tangent_bench.tangent.linearize import encode, parameters
from tests import small

DTYPES = {torch.float64: 1e-12, torch.float32: 5e-6}


@pytest.fixture(autouse=True)
def predicting():
    """Without gradients, as predictions are made: products and GELU then take another way."""
    with torch.no_grad():
        yield


@pytest.fixture(scope="module", params=DTYPES, ids=str)
def network(request, tmp_path_factory):
    return small.vit(tmp_path_factory.mktemp("vit"), request.param)


def moved(network):
    theta0 = parameters(network)
    return small.moved(theta0, small.direction(theta0, "fast", size=0.1))


def test_is_the_encoder_at_any_parameters(network):
    dtype = next(network.parameters()).dtype
    theta = moved(network)
    images = small.images(9, 3, 32, 32, dtype=dtype)
    exact = encode(network, theta, images)
    found = vision.encode(network, theta, images)
    assert found.dtype == dtype and torch.allclose(
        found, exact, rtol=0, atol=DTYPES[dtype] * float(exact.norm())
    )
    # Every parameter counts: leaving one out, or taking the network's own, would show.
    for name, value in theta.items():
        changed = dict(theta) | {
            name: value + 0.3 * small.normal("other", name, shape=value.shape).to(dtype)
        }
        assert (vision.encode(network, changed, images) - found).norm() > 1e-5 * found.norm(), name
        difference = vision.encode(network, changed, images) - encode(network, changed, images)
        assert difference.norm() < DTYPES[dtype] * found.norm(), name


def test_an_image_does_not_depend_on_its_batch(network):
    theta = moved(network)
    images = small.images(5, 3, 32, 32, dtype=next(network.parameters()).dtype)
    whole = vision.encode(network, theta, images)
    parts = torch.cat([vision.encode(network, theta, image[None]) for image in images])
    assert torch.allclose(whole, parts, rtol=0, atol=DTYPES[whole.dtype] * float(whole.norm()))


def test_quick_gelu_and_a_network_without_its_first_norm(network):
    from open_clip.transformer import QuickGELU

    kept = network.transformer.resblocks[0].mlp.gelu, network.ln_pre
    network.transformer.resblocks[0].mlp.gelu = QuickGELU()
    network.ln_pre = nn.Identity()
    try:
        theta = moved(network)
        images = small.images(4, 3, 32, 32, dtype=next(network.parameters()).dtype)
        exact = encode(network, theta, images)
        found = vision.encode(network, theta, images)
        assert vision.supports(network)
        assert torch.allclose(found, exact, rtol=0, atol=DTYPES[found.dtype] * float(exact.norm()))
    finally:
        network.transformer.resblocks[0].mlp.gelu, network.ln_pre = kept


def test_other_networks_are_not_covered():
    assert not vision.supports(small.Curved())


class Nearly:
    """Embeddings that are known, and a fast encoder that rounds by `size` of their length."""

    def __init__(self, size: float, num: int = 400) -> None:
        self.exact = small.normal("nearly", shape=(num, 5))
        self.head = small.normal("head", shape=(4, 5))
        # Half of the images lie 1e-8 from the border of two classes.
        border = self.head[0] - self.head[1]
        half = self.exact[::2]
        self.exact[::2] = half - (half @ border / (border @ border) + 1e-8)[:, None] * border
        noise = small.normal("rounding", shape=(num, 5)) / 5**0.5
        self.rounded = self.exact + size * self.exact.norm(dim=1, keepdim=True) * noise
        self.asked = 0

    def encoder(self, theta, images):
        self.asked += len(images)
        return self.exact[images.flatten().long()]

    def evaluator(self, fast) -> NetworkEvaluator:
        images = torch.arange(len(self.exact), dtype=torch.float32).view(-1, 1, 1, 1)
        return NetworkEvaluator(
            self.encoder,
            {"w": torch.zeros(1)},
            {},
            lambda t: self.head.numpy(),
            lambda t, s: images,
            32,
            fast,
        )

    def fast(self, theta, images):
        return self.rounded[images.flatten().long()]


def test_what_rounding_could_decide_the_encoder_decides():
    world = Nearly(1e-6)
    fast = world.evaluator(world.fast).predict("one", "test", [{}])
    asked = world.asked
    assert np.array_equal(fast, world.evaluator(None).predict("one", "test", [{}]))
    alone = linear(world.rounded, world.head).argmax(1).numpy()
    assert (alone != fast[0]).any(), "the fast encoder by itself decides some borders otherwise"
    assert 0 < asked < 0.6 * len(world.exact), "few images are asked twice"


def test_a_logit_that_is_no_number_is_left_to_the_encoder():
    world = Nearly(0.0)
    world.rounded[7] = torch.nan
    fast = world.evaluator(world.fast).predict("one", "test", [{}])
    assert np.array_equal(fast, world.evaluator(None).predict("one", "test", [{}]))


def test_rounding_is_far_above_that_of_float32(tmp_path):
    network = small.vit(tmp_path, torch.float32)
    theta = moved(network)
    images = small.images(40, 3, 32, 32, dtype=torch.float32)
    exact = encode(network, theta, images)
    found = vision.encode(network, theta, images)
    worst = ((found - exact).norm(dim=1) / exact.norm(dim=1)).max()
    assert 0 < worst < evaluation.ROUNDING / 20
