"""A network of open_clip without rules of our own: the generic way, and a line in the log."""

from __future__ import annotations

import json
import logging

import pytest
import torch

from tangent_bench import models, registry
from tangent_bench.models import ASSETS, Model
from tangent_bench.tangent import features, linearize, vision
from tests import small

CONFIG = {
    "embed_dim": 5,
    "vision_cfg": {
        "timm_model_name": "convnext_atto",
        "timm_pool": "",
        "timm_proj": "linear",
        "image_size": 32,
    },
    "text_cfg": small.CONFIG["text_cfg"],
}
TOGETHER = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Network, θ0, a direction and images in float64."""
    file = tmp_path_factory.mktemp("convnext") / "test-convnext.json"
    file.write_text(json.dumps(CONFIG))
    model = Model(
        "Test",
        "test-convnext",
        None,
        config=str(file),
        merges=str(ASSETS / "tiny" / "merges.txt.gz"),
    )
    network = models.create(model, "random", 3).visual.double().eval().requires_grad_(False)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.add_(0.02 * small.normal("convnext", name, shape=value.shape))
    theta0 = linearize.parameters(network)
    tangent = {
        key: small.normal("tangent", key, shape=value.shape) for key, value in theta0.items()
    }
    return network, theta0, tangent, small.images(3, 3, 32, 32)


def test_the_generic_product_is_the_central_difference(case):
    network, theta0, tangent, images = case
    assert not vision.supports(network)
    base, moved = linearize.product(network, theta0, tangent, images)
    torch.testing.assert_close(base, network(images), **TOGETHER)

    def at(step):
        return linearize.encode(
            network, {key: theta0[key] + step * tangent[key] for key in theta0}, images
        )

    slope, finer = ((at(h) - at(-h)) / (2 * h) for h in (1e-5, 5e-6))
    slope = (4 * finer - slope) / 3  # of fourth order
    assert moved.norm() > 0 and (moved - slope).norm() < 1e-7 * moved.norm()


def test_the_expansion_and_its_gradient(case):
    """f_lin(θ0) = f(θ0); ⟨g, J v⟩ = ⟨Jᵀ g, v⟩, the right side by ordinary reverse mode."""
    network, theta0, tangent, images = case
    at_zero = linearize.encode_linearized(network, theta0, theta0, images)
    torch.testing.assert_close(at_zero, linearize.encode(network, theta0, images), **TOGETHER)
    theta = {key: (theta0[key] + 0.1 * tangent[key]).requires_grad_(True) for key in theta0}
    weights = small.normal("g", shape=at_zero.shape)
    found = torch.autograd.grad(
        (weights * linearize.encode_linearized(network, theta0, theta, images)).sum(),
        [*theta.values()],
    )
    leaves = {key: value.clone().requires_grad_(True) for key, value in theta0.items()}
    expected = torch.autograd.grad(
        (weights * linearize.encode(network, leaves, images)).sum(), [*leaves.values()]
    )
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_features_are_products_and_the_log_says_how(case, caplog):
    network, theta0, tangent, images = case
    with caplog.at_level(logging.INFO):
        found = features.changes(network, theta0, [tangent, theta0], images, batch_size=2)
    assert "TimmModel has no own forward-mode rules" in caplog.text
    for changed, direction in zip(found, (tangent, theta0), strict=True):
        expected = linearize.product(network, theta0, direction, images)[1]
        torch.testing.assert_close(torch.from_numpy(changed), expected, **TOGETHER)


@pytest.mark.parametrize(("training", "said"), [("linear", True), ("standard", False)])
def test_both_trainings_take_it_and_only_the_linear_one_has_something_to_say(
    case, caplog, training, said
):
    network, theta0, _, images = case
    with caplog.at_level(logging.INFO):
        encode = registry.load("training", training).encoder(network, theta0)
    assert ("no own forward-mode rules" in caplog.text) is said
    torch.testing.assert_close(
        encode(theta0, images), linearize.encode(network, theta0, images), **TOGETHER
    )
