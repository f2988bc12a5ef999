"""Features as artefacts: order of images, batches, and linearity in the vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench.tangent import features
from tangent_bench.tangent.linearize import product
from tangent_bench.tangent.vectors import combine


def test_features_of_a_sum_are_the_sum_of_features(case):
    both = combine([(1.0, case.tau), (1.0, case.sigma)])
    apart = combine([(0.25, case.tau), (-2.0, case.sigma)])
    tau, sigma, total, mixed = features.changes(
        case.network, case.theta0, [case.tau, case.sigma, both, apart], case.images, 2
    )
    np.testing.assert_allclose(total, tau + sigma, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(mixed, 0.25 * tau - 2.0 * sigma, rtol=1e-10, atol=1e-12)
    assert np.abs(tau - sigma).max() > 1e-3


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_each_image_has_its_own_row_whatever_the_batch(case, batch_size):
    base = features.base(case.network, case.theta0, case.images, batch_size)
    (change,) = features.changes(case.network, case.theta0, [case.tau], case.images, batch_size)
    for n, image in enumerate(case.images):
        alone = product(case.network, case.theta0, case.tau, image[None])
        np.testing.assert_allclose(base[n], alone[0][0].numpy(), rtol=1e-10)
        np.testing.assert_allclose(change[n], alone[1][0].numpy(), rtol=1e-9, atol=1e-12)


def test_features_have_the_type_of_the_network(case32):
    base = features.base(case32.network, case32.theta0, case32.images, 3)
    (change,) = features.changes(case32.network, case32.theta0, [case32.tau], case32.images, 3)
    assert base.dtype == change.dtype == np.float32 and base.shape == change.shape == (5, 6)
    with torch.no_grad():
        np.testing.assert_allclose(
            base, case32.network(case32.images).numpy(), rtol=1e-4, atol=1e-5
        )
