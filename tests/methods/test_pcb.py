"""PCB against its equations, written once more in NumPy over whole vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from tangent_bench import merging

SHAPES = {"a": (7, 5), "b": (60,), "c": (), "d": (3, 2, 4)}
SIZE = sum(int(np.prod(shape)) for shape in SHAPES.values())


def drawn(number: int, dtype: str = "f8") -> np.ndarray:
    """Heavy tails, as vectors have."""
    return np.random.default_rng(5).standard_t(3, (number, SIZE)).astype(dtype)


def split(whole: np.ndarray) -> dict[str, torch.Tensor]:
    parts = {}
    start = 0
    for name, shape in SHAPES.items():
        size = int(np.prod(shape))
        parts[name] = torch.from_numpy(whole[start : start + size].reshape(shape).copy())
        start += size
    return parts


def merge(taus: np.ndarray, **values) -> np.ndarray:
    vectors = {f"task{t}": split(tau) for t, tau in enumerate(taus)}
    found = merging.find("pcb", values).prepare(
        vectors, {k: torch.zeros_like(v) for k, v in vectors["task0"].items()}
    )
    return np.concatenate([found[name].numpy().reshape(-1) for name in SHAPES])


def norm(x: np.ndarray) -> np.ndarray:
    return (x - x.min()) / (x.max() - x.min())


def by_definition(taus: np.ndarray, keep: float) -> np.ndarray:
    above = np.zeros(SIZE)
    below = np.zeros(SIZE)
    for tau in taus:
        score = softmax(len(taus) * norm(tau * tau)) * sum(
            softmax(norm(tau * other)) for other in taus
        )
        kept = np.zeros(SIZE)
        best = np.argsort(-score)[: round(keep * SIZE)]
        kept[best] = score[best]
        above = above + kept * tau
        below = below + kept
    return np.divide(above, below, out=np.zeros(SIZE), where=below > 0)


@pytest.mark.parametrize(("number", "keep"), [(1, 0.3), (2, 0.1), (5, 0.3), (5, 1.0)])
def test_it_is_its_equations(number, keep):
    taus = drawn(number)
    taus[0] *= 3.0  # a longer vector has another span, and other sums
    expected = by_definition(taus, keep)
    assert (expected == 0).sum() >= (keep < 1.0) * (1 - keep) ** number * SIZE / 2
    np.testing.assert_allclose(merge(taus, keep=keep), expected, rtol=1e-9, atol=1e-12)


def test_default_keeps_a_tenth():
    one = merge(drawn(1))
    assert (one != 0).sum() == round(0.1 * SIZE)


def test_scores_that_hardly_differ_are_told_apart_in_float32():
    """One entry a thousand times the others: of 1 + e nothing is left of e in float32."""
    taus = drawn(3)
    taus[:, 11] = 3000.0
    found = merge(taus.astype("f4"), keep=0.2)
    expected = by_definition(taus, 0.2)
    assert ((found != 0) == (expected != 0)).mean() > 0.99
    np.testing.assert_allclose(found[expected != 0], expected[expected != 0], rtol=1e-4)


def test_agreement_counts_and_opposition_does_not():
    """Two entries of equal size in the first task: the others agree at one, oppose at the other."""
    taus = np.full((3, SIZE), 1e-3)
    taus[:, 0] = (1.0, 1.0, 1.0)
    taus[:, 1] = (1.0, -0.9, -0.9)
    taus[:, 2] = (0.5, 0.1, 0.1)
    found = merge(taus, keep=1.5 / SIZE)  # two entries each
    assert found[0] == pytest.approx(1.0) and np.count_nonzero(found) == 2
    assert merge(taus[:, :], keep=0.6 / SIZE)[1] == 0.0, (
        "of one entry each, all take the one they agree on"
    )


def test_vectors_of_one_value_are_kept_whole():
    assert np.array_equal(merge(np.full((2, SIZE), 2.0)), np.full(SIZE, 2.0))
