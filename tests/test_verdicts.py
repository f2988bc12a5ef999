"""The rule of verdicts, Holm's procedure against its definition, and how often chance is called a
finding.
"""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from scipy.stats import t

from tangent_bench.judging.verdicts import Estimate, holm, verdict
from tangent_bench.seeds import generator

POINT = 0.01


def plain(value, error, degrees=math.inf):
    return Estimate(value, error, error, degrees)


def ruled(value, low, high, sign=1):
    """The verdict on an interval that is given by its ends."""
    z = statistics.NormalDist().inv_cdf(0.975)
    return verdict(Estimate(value, (value - low) / z, (high - value) / z), 0.05, sign, POINT)


@pytest.mark.parametrize(
    ("value", "low", "high", "word"),
    [
        (0.03, 0.01, 0.05, "supported"),
        (0.03, 0.001, 0.05, "supported"),
        (0.03, -0.001, 0.06, "undecided"),
        (0.009, 0.002, 0.016, "undecided"),  # real, but below a point, and perhaps above it
        (0.005, 0.002, 0.008, "contradicted"),  # real, and within a point
        (0.0, -0.008, 0.008, "contradicted"),
        (0.0, -0.012, 0.008, "undecided"),
        (-0.03, -0.05, -0.001, "contradicted"),
    ],
)
def test_rule_and_its_mirror_image(value, low, high, word):
    assert ruled(value, low, high) == word
    assert ruled(-value, -high, -low, sign=-1) == word


def test_a_skewed_interval_is_judged_by_the_side_that_faces_zero():
    assert ruled(0.03, 0.001, 0.3) == "supported" and ruled(0.03, -0.001, 0.031) == "undecided"
    assert Estimate(0.03, 0.01, 1.0).p_value() == plain(0.03, 0.01).p_value()
    assert Estimate(-0.03, 1.0, 0.01).p_value() == plain(-0.03, 0.01).p_value()


def test_p_value_is_the_level_whose_interval_ends_at_zero():
    for estimate in (plain(0.03, 0.02), plain(-0.03, 0.02, 4), Estimate(0.02, 0.007, 0.001, 5)):
        low, high = estimate.interval(estimate.p_value())
        assert min(abs(low), abs(high)) == pytest.approx(0.0, abs=1e-12)


def test_few_seeds_reach_wider():
    low, high = plain(0.0, 1.0, 4).interval()
    assert (low, high) == pytest.approx((-t.ppf(0.975, 4), t.ppf(0.975, 4)))
    assert plain(0.0, 1.0).interval()[1] == pytest.approx(1.96, abs=1e-3)


def test_detectable_effect_is_detected_as_often_as_it_says():
    size, draws = plain(0.0, 1.0).detectable(), generator("test", "power").standard_normal(4000)
    found = np.mean([plain(size + x, 1.0).p_value() < 0.05 for x in draws])
    assert found == pytest.approx(0.8, abs=0.025)


def test_levels_of_holm():
    estimates = [plain(z, 1.0) for z in (3.5, 0.5, 2.45, -2.3, 1.0)]
    # p = 0.0005, 0.62, 0.014, 0.021, 0.32 against 0.05 / 5, 0.05 / 4 = 0.0125: the second smallest
    # stops it
    assert holm(estimates) == pytest.approx([0.01, 0.0125, 0.0125, 0.0125, 0.0125])
    assert holm([plain(9.0, 1.0)] * 2) == pytest.approx([0.025, 0.05])
    assert holm([]) == []


def test_tests_that_were_fixed_beforehand_count_without_an_estimate():
    """As if nothing had been found in them: p = 1."""
    found = [plain(z, 1.0) for z in (3.5, 2.7, 0.5)]
    nothing = [plain(0.0, 1.0)] * 3
    assert holm(found, num_tests=6) == holm([*found, *nothing])[:3]
    assert holm(found, num_tests=6) == pytest.approx([0.05 / 6, 0.05 / 5, 0.05 / 4])


@pytest.mark.full
@pytest.mark.parametrize("degrees", [4, math.inf])
def test_where_nothing_is_true_some_claim_of_a_table_is_seldom_supported(degrees):
    """Twelve claims whose effects are 0, 2,000 tables: in at most 5 % of them is any supported, as
    Holm promises.
    """
    rng, wrong = generator("test", "null", degrees), 0
    for _ in range(2000):
        spread = (
            np.ones(12) if math.isinf(degrees) else np.sqrt(rng.chisquare(degrees, 12) / degrees)
        )
        estimates = [
            plain(x, s, degrees)
            for x, s in zip(0.02 * rng.standard_normal(12), 0.02 * spread, strict=True)
        ]
        words = [
            verdict(e, level, +1, POINT)
            for e, level in zip(estimates, holm(estimates), strict=True)
        ]
        wrong += "supported" in words
    assert wrong / 2000 <= 0.04, "one-sided: half of 5 %, and a margin for chance"


def test_single_null_comparison_is_rejected_as_often_as_its_level_says():
    draws = generator("test", "calibration").standard_normal(2000)
    rejected = np.mean([plain(x, 1.0).p_value() < 0.05 for x in draws])
    assert 0.035 <= rejected <= 0.065


def test_true_effects_are_supported():
    rng = generator("test", "true")
    estimates = [plain(0.1 + 0.01 * x, 0.01) for x in rng.standard_normal(12)]
    levels = holm(estimates)
    assert {verdict(e, level, +1, POINT) for e, level in zip(estimates, levels, strict=True)} == {
        "supported"
    }
    assert {verdict(e, level, -1, POINT) for e, level in zip(estimates, levels, strict=True)} == {
        "contradicted"
    }
