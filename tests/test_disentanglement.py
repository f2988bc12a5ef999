"""Laws of ξ on predictions that were made up, and the two readings along a curve."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.measuring import disentanglement, resampling
from tangent_bench.seeds import generator

POINTS, NUM, CLASSES = 6, 30, 4


def predictions(name: str) -> np.ndarray:
    return generator("test", "ξ", name).integers(0, CLASSES, (POINTS, NUM)).astype(np.uint16)


WEIGHTS = resampling.weights(np.arange(NUM) // 3, 40, "ξ")


def test_term_is_the_share_of_images_that_differ_image_by_image():
    alone, both = predictions("alone"), predictions("both")
    found = disentanglement.term(alone, both, WEIGHTS)
    for r in range(len(WEIGHTS)):
        for p in range(POINTS):
            differ = sum(WEIGHTS[r, n] for n in range(NUM) if alone[p, n] != both[p, n])
            assert found[r, p] == pytest.approx(differ / WEIGHTS[r].sum())


def test_error_is_a_sum_between_0_and_2_and_reaches_both():
    same, other = predictions("alone"), (predictions("alone") + 1) % CLASSES
    none, every = (
        disentanglement.term(same, same, WEIGHTS),
        disentanglement.term(same, other, WEIGHTS),
    )
    assert (disentanglement.error(none, none) == 0).all()
    assert (disentanglement.error(every, every) == 2).all(), "a sum, not a mean"
    assert (disentanglement.error(every, none) == 1).all()
    random = disentanglement.error(
        *(disentanglement.term(same, predictions(n), WEIGHTS) for n in ("x", "y"))
    )
    assert ((random > 0) & (random < 2)).all()


def test_which_prediction_comes_first_does_not_matter():
    one, two = predictions("x"), predictions("y")
    assert np.array_equal(
        disentanglement.term(one, two, WEIGHTS), disentanglement.term(two, one, WEIGHTS)
    )


def test_other_images_or_points_are_refused():
    with pytest.raises(
        ValueError,
        match=r"\(6, 30\) and \(6, 29\) cannot be compared; both must be of the same points and "
        r"images\.$",
    ):
        disentanglement.disagreement(predictions("x"), predictions("y")[:, 1:])
    with pytest.raises(
        ValueError, match=r"^Terms of shapes \(3, 2\) and \(3, 1\) are not of the same points\.$"
    ):
        disentanglement.error(np.zeros((3, 2)), np.zeros((3, 1)))


def test_relative_error_counts_unwanted_changes_per_wanted_one_and_divides_nothing_by_zero():
    error, change = np.array([0.2, 0.2, 0.0, 0.2]), np.array([0.4, 0.1, 0.0, 0.0])
    assert disentanglement.relative_error(error, change, 0.01).tolist() == pytest.approx(
        [0.5, 2.0, 0.0, 20.0]
    )


def test_first_reaching_is_the_first_crossing_between_grid_points():
    grid = np.array([0.0, 0.5, 1.0, 2.0])
    curves = np.array(
        [[0.2, 0.6, 0.4, 0.8], [0.2, 0.6, 0.4, 0.8], [0.7, 0.1, 0.9, 0.9], [0.2, 0.2, 0.2, 0.6]]
    )
    found = disentanglement.first_reaching(grid, curves, np.array([0.6, 0.8, 0.5, 0.3]))
    assert found.tolist() == pytest.approx([0.5, 2.0, 0.0, 1.25])
    read = [np.interp(at, grid, curve) for at, curve in zip(found, curves, strict=True)]
    assert read == pytest.approx([0.6, 0.8, 0.7, 0.3]), (
        "the curve has its level there, or is above it at the start"
    )
    with pytest.raises(
        ValueError,
        match="^A curve never reaches the level at which it should be matched; lower the level.$",
    ):
        disentanglement.first_reaching(grid, curves, np.full(4, 0.85))


def test_along_reads_each_replicate_at_its_own_coefficient():
    grid, values = np.array([0.0, 0.5, 1.0]), np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    assert disentanglement.along(grid, values, np.array([0.25, 0.75])).tolist() == pytest.approx(
        [0.5, 2.0]
    )
    with pytest.raises(ValueError, match="longer"):
        disentanglement.along(grid, values, np.array([0.25]))
