"""The expansion against brute-force derivatives, in float64."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from tangent_bench.tangent import linearize, vision
from tangent_bench.tangent.linearize import (
    differentiable_attention,
    encode,
    encode_linearized,
    parameters,
    product,
)
from tests import small


def plain(case, theta):
    """f(x; θ) without any of the library."""
    return functional_call(case.network, theta, (case.images,))


@pytest.mark.parametrize("num", [1, 2, 3, 5, 16])
def test_expansion_at_its_point_is_the_network(case, case32, num):
    for each, size in ((case, 1e-14), (case32, 2e-6)):
        images = torch.cat([each.images] * 8)[:num]
        # PyTorch itself rounds otherwise where gradients are asked for: like is compared with like.
        leaves = {k: v.clone().requires_grad_(True) for k, v in each.theta0.items()}
        found = encode_linearized(each.network, each.theta0, leaves, images)
        if vision.supports(each.network):  # written out for speed, with sums in another order
            exact = encode(each.network, leaves, images)
            assert (found - exact).norm() < size * exact.norm()
        else:
            assert torch.equal(found, encode(each.network, leaves, images))
        base = encode(each.network, each.theta0, images)
        assert torch.equal(product(each.network, each.theta0, each.tau, images)[0], base)


def test_encode_is_the_network_itself(case):
    torch.testing.assert_close(
        encode(case.network, case.theta0, case.images), case.network(case.images)
    )
    theta = small.moved(case.theta0, case.tau)
    torch.testing.assert_close(encode(case.network, theta, case.images), plain(case, theta))
    assert not torch.allclose(plain(case, theta), plain(case, case.theta0), rtol=1e-3)


def test_product_is_the_jacobian_times_the_vector(case):
    jacobian = jacrev(lambda theta: encode(case.network, theta, case.images))(case.theta0)
    expected = sum(
        torch.einsum("bdp,p->bd", j.flatten(2), case.tau[key].flatten())
        for key, j in jacobian.items()
    )
    base, change = product(case.network, case.theta0, case.tau, case.images)
    torch.testing.assert_close(change, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(base, plain(case, case.theta0))


def test_product_is_the_central_difference(case):
    step = 1e-5
    ahead, behind = (
        plain(case, small.moved(case.theta0, case.tau, sign * step)) for sign in (1, -1)
    )
    change = product(case.network, case.theta0, case.tau, case.images)[1]
    torch.testing.assert_close(change, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-7)


def test_taylor_error_falls_with_the_square_of_the_distance(case):
    scales = 2.0 ** -np.arange(2, 9)
    errors = []
    for scale in scales:
        theta = small.moved(case.theta0, case.tau, float(scale))
        error = encode_linearized(case.network, case.theta0, theta, case.images) - plain(
            case, theta
        )
        errors.append(float(error.norm()))
    slope = np.polyfit(np.log(scales), np.log(errors), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.08)


def test_expansion_is_affine_in_the_parameters(case):
    def at(a, b):
        theta = small.moved(small.moved(case.theta0, case.tau, a), case.sigma, b)
        return encode_linearized(case.network, case.theta0, theta, case.images)

    mixed = -0.7 * at(1, 0) + 2.5 * at(0, 1) + (1 + 0.7 - 2.5) * at(0, 0)
    torch.testing.assert_close(at(-0.7, 2.5), mixed, rtol=1e-9, atol=1e-11)
    assert not torch.allclose(at(1, 0), at(0, 0), rtol=1e-3)


def test_gradient_is_the_jacobian_wherever_it_is_taken(case):
    weight = small.normal("weight", shape=tuple(plain(case, case.theta0).shape))

    def gradient(encoder, theta):
        leaves = {k: v.clone().requires_grad_(True) for k, v in theta.items()}
        with differentiable_attention():
            return torch.autograd.grad((encoder(leaves) * weight).sum(), list(leaves.values()))

    expected = gradient(lambda theta: plain(case, theta), case.theta0)
    for scale in (0.0, 3.0):
        theta = small.moved(case.theta0, case.sigma, scale)
        found = gradient(
            lambda t: encode_linearized(case.network, case.theta0, t, case.images), theta
        )
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-11)


def test_change_is_the_expansion_without_its_start(case):
    expected = product(case.network, case.theta0, case.tau, case.images)[1]
    found = linearize.change(
        case.network, case.theta0, small.moved(case.theta0, case.tau), case.images
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("function", [encode_linearized, linearize.change])
def test_gradient_reaches_the_parameters_that_ask_for_it(case, function):
    """J(x; θ0)ᵀ g from the whole Jacobian; every second parameter is held fixed."""
    jacobian = jacrev(lambda theta: encode(case.network, theta, case.images))(case.theta0)
    weight = small.normal("weight", shape=tuple(plain(case, case.theta0).shape))
    for names in (list(case.theta0)[::2], list(case.theta0)[1::2]):
        theta = small.moved(case.theta0, case.sigma, 3.0)
        theta = {key: value.clone().requires_grad_(key in names) for key, value in theta.items()}
        value = function(case.network, case.theta0, theta, case.images)
        found = torch.autograd.grad((value * weight).sum(), [theta[name] for name in names])
        for name, gradient in zip(names, found, strict=True):
            expected = torch.einsum("bd,bdp->p", weight, jacobian[name].flatten(2)).view_as(
                gradient
            )
            torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("function", [encode_linearized, linearize.change])
def test_a_tower_is_expanded_by_its_own_rules(case32, function, monkeypatch):
    monkeypatch.setattr(
        linearize, "product", lambda *arguments: pytest.fail("the generic product, which is slower")
    )
    theta = small.moved(case32.theta0, case32.tau)
    assert function(case32.network, case32.theta0, theta, case32.images).shape == (5, 6)


def test_each_parameter_alone_has_its_own_derivative(case):
    """A rule that is wrong for one parameter can hide behind all the others."""
    for name in case.theta0:
        alone = {k: v if k == name else torch.zeros_like(v) for k, v in case.tau.items()}
        theta = small.moved(case.theta0, alone, 1e-4), small.moved(case.theta0, alone, -1e-4)
        expected = (plain(case, theta[0]) - plain(case, theta[1])) / 2e-4
        linear = encode_linearized(
            case.network, case.theta0, small.moved(case.theta0, alone), case.images
        )
        change = linear - plain(case, case.theta0)
        torch.testing.assert_close(
            change, expected, rtol=1e-5, atol=1e-7, msg=lambda m, name=name: f"{name}: {m}"
        )
        assert float(change.abs().max()) > 1e-5, name


def test_order_of_the_keys_does_not_matter(case):
    backwards = dict(reversed(case.tau.items()))
    expected = product(case.network, case.theta0, case.tau, case.images)[1]
    assert torch.equal(product(case.network, case.theta0, backwards, case.images)[1], expected)


def test_network_and_arguments_are_left_alone(case):
    before = [{k: v.clone() for k, v in d.items()} for d in (case.theta0, case.tau)]
    encode_linearized(case.network, case.theta0, small.moved(case.theta0, case.tau), case.images)
    encode(case.network, small.moved(case.theta0, case.tau), case.images)
    for old, new in zip(before, (case.theta0, case.tau), strict=True):
        assert all(torch.equal(old[k], new[k]) for k in old)
    assert all(torch.equal(case.theta0[k], v) for k, v in case.network.named_parameters())


def test_parameters_are_copies(case):
    copies = parameters(case.network)
    assert list(copies) == [name for name, _ in case.network.named_parameters()]
    for name, value in case.network.named_parameters():
        assert copies[name].data_ptr() != value.data_ptr() and not copies[name].requires_grad


def test_theta_with_other_keys_is_refused(case):
    name = next(iter(case.theta0))
    theta = {k: v for k, v in case.theta0.items() if k != name}
    names = ("theta", "theta0") if vision.supports(case.network) else ("first", "second")
    said = f"Vector '{names[0]}' lacks key '{re.escape(name)}' that '{names[1]}' has"
    for function in (encode_linearized, linearize.change):
        with pytest.raises(ValueError, match=said):
            function(case.network, case.theta0, theta, case.images)


STATISTICS = [nn.BatchNorm2d(3), nn.InstanceNorm2d(3, affine=True, track_running_stats=True)]


@pytest.mark.parametrize("layer", STATISTICS)
def test_running_statistics_are_constants_once_they_are_frozen(layer):
    """f and its expansion with a BatchNorm in eval(), against the affine map that it then is."""
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(layer)).double()
    with pytest.raises(ValueError, match=r"Module '1\.0' keeps running .* in train\(\).*eval\(\)"):
        parameters(network)
    network.eval()
    with torch.no_grad():
        layer.running_mean.copy_(small.normal("mean", shape=(3,)))
        layer.running_var.copy_(small.normal("var", shape=(3,)).square() + 0.5)
    before = {key: value.clone() for key, value in network.named_buffers()}
    theta0 = parameters(network)
    tau = small.direction(theta0, "statistics")
    images = small.images(2, 3, 2, 2)

    def by_hand(theta):
        hidden = torch.nn.functional.conv2d(images, theta["0.weight"], theta["0.bias"])
        scale = (layer.running_var + layer.eps).rsqrt().view(3, 1, 1)
        normed = (hidden - layer.running_mean.view(3, 1, 1)) * scale
        return normed * theta["1.0.weight"].view(3, 1, 1) + theta["1.0.bias"].view(3, 1, 1)

    base, moved = linearize.product(network, theta0, tau, images)
    torch.testing.assert_close(base, by_hand(theta0), rtol=1e-12, atol=1e-12)
    ahead = by_hand(small.moved(theta0, tau, 1e-5))
    behind = by_hand(small.moved(theta0, tau, -1e-5))
    torch.testing.assert_close(moved, (ahead - behind) / 2e-5, rtol=1e-7, atol=1e-9)
    assert all(torch.equal(before[key], value) for key, value in network.named_buffers())


def test_statistics_of_the_batch_are_refused():
    network = nn.Sequential(nn.GroupNorm(1, 3), nn.BatchNorm2d(3, track_running_stats=False))
    with pytest.raises(ValueError, match=r"Module '1' keeps no running .* those of each batch"):
        parameters(network.eval())
    parameters(network[:1])


def switches():
    backends = torch.backends.cuda
    fused = (
        backends.flash_sdp_enabled(),
        backends.mem_efficient_sdp_enabled(),
        backends.math_sdp_enabled(),
    )
    return torch.backends.mha.get_fastpath_enabled(), *fused


@pytest.mark.parametrize("fast", [True, False])
def test_attention_is_restored_also_after_an_error(fast):
    torch.backends.mha.set_fastpath_enabled(fast)
    try:
        before = switches()
        with differentiable_attention():
            assert switches() == (False, False, False, True)
        assert switches() == before
        with pytest.raises(RuntimeError, match="within"), differentiable_attention():
            raise RuntimeError("within")
        assert switches() == before
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_attention_is_restored_when_the_network_fails(case):
    before = switches()
    for function in (encode, lambda *a: product(a[0], a[1], case.tau, a[2])):
        with pytest.raises(RuntimeError):
            function(case.network, case.theta0, case.images[:, :1, :1])
        assert switches() == before
