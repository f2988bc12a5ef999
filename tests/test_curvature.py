"""Curvature in Kronecker factors against whole Jacobians, every parameter in its place."""

from __future__ import annotations

import pytest
import torch

from tangent_bench.tangent import curvature, linearize
from tangent_bench.tangent.curvature import Matrix, Small
from tangent_bench.tangent.layer_gradients import taps
from tangent_bench.tangent.transformer import Tokens
from tests import small


@pytest.fixture(scope="module")
def vit(clip_folder):
    network = small.vit(clip_folder)
    return network, linearize.parameters(network), small.images(3, 3, 32, 32)


def moved(network, theta0, tau, images) -> float:
    """mean ‖J τ‖², by torch.func."""
    return float(linearize.product(network, theta0, tau, images)[1].square().sum(1).mean())


def alone(tau, *keys):
    return {key: value if key in keys else torch.zeros_like(value) for key, value in tau.items()}


def test_one_linear_layer_has_its_exact_curvature():
    """JᵀJ of s = W a + b is E[a aᵀ] ⊗ 1, a with a 1 below it; images in two batches count alike."""
    network = small.Straight()
    theta0 = linearize.parameters(network)
    images = small.images(7, 3, 2, 2)
    tau = small.direction(theta0, "tau")
    found = curvature.of_images(network, theta0, [images[:5], images[5:]])
    assert float(found.quadratic(tau)) == pytest.approx(
        moved(network, theta0, tau, images), rel=1e-10
    )
    ((place, (inputs, outputs)),) = found.blocks.items()
    a = torch.cat([images.flatten(1), torch.ones(7, 1, dtype=torch.float64)], 1)
    assert place == Matrix("only.weight", "only.bias")
    torch.testing.assert_close(inputs, a.T @ a / 7)
    torch.testing.assert_close(outputs, torch.eye(5, dtype=torch.float64))


def test_of_one_image_every_layer_of_a_network_is_exact_and_layers_do_not_meet():
    network = small.Curved()
    theta0 = linearize.parameters(network)
    images = small.images(1, 3, 2, 2)
    tau = small.direction(theta0, "tau")
    found = curvature.of_images(network, theta0, [images])
    layers = [alone(tau, f"{layer}.weight", f"{layer}.bias") for layer in ("first", "second")]
    values = [float(found.quadratic(layer)) for layer in layers]
    assert values == pytest.approx(
        [moved(network, theta0, layer, images) for layer in layers], rel=1e-10
    )
    assert float(found.quadratic(tau)) == pytest.approx(sum(values), rel=1e-10)


def test_every_parameter_of_a_transformer_enters_where_it_is_said_to(vit):
    """Gradients from the taps, parameter by parameter, are those of open_clip's own module."""
    network, theta0, images = vit
    outputs, found = taps(network, theta0, images)
    readout = small.normal("readout", shape=tuple(outputs.shape))
    slopes = torch.autograd.grad(outputs, [tap.leaving for tap in found], readout)
    leaves = {key: value.clone().requires_grad_(True) for key, value in theta0.items()}
    expected = torch.autograd.grad(
        (readout * linearize.encode(network, leaves, images)).sum(), [*leaves.values()]
    )
    made = {key: torch.full_like(value, torch.nan) for key, value in theta0.items()}
    for tap, slope in zip(found, slopes, strict=True):
        for place in curvature.places(tap):
            _put(made, place, tap, slope)
    for key, value in zip(theta0, expected, strict=True):
        torch.testing.assert_close(made[key], value, rtol=1e-8, atol=1e-10)


def _put(made, place, tap, slope) -> None:
    """The gradient of one place, from what enters it and what comes back."""
    if isinstance(place, Small):
        rows = {"gain": slope * tap.entering, "shift": slope, "first": slope[:, :1]}[place.kind]
        made[place.name] = rows.sum((0, 1))
        return
    entering = (
        torch.eye(slope.shape[1]).double().expand(3, -1, -1)
        if isinstance(tap.parameters, Tokens)
        else tap.entering
    )
    weight = torch.einsum("blo,bli->oi", slope, entering)
    part = made[place.weight][place.rows]
    part.copy_((weight.T if place.turned else weight).reshape(part.shape))
    if place.bias:
        made[place.bias][place.rows] = slope.sum((0, 1))


def test_small_parameters_and_the_last_layers_of_a_transformer_are_exact(vit):
    """Those with a whole block, and those of the class token alone, in the last block and after."""
    network, theta0, images = vit
    found = curvature.of_images(network, theta0, [images[:2], images[2:]])
    tau = small.direction(theta0, "tau")
    exact = [key for key in theta0 if ".ln_" in key or key.startswith("ln_")] + [
        "class_embedding",
        "proj",
    ]
    exact += [
        f"transformer.resblocks.1.{part}.bias"
        for part in ("attn.out_proj", "mlp.c_fc", "mlp.c_proj")
    ]
    assert len(exact) == 17
    for key in exact:
        expected = moved(network, theta0, alone(tau, key), images)
        assert float(found.quadratic(alone(tau, key))) == pytest.approx(expected, rel=1e-8), key


def test_other_parameters_of_a_transformer_have_about_the_curvature(vit):
    network, theta0, images = vit
    found = curvature.of_images(network, theta0, [images])
    tau = small.direction(theta0, "tau")
    for key in theta0:
        ratio = float(found.quadratic(alone(tau, key))) / moved(
            network, theta0, alone(tau, key), images
        )
        assert 0.2 < ratio < 5.0, key


def test_the_quadratic_form_is_that_of_the_product_and_has_its_gradient(vit):
    network, theta0, images = vit
    found = curvature.of_images(network, theta0, [images])
    tau = small.direction(theta0, "tau")
    sigma = small.direction(theta0, "sigma")
    leaves = {key: value.clone().requires_grad_(True) for key, value in tau.items()}
    value = found.quadratic(leaves)
    product = found.product(tau)
    assert value.item() == pytest.approx(
        sum(float((tau[k] * product[k]).sum()) for k in tau), rel=1e-12
    )
    for slope, key in zip(torch.autograd.grad(value, [*leaves.values()]), tau, strict=True):
        torch.testing.assert_close(slope, 2 * product[key])
    back = found.product(sigma)
    one, two = (
        sum(float((a[k] * b[k]).sum()) for k in tau) for a, b in ((sigma, product), (tau, back))
    )
    assert one == pytest.approx(two, rel=1e-10), "symmetric"


def test_the_mean_over_tasks_is_that_of_the_factors():
    network = small.Straight()
    theta0 = linearize.parameters(network)
    parts = [curvature.of_images(network, theta0, [small.images(4, 3, 2, 2) + k]) for k in range(3)]
    before = [part.blocks[Matrix("only.weight", "only.bias")][0].clone() for part in parts]
    found = curvature.mean(parts).blocks[Matrix("only.weight", "only.bias")]
    torch.testing.assert_close(found[0], sum(before) / 3)
    assert torch.equal(parts[0].blocks[Matrix("only.weight", "only.bias")][0], before[0]), (
        "inputs stay"
    )


def test_a_network_with_other_layers_is_one_sentence():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 2, 2), torch.nn.Flatten(), torch.nn.Linear(2, 2)
    ).double()
    with pytest.raises(
        ValueError,
        match=r"curvature of Sequential is not known: parameter '0.weight'.*another mode",
    ):
        curvature.of_images(network, linearize.parameters(network), [small.images(1, 3, 2, 2)])
