"""Intervals over seeds and images, compared with arithmetic done another way."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from tangent_bench.judging import pooling
from tangent_bench.seeds import generator
from tangent_bench.store import replicates, rows
from tangent_bench.store.replicates import RowReplicates
from tangent_bench.store.rows import Row
from tests import synthetic
from tests.components_by_hand import components

VALUES = (0.60, 0.63, 0.61, 0.66, 0.62, 0.59)


def one(seed=0, value=0.6, half=(0.02, 0.03), **changed):
    """A row of accuracies; `half`: distances from the value to its interval's bounds."""
    row = Row(
        experiment="task_addition",
        model="tiny",
        init="pretrained",
        training="linear",
        evaluation="tangent",
        sources="a+b",
        task="all",
        split="test",
        metric="accuracy_tuned",
        num_samples=100,
        coefficient=0.3,
        seed=seed,
        value=value,
    )
    if half is not None:
        row = replace(row, low=value - half[0], high=value + half[1])
    return replace(row, **changed)


def summarized(*records):
    return pooling.summarize(rows.frame(records))


def test_one_seed_keeps_its_interval_and_says_what_it_covers():
    line = summarized(one()).iloc[0]
    assert (line["value"], line["low"], line["high"]) == pytest.approx((0.6, 0.58, 0.63))
    assert line["interval"] == "images, conditional on these seeds" and line["num_seeds"] == 1


def test_few_seeds_average_the_image_error_and_do_not_shrink_it():
    line = summarized(one(0, 0.60, (0.02, 0.03)), one(1, 0.64, (0.04, 0.03))).iloc[0]
    assert line["value"] == pytest.approx(0.62)
    assert line["value"] - line["low"] == pytest.approx(math.sqrt((0.02**2 + 0.04**2) / 2))
    assert line["high"] - line["value"] == pytest.approx(0.03)
    assert line["interval"] == "images, conditional on these seeds"


@pytest.mark.parametrize("num_seeds", [5, 6])
@pytest.mark.parametrize("width", [0.001, 0.02, 0.5])
def test_many_seeds_without_replicates_count_their_images_in_full(num_seeds, width):
    """With Satterthwaite's degrees: between those of the seeds, and those of the images."""
    values = VALUES[:num_seeds]
    halves = [width * (1 + 0.05 * k) for k in range(num_seeds)]
    metric = {"metric": "recovered_gain_tuned"}  # which no bounds cut
    records = [one(seed, values[seed], (halves[seed],) * 2, **metric) for seed in range(num_seeds)]
    line = summarized(*records).iloc[0]
    image = statistics.fmean((h / statistics.NormalDist().inv_cdf(0.975)) ** 2 for h in halves)
    between = statistics.variance(values) / num_seeds
    degrees = (num_seeds - 1) * ((between + image) / between) ** 2
    half = t.ppf(0.975, degrees) * math.sqrt(between + image)
    assert line["value"] == pytest.approx(statistics.fmean(values))
    assert (line["low"], line["high"]) == pytest.approx(
        (line["value"] - half, line["value"] + half)
    )
    assert line["interval"] == "seeds and images" and line["num_seeds"] == num_seeds


def carried(records, deviations, units=90):
    """A table of rows with these replicates."""
    names = [replicates.name(vars(record)) for record in records]
    kept = RowReplicates(dict(zip(names, deviations, strict=True)), dict.fromkeys(names, units))
    return replicates.carrying(rows.frame(records), kept)


@pytest.mark.parametrize("num_seeds", [2, 4, 5, 6])
def test_replicates_make_the_interval_that_of_the_components(num_seeds):
    """Seeds that go up and down with the images leave no more to them than one seed; those that do
    not, less.
    """
    rng = generator("test", "pooling", num_seeds)
    shared = rng.normal(0, 0.01, 50)
    records = [one(seed, VALUES[seed], coefficient=0.1 * seed) for seed in range(num_seeds)]
    for own in (0.0, 0.01):
        deviations = [shared + rng.normal(0, own, 50) for _ in records]
        line = pooling.summarize(carried(records, deviations)).iloc[0]
        units = [
            [record.value, *(record.value + each)]
            for record, each in zip(records, deviations, strict=True)
        ]
        mean, error, degrees = components(units, 90, 5)
        reach = error * (t.ppf(0.975, degrees) if num_seeds >= 5 else pooling.Z)
        assert line["value"] == pytest.approx(mean)
        assert (line["low"], line["high"]) == pytest.approx((mean - reach, mean + reach))
        assert line["interval"] == pooling.interval_label(num_seeds)


def test_one_seed_keeps_its_interval_beside_its_replicates():
    line = pooling.summarize(carried([one()], [np.linspace(-1, 1, 9)])).iloc[0]
    assert (line["low"], line["high"]) == pytest.approx((0.58, 0.63))


def test_replicates_of_some_seeds_are_not_mixed_with_intervals_of_others():
    records = [one(seed, VALUES[seed]) for seed in range(5)]
    half_known = carried(records[:4], [np.linspace(-1, 1, 9)] * 4)
    table = replicates.carrying(rows.frame(records), replicates.of(half_known))
    assert pooling.summarize(table).equals(summarized(*records))


def test_a_mean_carries_no_replicates():
    """Its coordinates may be those of another row, of a model that its family is named after."""
    table = pooling.summarize(carried([one()], [np.linspace(-1, 1, 9)]))
    assert replicates.of(table) is None


@pytest.mark.full
def test_intervals_cover_the_truth_under_crossed_errors():
    rng = np.random.Generator(np.random.PCG64(5))
    hit = 0
    for _ in range(200):
        image = rng.normal(0, 0.01)  # the same test images for every seed
        values = [0.6 + image + rng.normal(0, 0.02) for _ in range(6)]
        records = [one(seed, value, (0.0196, 0.0196)) for seed, value in enumerate(values)]
        line = summarized(*records).iloc[0]
        hit += line["low"] <= 0.6 <= line["high"]
    assert hit >= 181  # 95 %, and three standard errors


def test_a_seed_without_interval_leaves_no_image_interval():
    few = summarized(one(0), one(1, half=None)).iloc[0]
    assert math.isnan(few["low"]) and few["interval"] == ""
    many = summarized(*[one(k, v, None) for k, v in enumerate(VALUES)]).iloc[0]
    assert many["interval"] == "seeds"
    assert many["high"] - many["value"] == pytest.approx(
        t.ppf(0.975, 5) * statistics.stdev(VALUES) / math.sqrt(6)
    )


def test_accuracies_stay_between_0_and_1_and_differences_may_not():
    assert summarized(one(value=0.99)).iloc[0]["high"] == 1.0
    assert summarized(one(value=0.01)).iloc[0]["low"] == 0.0
    difference = {"metric": "single_task/accuracy", "experiment": "posthoc_comparison"}
    assert summarized(one(value=-0.01, **difference)).iloc[0]["low"] == pytest.approx(-0.03)


def test_seeds_that_chose_other_coefficients_are_one_mean():
    table = summarized(one(0, coefficient=0.3), one(1, coefficient=0.5))
    assert len(table) == 1 and table.iloc[0]["coefficient"] == pytest.approx(0.4)
    untuned = [one(0, metric="accuracy"), one(1, metric="accuracy", coefficient=0.5)]
    assert len(summarized(*untuned)) == 2


def test_models_and_initialisations_are_never_mixed():
    others = [one(1, model="big"), one(2, init="random"), one(3, protocol="A")]
    assert len(summarized(one(), *others)) == 4


def test_every_coordinate_of_a_run_is_kept_once():
    table = synthetic.make(seeds=(0, 1), tasks=("mnist", "terrain"))
    short = pooling.summarize(table)
    coordinates = [c for c in rows.KEY if c not in ("seed", "coefficient", "coefficient2")]
    assert len(short) < len(table) / 1.5
    assert _lines(short[coordinates]) == _lines(table[coordinates])


def _lines(table):
    return set(map(tuple, table.to_numpy()))
