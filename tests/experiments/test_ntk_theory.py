"""Width laws: exponents of made-up laws, coverage of intervals, what a small run writes."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.experiments import ntk_theory
from tangent_bench.seeds import generator
from tangent_bench.store import rows
from tests.experiments.known import SETTINGS, pick, study

WIDTHS = [16, 64, 128, 1024]


def table(**changed):
    settings = SETTINGS["ntk_theory"] | changed
    made = study("ntk_theory", None, mode="none-none", settings=settings)
    ntk_theory.run(made)
    return rows.frame(made.rows)


@pytest.mark.parametrize("exponent", [-1.0, -0.5, 0.3])
def test_exponent_of_a_power_law_is_found_exactly(exponent):
    values = 5.0 * np.array(WIDTHS, float)[:, None] ** exponent * np.array([1.0, 3.0])
    assert ntk_theory.slopes(WIDTHS, values) == pytest.approx([exponent, exponent])
    assert ntk_theory.mean_and_interval(ntk_theory.slopes(WIDTHS, values)) == pytest.approx(
        [exponent] * 3
    )


def test_mean_exponent_is_that_of_the_fit_through_all_points():
    values = generator("test", "slopes").uniform(0.1, 1.0, (len(WIDTHS), 6))
    x = np.repeat(np.log(WIDTHS), 6)
    expected = np.polyfit(x, np.log(values).ravel(), 1)[0]
    assert ntk_theory.slopes(WIDTHS, values).mean() == pytest.approx(expected)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, hits = generator("test", "coverage"), 0
    for _ in range(2000):
        noise = rng.standard_normal((4, 5)) * np.array(
            [[0.5], [0.3], [0.2], [0.1]]
        )  # narrow networks vary more
        found = ntk_theory.slopes(WIDTHS, np.array(WIDTHS, float)[:, None] ** -0.8 * np.exp(noise))
        _, low, high = ntk_theory.mean_and_interval(found)
        hits += low <= -0.8 <= high
    assert 0.935 <= hits / 2000 <= 0.965


def test_rows_of_each_initialisation_and_their_means():
    found = table()
    for metric, split in ntk_theory.LAWS:
        law = pick(found, metric=metric, split=split)
        assert (law["num_samples"] == SETTINGS["ntk_theory"][f"{split}_points"]).all()
        for width in SETTINGS["ntk_theory"]["widths"]:
            at = law[law["coefficient"] == width]
            single = at.dropna(subset=["coefficient2"])
            assert single["coefficient2"].tolist() == [0, 1, 2] and single["low"].isna().all()
            mean = at[at["coefficient2"].isna()]
            assert mean["value"].item() == pytest.approx(np.exp(np.log(single["value"]).mean()))
            assert mean["low"].item() < mean["value"].item() < mean["high"].item()
        slope = pick(found, metric=f"{metric}_slope", split=split)
        assert (
            len(slope) == 1 and slope["low"].item() < slope["value"].item() < slope["high"].item()
        )


def test_kernel_and_linearization_hold_better_in_wider_networks():
    found = table(widths=[32, 256], initialisations=4)
    slopes = found[found["metric"].str.endswith("_slope")]
    assert len(slopes) == len(ntk_theory.LAWS) and (slopes["value"] < -0.5).all()


def test_seeds_are_other_initialisations():
    first, second = (study("ntk_theory", None, mode="none-none", seed=seed) for seed in (0, 1))
    for made in (first, second):
        ntk_theory.run(made)
    assert all(a.value != b.value for a, b in zip(first.rows, second.rows, strict=True))


def test_digits_are_even_or_odd_of_one_length_and_not_endless():
    inputs, targets = ntk_theory.digits(20, 12)
    assert np.linalg.norm(inputs, axis=1) == pytest.approx(np.full(32, 8.0)) and set(targets) == {
        -1.0,
        1.0,
    }
    assert targets[:4].tolist() == [1.0, -1.0, 1.0, -1.0], "0, 1, 2, 3"
    with pytest.raises(ValueError, match="1797; ask for fewer"):
        ntk_theory.digits(1797, 1)
