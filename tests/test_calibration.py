"""How often chance is called a finding, and how often an effect is found, by the variance that
`comparison` uses.

Differences d_sn = μ + a_s + b_n + e_sn of crossed seeds and images; components are given as shares
of the variance of the mean, (σ²_a/S, σ²_b/N, σ²_e/(S N)), which sum to 1. Images are resampled as
everywhere, by weights.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import t

from tangent_bench.judging.comparison import ALL, Crossed, Tuned, compare, crossed
from tangent_bench.judging.verdicts import LEVEL
from tangent_bench.measuring import resampling
from tangent_bench.measuring.selection import select_addition
from tangent_bench.seeds import generator

S, N, R, SIMULATIONS = 5, 150, 200, 2000
SHARES = {
    "seeds": (1.0, 0.0, 0.0),
    "images": (0.0, 1.0, 0.0),
    "interaction": (0.0, 0.0, 1.0),
    "seeds and images": (0.5, 0.5, 0.0),
    "mostly seeds": (0.9, 0.1, 0.0),
    "mostly images": (0.2, 0.8, 0.0),
    "all": (1 / 3, 1 / 3, 1 / 3),
    "images and interaction": (0.0, 0.5, 0.5),
}


@cache
def simulated(shares, simulations=SIMULATIONS) -> Crossed:
    rng = generator("test", "calibration", shares)
    a, b, e = np.sqrt(np.array(shares) * [S, N, S * N])
    draws = [
        rng.standard_normal((simulations, *shape)).astype(np.float32)
        for shape in ((S, 1), (1, N), (S, N))
    ]
    weights = resampling.weights(np.arange(N), R, "calibration")
    return crossed(
        ((a * draws[0] + b * draws[1] + e * draws[2]) @ (weights / N).T).astype(np.float64), N
    )


def rejected(values, variance, degrees, level=LEVEL) -> float:
    return float((2 * t.sf(np.abs(values) / np.sqrt(variance), degrees) < level).mean())


@pytest.mark.parametrize("name", SHARES)
def test_chance_is_rejected_as_often_as_the_level_says(name):
    found = simulated(SHARES[name])
    assert found.value.std() == pytest.approx(1.0, abs=0.06), (
        "shares are of the variance of the mean"
    )
    assert found.variance.mean() == pytest.approx(1.0, abs=0.12)
    assert 0.035 <= rejected(found.value, found.variance, found.degrees) <= 0.065


@pytest.mark.parametrize("name", [name for name in SHARES if name != "seeds"])
def test_the_plain_rule_rejects_too_rarely(name):
    """s²_seed/S and the whole variance over images, S − 1 degrees: right only where images do not
    matter.
    """
    found = simulated(SHARES[name])
    assert rejected(found.value, found.seeds + found.images, S - 1) < 0.035


def test_images_alone_call_seeds_findings():
    found = simulated(SHARES["seeds and images"])
    assert rejected(found.value, found.images, np.inf) > 0.1


@pytest.mark.full
@pytest.mark.parametrize("name", SHARES)
def test_the_detectable_effect_is_found_in_four_cases_of_five(name):
    found = simulated(SHARES[name])
    each = [found.estimate(k).detectable() for k in range(SIMULATIONS)]
    effect = np.sqrt(np.mean(np.square(each)))
    assert rejected(found.value + effect, found.variance, found.degrees) == pytest.approx(
        0.8, abs=0.04
    )
    assert rejected(found.value + effect / 2, found.variance, found.degrees) < 0.45


def hits(rng, seeds, points):
    """Hits of two exchangeable methods: some images and some seeds are easier, by method and
    coefficient.
    """
    logit = (
        rng.normal(0.5, 0.3, (2, seeds, points, 1))
        + rng.normal(0, 1.0, (2, 1, points, N))
        + rng.normal(0, 1.0, N)
    )
    return rng.random(logit.shape) < 1 / (1 + np.exp(-logit))


def tuned(name, found, replicates=100):
    """Accuracy on test at the coefficient that each seed and replicate selects on validation, as
    `task_addition`.
    """
    weights = {
        (t, s): resampling.weights(np.arange(N), replicates, t, s)
        for t in "pq"
        for s in ("val", "test")
    }
    chosen = [
        select_addition(
            np.stack(
                [resampling.accuracy(found["val"][t][s], weights[t, "val"]) for t in "pq"], -1
            ),
            np.ones((1 + replicates, 2)),
        )
        for s in range(S)
    ]
    rows = np.arange(1 + replicates)
    return Tuned(
        name,
        {
            t: np.array(
                [
                    resampling.accuracy(found["test"][t][s], weights[t, "test"])[rows, chosen[s]]
                    for s in range(S)
                ]
            )
            for t in "pq"
        },
    )


def null_comparison(k):
    rng = generator("test", "calibration", "null", k)
    found = {s: {task: hits(rng, S, 3) for task in "pq"} for s in ("val", "test")}
    first, second = (
        tuned(name, {s: {t: found[s][t][m] for t in "pq"} for s in found})
        for m, name in enumerate(("first", "second"))
    )
    return compare(first, [second], {"p": N, "q": N}).lines[-1]


@pytest.mark.full
def test_whole_comparisons_of_exchangeable_methods():
    """Selection on validation and binary hits included.

    3 standard errors of 300 comparisons are 3.8 %.
    """
    lines = [null_comparison(k) for k in range(300)]
    assert {line.task for line in lines} == {ALL}
    assert 0.012 <= np.mean([line.verdict in ("better", "worse") for line in lines]) <= 0.088


def test_components_that_were_fitted_are_recovered_and_calibrated():
    truth = SHARES["all"]
    found = simulated(truth)
    rest = found.interaction.mean()
    fitted = (found.seeds.mean() - rest, found.images.mean() - rest, rest)
    assert fitted == pytest.approx(truth, abs=0.06)
    again = simulated(tuple(float(part) for part in fitted))
    assert 0.035 <= rejected(again.value, again.variance, again.degrees) <= 0.065
