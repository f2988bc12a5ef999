"""How often chance is called a finding, and how often an effect is found, by the variance that
methods, claims and tables have.

Differences d_sn = μ + a_s + b_n + e_sn of crossed seeds and images; components are given as shares
of the variance of the mean, (σ²_a/S, σ²_b/N, σ²_e/(S N)), which sum to 1. Images are resampled as
everywhere, by weights.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import t

from tangent_bench.judging import looks
from tangent_bench.judging.claims import PRIMARY
from tangent_bench.judging.comparison import ALL, Tuned, compare
from tangent_bench.judging.components import Crossed, crossed, planned
from tangent_bench.judging.readings import Reading, over_units, weighted
from tangent_bench.judging.verdicts import LEVEL, holm
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


def drawn(shares, simulations, *names, seeds=S) -> np.ndarray:
    """Differences of no effect, [simulations, S, 1 + R], each mean of variance 1."""
    rng = generator("test", "calibration", shares, *names)
    a, b, e = np.sqrt(np.array(shares) * [seeds, N, seeds * N])
    draws = [
        rng.standard_normal((simulations, *shape)).astype(np.float32)
        for shape in ((seeds, 1), (1, N), (seeds, N))
    ]
    weights = resampling.weights(np.arange(N), R, "calibration")
    table = (a * draws[0] + b * draws[1] + e * draws[2]) @ (weights / N).T
    return table.astype(np.float64)


@cache
def simulated(shares, simulations=SIMULATIONS) -> Crossed:
    return crossed(drawn(shares, simulations), N)


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


# Claims


def reading(values) -> Reading:
    """One model's seeds, [simulations, S, 1 + R]."""
    return Reading({seed: values[:, seed] for seed in range(values.shape[1])}, N, N)


@pytest.mark.parametrize(
    "name",
    [
        *("mostly seeds", "mostly images", "images and interaction"),
        *(pytest.param(n, marks=pytest.mark.full) for n in ("seeds", "images", "interaction")),
        *(pytest.param(n, marks=pytest.mark.full) for n in ("seeds and images", "all")),
    ],
)
def test_a_claim_of_no_effect_is_rejected_as_often_as_the_level_says(name):
    """The difference of two modes which share most of what is hard in images, and of seeds."""
    differences = drawn(SHARES[name], SIMULATIONS)
    common = 5.0 * drawn(SHARES["all"], SIMULATIONS, "common")
    contrast = weighted([(1.0, reading(common + differences)), (-1.0, reading(common))])
    found = over_units([contrast])
    assert 0.035 <= rejected(found.value, found.variance, found.degrees) <= 0.065


# Of three pre-trainings with two fine-tuning seeds each: shares of the variance of the mean, of
# pre-trainings, of fine-tuning seeds in them, of images, and of images with each seed.
NESTED = {
    "pre-trainings": (1.0, 0.0, 0.0, 0.0),
    "fine-tuning seeds": (0.0, 1.0, 0.0, 0.0),
    "images": (0.0, 0.0, 1.0, 0.0),
    "images and interaction": (0.0, 0.0, 0.5, 0.5),
    "all": (0.25, 0.25, 0.25, 0.25),
}
MIXED = {"mostly pre-trainings": (0.8, 0.0, 0.2, 0.0), "mostly images": (0.2, 0.0, 0.8, 0.0)}


@pytest.mark.parametrize(
    "name", [*MIXED, *(pytest.param(name, marks=pytest.mark.full) for name in NESTED)]
)
def test_a_claim_over_three_pretrainings_is_rejected_about_as_often_as_the_level_says(name):
    """With two degrees of freedom Satterthwaite's are a rough estimate: 5 to 8 % were seen."""
    run, seed, image, rest = (NESTED | MIXED)[name]
    pretrained = drawn((run, 0.0, 0.0), SIMULATIONS, "pre-training", seeds=3)
    nested = drawn((seed, image, rest), SIMULATIONS, "nested", seeds=6)
    readings = []
    for k in range(3):
        readings.append(reading(pretrained[:, [k]] + nested[:, 2 * k : 2 * k + 2]))
    found = over_units(readings)
    assert found.value.std() == pytest.approx(1.0, abs=0.06)
    assert 0.035 <= rejected(found.value, found.variance, found.degrees) <= 0.09


# Where Satterthwaite's degrees are least sure.
NEAR = ("mostly seeds", "all")


def familywise(columns: list[Crossed]) -> float:
    """Share of tables in which Holm's interval of any claim excludes 0, which is the truth."""
    ratios = [2 * t.sf(np.abs(c.value) / np.sqrt(c.variance), c.degrees) for c in columns]
    # Where no claim is below the whole level, none is below a part of it.
    near = np.flatnonzero(np.min(ratios, axis=0) < LEVEL)
    wrong = 0
    for table in near:
        estimates = [column.estimate(table) for column in columns]
        pairs = zip(estimates, holm(estimates, num_tests=len(PRIMARY)), strict=True)
        ends = [estimate.interval(level) for estimate, level in pairs]
        wrong += any(not low <= 0.0 <= high for low, high in ends)
    return wrong / SIMULATIONS


@cache
def six(*names) -> list[Crossed]:
    """The six primary claims without an effect, of components by these names in turn."""
    columns = []
    for k in range(len(PRIMARY)):
        values = drawn(SHARES[names[k % len(names)]], SIMULATIONS, "primary", k)
        columns.append(over_units([reading(values)]))
    return columns


@pytest.mark.parametrize(
    "names",
    [
        ("mostly images", "seeds", "images and interaction"),
        *(pytest.param((name,), marks=pytest.mark.full) for name in SHARES if name not in NEAR),
    ],
)
def test_of_the_six_primary_claims_any_is_a_finding_seldom_enough(names):
    """Where no effect exists, Holm's procedure calls one in at most 5 % of tables.

    Three standard errors of 2,000 tables are 1.5 %.
    """
    assert 0.03 <= familywise(six(*names)) <= 0.065


@pytest.mark.full
@pytest.mark.parametrize("name", NEAR)
def test_where_seeds_weigh_as_much_as_images_small_levels_are_exceeded(name):
    """Five seeds that happen to lie close look like images alone, whose degrees are many. At 5 % it
    is not to be seen; at the sixth of it that Holm's procedure asks for it is, up to twofold.
    """
    found = six(name)
    assert 0.04 <= familywise(found) <= 0.13
    assert familywise(found[:1]) <= 0.025, "of a single one of the six"


def test_a_claim_that_was_not_tested_leaves_the_others_no_more_room():
    found = six("mostly images", "seeds", "images and interaction")
    assert familywise(found[:3]) < 0.65 * familywise(found)


@pytest.mark.full
@pytest.mark.parametrize("name", ["images", "images and interaction"])
def test_a_plan_of_the_first_seed_is_met(name):
    """Where other seeds differ as much as the plan assumes, the planned effect is found in four
    cases of five, at the first level of Holm's procedure; where they differ less, more often.
    """
    level = LEVEL / len(PRIMARY)
    image, rest = (1.0, 0.0) if name == "images" else (0.5, 0.5)
    one = image + S * rest  # variance of the images of a single seed, where the mean has 1
    values = drawn((one / S, image, rest), SIMULATIONS, "plan")
    found = over_units([reading(values)])
    plans = []
    for k in range(SIMULATIONS):
        unknown = crossed(values[k, :1], N)
        plans.append(planned(values[k, 0], N, unknown, S).detectable(level))
    effect = np.sqrt(np.mean(np.square(plans)))
    share = rejected(found.value + effect, found.variance, found.degrees, level)
    assert share == pytest.approx(0.8, abs=0.05) if name == "images" else share > 0.8


# Looks while seeds are still to come

PLANNED = 10
LOOKED_AT = ("mostly seeds", "mostly images", "all", "seeds and images")
BESIDES = [name for name in SHARES if name not in LOOKED_AT]
RUNS = [*LOOKED_AT, *(pytest.param(name, marks=pytest.mark.full) for name in BESIDES)]


def looked_at(shares) -> dict[int, Crossed]:
    """Number of seeds → differences of no effect after so many, of the same simulated runs.

    Shares are of the variance of the mean over all ten seeds.
    """
    values = drawn(shares, SIMULATIONS, "looks", seeds=PLANNED)
    return {number: crossed(values[:, :number], N) for number in range(1, PLANNED + 1)}


def crossings(found, levels) -> float:
    """Share of runs in which some look is at its level beyond 0, on either side."""
    ever = np.zeros(SIMULATIONS, bool)
    for number, level in levels.items():
        at_look = found[number]
        ratios = np.abs(at_look.value) / np.sqrt(at_look.variance)
        ever |= 2 * t.sf(ratios, at_look.degrees) < level
    return float(ever.mean())


def ended(found, level, sides) -> float:
    """Share of runs that some look ends, by the levels and degrees of `looks`.

    Args:
        found: of each look.
        level: of the two-sided test over all looks.
        sides: 2, or 1 for the half of it above 0.
    """
    ever = np.zeros(SIMULATIONS, bool)
    for number, at_look in looks.levels(PLANNED, level).items():
        last = found[number]
        limit = at_look
        degrees = np.minimum(last.degrees, number - 1)
        if number == PLANNED:
            shares = np.linspace(0, 1, 21)
            ends = [looks.last_level(PLANNED, share, level) for share in shares]
            limit = np.interp(last.images_share, shares, ends)
            degrees = last.degrees
        ratios = last.value / np.sqrt(last.variance)
        ratios = np.abs(ratios) if sides == 2 else ratios
        ever |= 2 * t.sf(ratios, degrees) < limit
    return float(ever.mean())


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_may_stop_early_finds_chance_as_often_as_the_level_says(name):
    """Over all looks, for "better" or "worse", and for "same" where the truth is the margin.

    The margin is far from its negative, so that one of the two one-sided tests is what counts.
    """
    found = looked_at(SHARES[name])
    assert 0.035 <= ended(found, LEVEL, sides=2) <= 0.065
    assert 0.035 <= ended(found, 2 * LEVEL, sides=1) <= 0.065


def test_looks_at_components_that_were_fitted_are_calibrated():
    """The components are those that ten seeds of a run had."""
    first = crossed(drawn(SHARES["all"], 1, "one run", seeds=PLANNED), N)
    parts = np.array([first.seeds[0], first.images[0], first.interaction[0]])
    fitted = np.maximum(parts - [parts[2], parts[2], 0.0], 0.0)
    found = looked_at(tuple(float(part) for part in fitted / fitted.sum()))
    assert 0.035 <= ended(found, LEVEL, sides=2) <= 0.065


def test_looks_at_the_whole_level_find_too_much():
    """From five seeds on a little, from the first seed on very much: where seeds differ, the images
    of a few of them say nothing about others.
    """
    found = looked_at(SHARES["mostly seeds"])
    late = dict.fromkeys(range(S, PLANNED + 1), LEVEL)
    assert crossings(found, late) > 0.08
    early = dict.fromkeys(range(1, PLANNED + 1), LEVEL)
    assert crossings(found, early) > 0.5
