"""Kernel regression against gradient descent on f_lin itself, step by step, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench.tangent import kernel_regression
from tangent_bench.tangent.linearize import encode, encode_linearized, parameters
from tests import small

NUM = 9
TRAIN = 6  # images in all; the first are trained on
NETWORK = small.Curved()
THETA0 = parameters(NETWORK)
IMAGES = small.images(NUM, 3, 2, 2)
TARGETS = small.normal("kernel regression", shape=(TRAIN, 5)).numpy()


def jacobian() -> np.ndarray:
    """∂f/∂θ of all outputs of all images, one line each: [N · 5, P]."""
    found = torch.func.jacrev(lambda theta: encode(NETWORK, theta, IMAGES))(THETA0)
    return torch.cat([found[key].flatten(2).flatten(0, 1) for key in THETA0], 1).numpy()


J = jacobian()
THETA = J @ J.T
SEEN = slice(0, TRAIN * 5)
F0 = encode(NETWORK, THETA0, IMAGES).detach().numpy().reshape(-1, 1)
RESIDUAL = TARGETS.reshape(-1, 1) - F0[SEEN]


def descend(rate: float, steps: int, pull: float = 0.0) -> np.ndarray:
    """f_lin of all images after descent on ½ ‖f_lin(X) − y‖² + ½ pull ‖θ − θ0‖², by autograd."""
    theta = {key: value.clone().requires_grad_(True) for key, value in THETA0.items()}
    wanted = torch.from_numpy(TARGETS)
    for _ in range(steps):
        loss = (
            encode_linearized(NETWORK, THETA0, theta, IMAGES[:TRAIN]) - wanted
        ).square().sum() / 2
        loss = loss + pull / 2 * sum((theta[key] - THETA0[key]).square().sum() for key in theta)
        for value, slope in zip(
            theta.values(), torch.autograd.grad(loss, theta.values()), strict=True
        ):
            value.data -= rate * slope
    return encode_linearized(NETWORK, THETA0, theta, IMAGES).detach().numpy()


def predicted(coefficients: np.ndarray) -> np.ndarray:
    """f_0 + Θ(·, X) c of all images, [N, 5]."""
    return (F0 + THETA[:, SEEN] @ coefficients).reshape(NUM, 5)


@pytest.mark.parametrize("steps", [1, 2, 17, 300])
def test_closed_form_is_gradient_descent_after_so_many_steps(steps):
    rate = 0.9 / np.linalg.eigvalsh(THETA[SEEN, SEEN])[-1]
    expected = descend(rate, steps)
    found = predicted(kernel_regression.descent(THETA[SEEN, SEEN], RESIDUAL, rate, steps))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    assert np.abs(expected[TRAIN:] - F0.reshape(NUM, 5)[TRAIN:]).max() > 1e-3, (
        "images that were not seen move too"
    )


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.03])
def test_ridge_is_where_descent_with_a_pull_to_theta0_arrives(share):
    largest = np.linalg.eigvalsh(THETA[SEEN, SEEN])[-1]
    pull = share * largest
    expected = descend(1.0 / (largest + pull), 1500, pull)
    found = predicted(kernel_regression.ridge(THETA[SEEN, SEEN], RESIDUAL, pull))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_without_ridge_it_is_the_limit_of_descent_and_fits():
    kernel = THETA[SEEN, SEEN]
    least = kernel_regression.ridge(kernel, RESIDUAL, 0.0)
    rate = 1.9 / np.linalg.eigvalsh(kernel)[-1]
    np.testing.assert_allclose(
        kernel_regression.descent(kernel, RESIDUAL, rate, 10**9), least, rtol=1e-6
    )
    np.testing.assert_allclose(predicted(least)[:TRAIN], TARGETS, atol=1e-9)


def test_directions_that_the_kernel_does_not_see_stay_out():
    kernel = np.diag([2.0, 1.0, 0.0])
    residual = np.array([[4.0], [3.0], [7.0]])
    assert kernel_regression.ridge(kernel, residual, 0.0).ravel().tolist() == [2.0, 3.0, 0.0]
    assert kernel_regression.descent(kernel, residual, 0.5, 1).ravel().tolist() == [2.0, 1.5, 0.0]


def test_a_rate_that_diverges_is_refused():
    with pytest.raises(ValueError, match="diverges.*below 0.5"):
        kernel_regression.descent(np.diag([4.0, 1.0]), np.ones((2, 1)), 0.5, 3)


def test_held_out_errors_are_those_of_regressions_without_the_block():
    features = small.normal("features", shape=(8, 6)).numpy()
    kernel = features @ features.T
    residual = small.normal("residual", shape=(8, 3)).numpy()
    blocks = np.array([0, 0, 1, 2, 2, 2, 3, 1])
    found = kernel_regression.held_out(kernel, residual, blocks, 0.7)
    for block in range(4):
        out = blocks == block
        coefficients = np.linalg.solve(
            kernel[np.ix_(~out, ~out)] + 0.7 * np.eye((~out).sum()), residual[~out]
        )
        np.testing.assert_allclose(
            found[out], residual[out] - kernel[np.ix_(out, ~out)] @ coefficients, atol=1e-12
        )


def test_ridge_is_chosen_on_whole_blocks():
    """An image whose copy is seen needs no ridge; without both, the others mislead."""
    kernel = np.kron(np.eye(6), np.ones((2, 2))) + 0.5
    residual = np.tile([[1.0], [1.0], [-1.0], [-1.0]], (3, 1))
    ridges = [1e-3, 1.0, 1e3]
    scale = 1.5  # of the diagonal
    alone = np.arange(12)
    pairs = np.repeat(np.arange(6), 2)
    assert kernel_regression.choose_ridge(kernel, residual, alone, ridges) == pytest.approx(
        1e-3 * scale
    )
    assert kernel_regression.choose_ridge(10 * kernel, residual, alone, ridges) == pytest.approx(
        1e-2 * scale
    )
    assert kernel_regression.choose_ridge(kernel, residual, pairs, ridges) == pytest.approx(
        1e3 * scale
    )


def test_targets_have_the_spread_of_the_logits():
    logits = np.array([[3.0, 1.0, 2.0], [0.0, 4.0, 2.0]])
    found = kernel_regression.targets(logits, np.array([1, 2]))
    centred = logits - logits.mean(1, keepdims=True)
    assert (found**2).mean() == pytest.approx((centred**2).mean())
    assert found.argmax(1).tolist() == [1, 2] and np.abs(found.sum(1)).max() < 1e-12
    np.testing.assert_allclose(kernel_regression.targets(logits + 5.0, np.array([1, 2])), found)
    with pytest.raises(ValueError, match="no scale"):
        kernel_regression.targets(np.ones((2, 3)), np.array([0, 1]))
