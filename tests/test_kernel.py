"""The structured kernel against Jacobians by brute force and closed forms, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev

from tangent_bench.tangent import kernel
from tangent_bench.tangent.linearize import parameters
from tests import small

READOUTS = {"embedding": None, "readout": small.normal("readout", shape=(3, 6))}


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return small.vit(tmp_path_factory.mktemp("vit"))


@pytest.fixture(scope="module")
def theta(vit):
    return parameters(vit)


@pytest.fixture(scope="module")
def images():
    return small.images(6, 3, 32, 32)


@pytest.fixture(scope="module")
def others():
    return 1.7 * small.images(4, 3, 32, 32) - 0.3


def jacobian(network, theta, images, readout):
    """∂(r · f)/∂θ by reverse mode on the network itself, [N, K, P]."""

    def outputs(parameters):
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            embedding = functional_call(network, parameters, (images,))
        return embedding if readout is None else embedding @ readout.T

    return torch.cat([part.flatten(2) for part in jacrev(outputs)(theta).values()], 2)


def plain(network, theta, images, readout, others=None):
    """Σ_k J_k J'_kᵀ from whole Jacobians."""
    left = jacobian(network, theta, images, readout)
    right = left if others is None else jacobian(network, theta, others, readout)
    return torch.einsum("nkp,mkp->nm", left, right).numpy()


def difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("readout", READOUTS.values(), ids=READOUTS)
def test_structured_kernel_is_that_of_the_plain_jacobian(vit, theta, images, others, readout):
    found = kernel.empirical(vit, theta, images, readout, batch_size=4)
    assert found.dtype == np.float64 and found.shape == (6, 6)
    assert difference(found, plain(vit, theta, images, readout)) < 1e-10
    found = kernel.empirical(vit, theta, images, readout, others, batch_size=4)
    assert difference(found, plain(vit, theta, images, readout, others)) < 1e-10


def test_kernel_depends_on_the_given_weights_not_on_those_of_the_module(vit, theta, images):
    moved = small.moved(theta, small.direction(theta))
    found = kernel.empirical(vit, moved, images)
    assert difference(found, plain(vit, moved, images, None)) < 1e-10
    assert difference(found, kernel.empirical(vit, theta, images)) > 1e-3


@pytest.fixture(scope="module")
def unbounded(vit, theta, images):
    """The kernel as it is computed where memory is no matter."""
    return kernel.empirical(vit, theta, images)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kept", "block"),
    [(1, 5_000), (50_000, 1), (50_000, 10**9), (10**9, 5_000)],
    ids=["each layer alone", "each pair", "some layers", "all at once"],
)
def test_memory_bounds_change_nothing(vit, theta, images, monkeypatch, unbounded, kept, block):
    monkeypatch.setattr(kernel, "KEPT_BYTES", kept)
    monkeypatch.setattr(kernel, "BLOCK_BYTES", block)
    monkeypatch.setattr(kernel, "ROW_BLOCK", 2)
    np.testing.assert_allclose(
        kernel.empirical(vit, theta, images, batch_size=4), unbounded, rtol=1e-12
    )


@pytest.mark.parametrize("symmetric", [True, False])
def test_token_pairs_and_gram_matrix_are_the_same_sum(symmetric):
    x = kernel.Factors(small.normal("a", shape=(5, 3, 7)), small.normal("g", shape=(5, 3, 4)))
    y = (
        x
        if symmetric
        else kernel.Factors(small.normal("b", shape=(2, 6, 7)), small.normal("h", shape=(2, 6, 4)))
    )
    expected = torch.einsum("nti,nto,mui,muo->nm", x.a, x.g, y.a, y.g)
    for way in (kernel._add_token_pairs, kernel._add_gram):
        found = torch.zeros(expected.shape, dtype=torch.float64)
        way(found, x, y)
        torch.testing.assert_close(found.triu(), expected.triu())
        assert symmetric or torch.allclose(found, expected)


@pytest.mark.parametrize("tokens", [1, 4])
def test_tokens_without_gradient_are_left_out_without_a_trace(tokens):
    a = small.normal("a", shape=(5, 4, 6))
    g = small.normal("g", shape=(5, 4, 6))
    g[:, tokens:] = 0.0
    found = torch.zeros(5, 5, dtype=torch.float64)
    piece = kernel.Factors(a, g)
    kernel._add(found, piece, piece)
    assert piece.reached().a.shape == (5, tokens, 6)
    torch.testing.assert_close(found.triu(), torch.einsum("nti,nto,mui,muo->nm", a, g, a, g).triu())


def test_kernel_of_a_small_network_by_hand(caplog):
    """Two tanh layers, D and E their slopes.

    Θ = Σ_k f'_k f''_k (h · h' + 1) + ⟨D W2 E, D' W2 E'⟩ (x · x' + 1)
    """
    network = small.Curved()
    images = small.images(5, 3, 2, 2)
    theta = {key: value.numpy() for key, value in parameters(network).items()}
    x = images.flatten(1).numpy()
    h = np.tanh(x @ theta["first.weight"].T + theta["first.bias"])
    outer = 1 - np.tanh(h @ theta["second.weight"].T + theta["second.bias"]) ** 2
    inner = outer[:, :, None] * theta["second.weight"] * (1 - h**2)[:, None, :]
    expected = (outer @ outer.T) * (h @ h.T + 1) + np.einsum("noh,moh->nm", inner, inner) * (
        x @ x.T + 1
    )
    with caplog.at_level("INFO", logger="tangent_bench.tangent.kernel"):
        found = kernel.empirical(network, parameters(network), images, batch_size=2)
    assert difference(found, expected) < 1e-12 and "plain Jacobians" in caplog.text


def test_kernel_is_symmetric_and_positive_semidefinite(vit, theta):
    images = torch.cat(
        [small.images(4, 3, 32, 32)] * 2
    )  # every image twice: half of the eigenvalues are 0
    found = kernel.empirical(vit, theta, images, READOUTS["readout"])
    assert np.array_equal(found, found.T)
    values, _ = kernel.eigenfunctions(found)
    assert (
        values.min() > -1e-12 * values.max()
        and (values[4:] < 1e-12 * values.max()).all()
        and values[3] > 0
    )


def test_network_linear_in_its_parameters_has_one_kernel():
    network = small.Straight()
    images = small.images(5, 3, 2, 2)
    theta = parameters(network)
    x = images.flatten(1).numpy()
    found = kernel.empirical(network, theta, images)
    np.testing.assert_allclose(found, 5 * (x @ x.T + 1), rtol=1e-12)
    moved = kernel.empirical(network, small.moved(theta, small.direction(theta, size=3.0)), images)
    assert kernel.drift(moved, found) == 0.0 and kernel.alignment(moved, found) == pytest.approx(
        1.0
    )


@pytest.mark.parametrize("readout", READOUTS.values(), ids=READOUTS)
def test_matrix_free_product_is_that_with_the_matrix(vit, theta, images, others, readout):
    vector = small.normal("vector", shape=(4,)).numpy()
    found = kernel.product(vit, theta, images, vector, readout, others, batch_size=3)
    np.testing.assert_allclose(
        found, kernel.empirical(vit, theta, images, readout, others) @ vector, rtol=1e-9
    )
    square = kernel.product(vit, theta, others, vector, readout, batch_size=3)
    np.testing.assert_allclose(
        square, kernel.empirical(vit, theta, others, readout) @ vector, rtol=1e-9
    )


def test_single_precision_is_near(vit, theta, images):
    expected = kernel.empirical(vit, theta, images)
    single = {key: value.float() for key, value in theta.items()}
    found = kernel.empirical(vit.to(torch.float32), single, images.float())
    vit.to(torch.float64)
    assert found.dtype == np.float64 and 0 < difference(found, expected) < 1e-5


def test_random_readout_has_the_trace_as_its_mean(vit, theta, images):
    readout = kernel.random_readout(6, 2, "x")
    torch.testing.assert_close(readout @ readout.T, 3.0 * torch.eye(2, dtype=torch.float64))
    mean = torch.stack(
        [r.T @ r for r in (kernel.random_readout(6, 2, "x", draw) for draw in range(4000))]
    ).mean(0)
    torch.testing.assert_close(mean, torch.eye(6, dtype=torch.float64), atol=0.1, rtol=0)
    assert kernel.random_readout(6, None, "x") is None and kernel.random_readout(6, 6, "x") is None
    assert torch.equal(readout, kernel.random_readout(6, 2, "x"))
    rotation = np.linalg.qr(small.normal("rotation", shape=(6, 6)).numpy())[0]
    whole = kernel.empirical(vit, theta, images, torch.from_numpy(rotation))
    np.testing.assert_allclose(whole, kernel.empirical(vit, theta, images), rtol=1e-10)


def features(name):
    return small.normal(name, shape=(9, 4)).numpy()


def test_eigenfunctions_rebuild_the_kernel_largest_first():
    gram = features("a") @ features("a").T
    values, vectors = kernel.eigenfunctions(gram)
    assert (np.diff(values) <= 0).all() and values[0] > 1
    np.testing.assert_allclose((vectors * values) @ vectors.T, gram, atol=1e-12)
    np.testing.assert_allclose(gram @ vectors[:, 0], values[0] * vectors[:, 0], rtol=1e-10)


def test_local_energy_of_a_complete_basis_is_one_everywhere():
    _, vectors = kernel.eigenfunctions(features("a") @ features("a").T)
    np.testing.assert_allclose(kernel.local_energy(vectors), np.ones(9), rtol=1e-12)
    assert kernel.local_energy(vectors[:, :3]).sum() == pytest.approx(3.0)
    assert kernel.local_energy(np.eye(9)[:, [2, 5]]).tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 0]


def test_alignment_is_that_of_centred_features():
    x = features("a")
    y = features("b")
    cross, own, other = ((a - a.mean(0)).T @ (b - b.mean(0)) for a, b in ((x, y), (x, x), (y, y)))
    expected = np.linalg.norm(cross) ** 2 / (np.linalg.norm(own) * np.linalg.norm(other))
    assert (
        kernel.alignment(x @ x.T, y @ y.T) == pytest.approx(expected, rel=1e-12)
        and 0 < expected < 0.9
    )
    shifted = x + 5.0  # a common shift and a scale are no difference
    assert kernel.alignment(x @ x.T, 3.0 * shifted @ shifted.T) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="constant kernel"):
        kernel.alignment(np.ones((4, 4)), x[:4] @ x[:4].T)


def test_drift_is_relative_to_the_initial_kernel():
    gram = np.diag([3.0, 4.0])
    assert kernel.drift(gram, gram) == 0.0 and kernel.drift(2 * gram, gram) == pytest.approx(1.0)
    assert kernel.drift(gram, 2 * gram) == pytest.approx(0.5)
    assert kernel.drift(gram + np.array([[0, 1], [1, 0]]), gram) == pytest.approx(np.sqrt(2) / 5)


def test_centred_kernel_has_no_mean():
    x = features("a")
    found = kernel.centred(x @ x.T)
    np.testing.assert_allclose(found, (x - x.mean(0)) @ (x - x.mean(0)).T, atol=1e-12)


def test_errors_say_what_is_wrong(vit, theta, images):
    with pytest.raises(ValueError, match="no images"):
        kernel.empirical(vit, theta, images[:0])
    with pytest.raises(ValueError, match=r"\(3, 5\) does not fit an embedding of 6"):
        kernel.empirical(vit, theta, images, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="vector of 4 numbers"):
        kernel.product(vit, theta, images, np.zeros(4))
