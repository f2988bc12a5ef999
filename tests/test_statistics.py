"""Bootstrap by weights against drawing images again; coverage on simulated data."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.measuring import resampling
from tangent_bench.seeds import generator


def test_replicate_zero_is_the_estimate():
    weights = resampling.weights(np.arange(30), 20, "t", "val")
    assert weights.shape == (21, 30) and weights.dtype == np.float32
    assert (weights[0] == 1).all()
    assert (weights[1:] != 1).any(axis=1).all()


def test_blocks_are_drawn_whole():
    blocks = np.array([5, 5, 9, 2, 9, 9, 2, 7])
    weights = resampling.weights(blocks, 200, "blocks")
    for block in set(blocks):
        inside = weights[:, blocks == block]
        assert (inside == inside[:, :1]).all()
    firsts = [np.flatnonzero(blocks == b)[0] for b in sorted(set(blocks))]
    assert (weights[:, firsts].sum(1) == 4).all(), "as many blocks are drawn as there are"
    assert len(np.unique(weights[1:, firsts], axis=0)) > 20, "and independently of each other"


@pytest.mark.parametrize("size", [1, 3])
def test_sums_are_kept_when_blocks_are_equal(size):
    weights = resampling.weights(np.repeat(np.arange(12)[::-1], size), 100, "sums", size)
    assert (weights.sum(1) == 12 * size).all()
    assert ((weights >= 0) & (weights == np.round(weights))).all()


def test_counts_are_those_of_drawing_with_replacement():
    weights = resampling.weights(np.arange(50), 4000, "moments")[1:]
    assert weights.mean(0) == pytest.approx(1.0, abs=0.1)
    assert weights.var(0).mean() == pytest.approx(1 - 1 / 50, abs=0.03)
    covariance = np.cov(weights.T)[~np.eye(50, dtype=bool)].mean()
    assert covariance == pytest.approx(-1 / 50, abs=0.005)


def test_means_are_those_of_the_images_drawn_again():
    values = generator("test", "means").standard_normal((3, 40)) * 1e3
    blocks = np.repeat(np.arange(8), [1, 2, 3, 4, 6, 7, 8, 9])
    weights = resampling.weights(blocks, 30, "means")
    assert len(set(weights.sum(1))) > 10, "units of unequal size: replicates differ in number"
    found = resampling.mean(values, weights)
    assert found.shape == (31, 3) and found.dtype == np.float64
    for replicate, counts in enumerate(weights.astype(int)):
        drawn = np.repeat(values, counts, axis=1)
        np.testing.assert_allclose(found[replicate], drawn.mean(1), rtol=1e-12)
    np.testing.assert_allclose(found[0], values.mean(1), rtol=1e-14)
    hits = (values > 0).astype(np.float64)
    np.testing.assert_allclose(
        resampling.mean(hits, weights), resampling.accuracy(hits, weights), rtol=1e-12
    )


def test_same_names_same_weights_and_other_names_others():
    blocks = np.arange(25)
    first = resampling.weights(blocks, 50, "mnist", "test")
    assert np.array_equal(first, resampling.weights(blocks, 50, "mnist", "test"))
    # Names of units are only names: what counts is who shares one.
    assert np.array_equal(first, resampling.weights(blocks * 7 + 3, 50, "mnist", "test"))
    for names in (("mnist", "val"), ("letters", "test")):
        assert not np.array_equal(first, resampling.weights(blocks, 50, *names))


def test_published_intervals_rest_on_these_draws():
    """Other draws would move every published interval a little: a change must be meant."""
    found = resampling.weights(np.arange(6), 2, "mnist", "test")
    assert found.tolist() == [[1] * 6, [1, 2, 2, 1, 0, 0], [0, 3, 2, 0, 0, 1]]


def test_no_images_is_one_sentence():
    with pytest.raises(ValueError, match="No images to resample for mnist val; check the split"):
        resampling.weights(np.array([], dtype=np.int64), 10, "mnist", "val")


def test_weighted_accuracy_is_accuracy_on_the_drawn_images():
    rng = generator("test", "accuracy")
    correct = rng.random((4, 23)) < np.array([0.1, 0.5, 0.9, 1.0])[:, None]
    weights = resampling.weights(rng.integers(0, 8, 23), 60, "brute force")
    found = resampling.accuracy(correct, weights)
    assert found.shape == (61, 4) and found.dtype == np.float64
    for r, row in enumerate(weights.astype(int)):
        drawn = np.repeat(np.arange(23), row)
        for p in range(4):
            assert found[r, p] == sum(correct[p, n] for n in drawn) / len(drawn)


def test_interval_is_of_the_replicates_without_the_estimate():
    replicates = np.concatenate([[1e9], np.arange(101) / 100.0])
    assert resampling.interval(replicates) == pytest.approx((0.025, 0.975))
    assert resampling.interval(replicates, level=0.5) == pytest.approx((0.25, 0.75))


def coverage(size: int, blocks_known: bool, repeats: int = 400) -> float:
    """Share of simulated test sets whose 95 % interval holds the truth; images come in groups of
    `size` that agree.
    """
    truth, inside = 0.7, 0
    for k in range(repeats):
        groups = np.repeat(np.arange(240 // size), size)
        correct = (generator("test", "coverage", size, k).random(240 // size) < truth)[groups]
        units = groups if blocks_known else np.arange(240)
        weights = resampling.weights(units, 200, "coverage", size, k)
        low, high = resampling.interval(resampling.accuracy(correct[None], weights)[:, 0])
        inside += low <= truth <= high
    return inside / repeats


def test_intervals_hold_the_truth_as_often_as_they_say():
    assert coverage(1, True) == pytest.approx(0.945, abs=0.03)


def test_blocks_are_needed_where_images_belong_together():
    assert coverage(4, True) == pytest.approx(0.935, abs=0.035)
    assert coverage(4, False) < 0.8
