"""Methods that look at one entry at a time, by hand and against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench import merging
from tangent_bench.methods import model_stock


def merge(name: str, *taus: list[float], seed: int = 0, **values) -> list[float]:
    vectors = {
        f"task{t}": {"w": torch.tensor(tau, dtype=torch.float64)} for t, tau in enumerate(taus)
    }
    theta0 = {"w": torch.ones(len(taus[0]), dtype=torch.float64)}
    return merging.find(name, values).prepare(vectors, theta0, seed)["w"].tolist()


def random(number: int, size: int = 200) -> list[np.ndarray]:
    return list(np.random.default_rng(3).standard_normal((number, size)))


def test_averages_and_sums():
    assert merge("weight_average", [1.0, 4.0], [3.0, -1.0]) == [2.0, 1.5]
    assert merge("task_arithmetic", [1.0, 4.0], [3.0, -1.0]) == [4.0, 3.0]


def test_ties_by_hand():
    """Half is kept: (5, −4, 0, 0) and (−3, 0, 0, 6). The first entry elects +; −3 does not
    count.
    """
    assert merge("ties", [5.0, -4.0, 1.0, 2.0], [-3.0, 1.0, 2.0, 6.0], keep=0.5) == [
        5.0,
        -4.0,
        0.0,
        6.0,
    ]
    assert merge("ties", [5.0, 4.0], [3.0, 2.0], keep=1.0) == [4.0, 3.0], (
        "a mean of those that agree"
    )
    assert merge("ties", [2.0, 1.0], [-2.0, 3.0], keep=1.0) == [0.0, 2.0], "no sign is elected"


def test_ties_trims_over_the_whole_vector():
    vectors = {"one": {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[3.0, 4.0]])}}
    theta0 = {"a": torch.zeros(2), "b": torch.zeros(1, 2)}
    direction = merging.find("ties", {"keep": 0.5}).prepare(vectors, theta0)
    assert direction["a"].tolist() == [0.0, 0.0] and direction["b"].tolist() == [[3.0, 4.0]]


def ties(taus: list[np.ndarray], keep: float) -> np.ndarray:
    out = np.zeros(len(taus[0]))
    kept = []
    for tau in taus:
        order = sorted(range(len(tau)), key=lambda i: -abs(tau[i]))[: round(keep * len(tau))]
        kept.append({i: tau[i] for i in order})
    for i in range(len(out)):
        entries = [k[i] for k in kept if i in k]
        sign = np.sign(sum(entries))
        agree = [e for e in entries if np.sign(e) == sign]
        out[i] = np.mean(agree) if agree else 0.0
    return out


def test_ties_is_what_a_loop_over_entries_says():
    taus = random(5)
    np.testing.assert_allclose(merge("ties", *taus, keep=0.3), ties(taus, 0.3), rtol=1e-12)


def test_dare_keeps_a_tenth_and_rescales():
    tau = np.ones(20_000)
    found = np.array(merge("dare", tau))
    assert set(np.unique(found.round(9))) <= {0.0, 10.0}
    assert found.mean() == pytest.approx(1.0, abs=0.1), "the mean is kept"  # standard error 0.021
    assert merge("dare", [1.0, -2.0], [0.5, 3.0], drop=0.0) == [1.5, 1.0]
    first, second = (np.array(merge("dare", tau, seed=s)) for s in (0, 1))
    assert (first != second).mean() == pytest.approx(2 * 0.9 * 0.1, abs=0.03), (
        "seeds are independent"
    )
    both = np.array(merge("dare", tau, tau))
    assert np.isclose(both, 20.0).mean() == pytest.approx(0.01, abs=0.005), "and so are tasks"


def test_consensus_by_hand():
    """Sums (3, 1, 5): the first entry matters to both tasks, the second to one.

    2 stands against 0.4 · 1, and 1 against 0.4 · 2.
    """
    assert merge("consensus", [1.0, 2.0, 5.0], [2.0, -1.0, 0.0]) == [3.0, 1.0, 0.0]
    assert merge("consensus", [1.0, 2.0, 5.0], [2.0, -1.0, 0.0], scale=1.0) == [0.0, 0.0, 0.0]
    assert merge("consensus", [1.0, 2.0, 5.0], [2.0, -1.0, 0.0], tasks=1) == [3.0, 1.0, 5.0]


def test_consensus_is_what_a_loop_over_entries_says():
    taus = random(4)
    total = np.sum(taus, axis=0)
    expected = np.zeros(200)
    for i in range(200):
        votes = sum(abs(tau[i]) >= 0.4 * abs(total[i] - tau[i]) for tau in taus)
        expected[i] = total[i] if votes >= 2 else 0.0
    assert 20 < (expected == 0).sum() < 180, "the loop decides something"
    np.testing.assert_allclose(merge("consensus", *taus), expected, rtol=1e-12)


def test_magmax_takes_the_largest():
    assert merge("magmax", [1.0, -5.0, 0.0], [-2.0, 4.0, 0.5], [1.5, 0.0, -0.4]) == [
        -2.0,
        -5.0,
        0.5,
    ]


def test_breadcrumbs_drops_both_ends():
    """Of five entries the smallest two and the largest one go."""
    found = merge(
        "breadcrumbs", [1.0, -2.0, 3.0, -4.0, 5.0], [5.0, 4.0, 3.0, 2.0, 1.0], low=0.4, high=0.8
    )
    assert found == [0.0, 4.0, 6.0, -4.0, 0.0]
    with pytest.raises(ValueError, match=r"low. 0\.9 to .high. 0\.5"):
        merge("breadcrumbs", [1.0], low=0.9, high=0.5)


def test_model_stock_shortens_by_the_angle():
    """At 60° r = 2 · ½ / (1 + ½) = 2/3; parallel vectors are averaged, orthogonal ones cancel."""
    assert merge("model_stock", [2.0, 0.0], [1.0, 3.0**0.5]) == pytest.approx([1.0, 3.0**0.5 / 3.0])
    assert merge("model_stock", [1.0, 0.0], [3.0, 0.0]) == pytest.approx([2.0, 0.0])
    assert merge("model_stock", [1.0, 0.0], [0.0, 3.0]) == [0.0, 0.0]
    three = torch.eye(3, dtype=torch.float64) + 1.0  # cosines 5/6
    assert model_stock.ratio(three) == pytest.approx(3 * (5 / 6) / (1 + 2 * 5 / 6))
