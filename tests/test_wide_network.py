"""The wide network against automatic differentiation, its closed form against descent by steps."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from tangent_bench.seeds import generator
from tangent_bench.tangent import wide_network

NUM = 5
MORE = 3
INPUTS = 4
WIDTH = 7


def drawn(num_hidden=2, width=WIDTH):
    rng = generator("test", "wide network", num_hidden, width)
    inputs = rng.standard_normal((NUM + MORE, INPUTS))
    targets = rng.standard_normal(NUM)
    return wide_network.initialise(INPUTS, width, num_hidden, rng), inputs, targets


def function(weights, inputs):
    """f again, in torch."""
    a = inputs
    for k, weight in enumerate(weights):
        h = torch.einsum("nd,md->nm", a, weight) * weight.shape[1] ** -0.5
        a = torch.tanh(h) if k < len(weights) - 1 else h
    return a.squeeze(1)


def jacobian(weights, inputs):
    """∂f/∂θ, [N, P]."""
    found = torch.func.jacrev(
        lambda *w: function(w, torch.from_numpy(inputs)), argnums=tuple(range(len(weights)))
    )(*map(torch.from_numpy, weights))
    return np.concatenate([part.reshape(len(inputs), -1).numpy() for part in found], axis=1)


@pytest.mark.parametrize("num_hidden", [0, 1, 2, 3])
def test_outputs_gradient_and_kernel_are_those_of_automatic_differentiation(num_hidden):
    weights, inputs, targets = drawn(num_hidden)
    outputs, layers = wide_network.forward(weights, inputs[:NUM])
    leaves = [torch.from_numpy(w).requires_grad_(True) for w in weights]
    found = function(leaves, torch.from_numpy(inputs[:NUM]))
    np.testing.assert_allclose(outputs, found.detach().numpy(), rtol=1e-12)
    loss = ((found - torch.from_numpy(targets)) ** 2).mean() / 2
    slopes = wide_network.gradient(weights, layers, outputs, targets)
    for (left, right), expected in zip(slopes, torch.autograd.grad(loss, leaves), strict=True):
        np.testing.assert_allclose(left.T @ right, expected.numpy(), rtol=1e-10, atol=1e-14)
    rows = jacobian(weights, inputs)
    np.testing.assert_allclose(
        wide_network.kernel(weights, inputs), rows @ rows.T, rtol=1e-11, atol=1e-13
    )


def test_training_descends_along_that_gradient():
    weights, inputs, targets = drawn()
    trained = wide_network.train(weights, inputs[:NUM], targets, 0.7, 3)
    leaves = [torch.from_numpy(w.copy()).requires_grad_(True) for w in weights]
    descent = torch.optim.SGD(leaves, lr=0.7)
    for _ in range(3):
        descent.zero_grad()
        (
            (
                (function(leaves, torch.from_numpy(inputs[:NUM])) - torch.from_numpy(targets)) ** 2
            ).mean()
            / 2
        ).backward()
        descent.step()
    for ours, theirs, start in zip(trained, leaves, drawn()[0], strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-11)
        assert not np.allclose(ours, start)
    assert all(np.array_equal(w, start) for w, start in zip(weights, drawn()[0], strict=True)), (
        "θ0 stays as it was"
    )


def descend(jacobian_MP, start_M, targets_N, rate, steps):
    """f_lin after gradient descent in its parameters."""
    num = len(targets_N)
    tau_P = np.zeros(jacobian_MP.shape[1])
    for _ in range(steps):
        residual_N = start_M[:num] + jacobian_MP[:num] @ tau_P - targets_N
        tau_P -= rate * jacobian_MP[:num].T @ residual_N / num
    return start_M + jacobian_MP @ tau_P


@pytest.mark.parametrize("steps", [0, 1, 2, 50, 3000])
@pytest.mark.parametrize("twice", [False, True])
def test_closed_form_is_gradient_descent_on_the_linearization(steps, twice):
    weights, inputs, targets = drawn()
    if twice:  # two equal points make Θ0 singular
        inputs[1] = inputs[0]
    start = wide_network.forward(weights, inputs)[0]
    theta = wide_network.kernel(weights, inputs)
    closed = wide_network.linearized(theta[:, :NUM], start, start[:NUM], targets, 0.5, steps)
    np.testing.assert_allclose(
        closed,
        descend(jacobian(weights, inputs), start, targets, 0.5, steps),
        rtol=1e-9,
        atol=1e-11,
    )


def test_small_steps_are_the_gradient_flow():
    weights, inputs, targets = drawn()
    start = wide_network.forward(weights, inputs)[0]
    theta = wide_network.kernel(weights, inputs)[:, :NUM]
    time = 3.0
    spent = scipy.linalg.solve(
        theta[:NUM], np.eye(NUM) - scipy.linalg.expm(-theta[:NUM] * time / NUM)
    )
    flow = start - theta @ spent @ (start[:NUM] - targets)
    descent = wide_network.linearized(theta, start, start[:NUM], targets, time / 10**6, 10**6)
    np.testing.assert_allclose(descent, flow, rtol=1e-5, atol=1e-6)


def test_network_that_is_linear_in_its_weights_keeps_its_kernel_and_is_its_linearization():
    weights, inputs, targets = drawn(num_hidden=0)
    start = wide_network.forward(weights, inputs)[0]
    theta = wide_network.kernel(weights, inputs)
    trained = wide_network.train(weights, inputs[:NUM], targets, 0.4, 20)
    np.testing.assert_allclose(wide_network.kernel(trained, inputs), theta, rtol=1e-12)
    linear = wide_network.linearized(theta[:, :NUM], start, start[:NUM], targets, 0.4, 20)
    np.testing.assert_allclose(wide_network.forward(trained, inputs)[0], linear, rtol=1e-11)


def test_kernel_has_one_size_at_every_width():
    """Why the parametrization: weights of variance 1 / fan-in alone would not do it."""
    inputs = generator("test", "size").standard_normal((3, INPUTS))

    def mean(width):
        draws = (
            wide_network.initialise(INPUTS, width, 2, generator("test", "size", width, k))
            for k in range(200)
        )
        return np.mean([wide_network.kernel(w, inputs).trace() for w in draws])

    assert mean(200) == pytest.approx(mean(50), rel=0.1)


def test_a_rate_that_is_too_large_is_said():
    weights, inputs, targets = drawn()
    with pytest.raises(ValueError, match="rate 500.0 diverges; give a smaller"):
        wide_network.train(weights, 30 * inputs[:NUM], targets, 500.0, 400)
