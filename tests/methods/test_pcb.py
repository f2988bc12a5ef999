"""PCB against its equations, written once more in NumPy over whole vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench import merging

SHAPES = {"a": (7, 5), "b": (60,), "c": (), "d": (3, 2, 4)}
SIZE = sum(int(np.prod(shape)) for shape in SHAPES.values())
LANGUAGE = {"normalise": False, "clamp": 1e-4, "keep": 0.1}


def drawn(number: int, dtype: str = "f8") -> np.ndarray:
    """Heavy tails, as vectors have."""
    return 0.3 * np.random.default_rng(5).standard_t(3, (number, SIZE)).astype(dtype)


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


def magnitudes(tau: np.ndarray, clamp: float) -> np.ndarray:
    ordered = np.sort(abs(tau))
    return abs(tau).clip(ordered[int(SIZE * clamp)], ordered[int(SIZE * (1 - clamp) - 1)])


def by_definition(taus: np.ndarray, keep=0.05, clamp=0.01, normalise=True) -> np.ndarray:
    sizes = [magnitudes(tau, clamp) for tau in taus]
    normed = [np.sign(tau) * norm(size) for tau, size in zip(taus, sizes, strict=True)]
    total = sum(normed) if normalise else taus.sum(0)
    above = np.zeros(SIZE)
    below = np.zeros(SIZE)
    for tau, size, own in zip(taus, sizes, normed, strict=True):
        score = np.exp(len(taus) * own**2) * np.tanh(tau * total)
        limit = np.sort(score)[int(SIZE * (1 - keep))]
        weight = norm(score.clip(limit))
        above = above + weight * np.sign(tau) * size
        below = below + weight
    return np.divide(above, below, out=np.zeros(SIZE), where=below > 0)


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize(
    "values",
    [{}, {"keep": 0.3}, {"keep": 1.0, "clamp": 0.2}, {"normalise": False}, LANGUAGE],
    ids=["vision", "third", "all", "sums", "language"],
)
def test_it_is_its_equations(number, values):
    taus = drawn(number)
    taus[0] *= 3.0  # a longer vector has other ranges
    expected = by_definition(taus, **values)
    np.testing.assert_allclose(merge(taus, **values), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("values", [{"keep": 0.2}, LANGUAGE], ids=["vision", "language"])
def test_what_is_kept_agrees_in_sign_with_the_sum(values):
    taus = drawn(5)
    total = sum(np.sign(tau) * norm(magnitudes(tau, 0.01)) for tau in taus)
    if "normalise" in values:
        total = taus.sum(0)
    found = merge(taus, **values)
    assert np.count_nonzero(found) > 10
    assert (found * total >= 0).all()
    largest = np.sort(abs(taus), axis=1)[:, [int(0.8 * SIZE)]]
    against = (abs(taus) >= largest) & (taus * total < 0)
    assert against.any(), "magnitude alone would have kept entries against the sum"


def test_default_keeps_a_twentieth():
    """The entry at the limit has weight 0."""
    assert np.count_nonzero(merge(drawn(1))) == SIZE - int(0.95 * SIZE) - 1


def test_float32_gives_the_same():
    """Entries as small as those of vectors: nothing is lost beside the 1 of exp."""
    taus = 1e-4 * drawn(8)
    single = merge(taus.astype("f4"), keep=0.2)
    expected = by_definition(taus, keep=0.2)
    np.testing.assert_allclose(single, expected, atol=1e-5 * abs(expected).max())


def test_many_tasks_do_not_overflow():
    """exp(T) is infinite in float32 from T = 89 on; the largest entries keep the largest weight."""
    found = merge(np.repeat(drawn(1, "f4"), 100, axis=0))
    assert np.isfinite(found).all() and np.count_nonzero(found) > 3


def test_one_entry_is_kept_at_least():
    taus = drawn(2)
    assert np.count_nonzero(merge(taus, keep=0.0)) in (1, 2)


def test_vectors_of_one_value_are_kept_whole():
    assert np.array_equal(merge(np.full((2, SIZE), 2.0)), np.full(SIZE, 2.0))


def test_a_vector_of_zeros_has_no_weight():
    taus = drawn(2)
    taus[1] = 0.0
    found = merge(taus)
    kept = found != 0
    size = np.sign(taus[0]) * magnitudes(taus[0], 0.01)
    assert kept.sum() > 3
    np.testing.assert_allclose(found[kept], size[kept], rtol=1e-12)


def test_a_vector_whose_entries_would_all_be_lowered_to_zero_is_refused():
    taus = drawn(2)
    taus[1, 1:] = 0.0
    with pytest.raises(ValueError, match=r"expected a smaller 'clamp'"):
        merge(taus, clamp=0.02)
    assert np.isfinite(merge(taus, clamp=0.0)).all()
