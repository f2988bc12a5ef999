"""Growth of costs: exponents of made-up costs, offsets, what is measured of what, and the rows of a
tiny run.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from tangent_bench.experiments import _verbs, cost_growth
from tangent_bench.experiments._verbs import VERBS, Size, Verb, VerbStage
from tangent_bench.jobs import memory
from tangent_bench.store import rows
from tangent_bench.tangent.linearize import encode, product
from tangent_bench.tangent.vectors import combine
from tests.experiments.known import SETTINGS, one, pick, study

SMALL = Size(tasks=2, coefficients=3, images=6, width=32, depth=2)


@pytest.fixture
def stage():
    return VerbStage(SMALL, batch_size=4, seed=0)


def table(**changed):
    made = study("cost_growth", None, mode="none-none", settings=SETTINGS["cost_growth"] | changed)
    cost_growth.run(made)
    return rows.frame(made.rows)


# Laws


class Clock:
    """A processor's time that only `work` moves."""

    def __init__(self, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "process_time", lambda: self.now)

    def work(self, seconds: float):
        def call() -> None:
            self.now += seconds

        return call


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_time_of_a_power_law_has_its_exponent(monkeypatch, exponent):
    """Made-up calls on a made-up clock, measured as the verbs are: two of the thing in a call,
    short ones repeated.
    """
    clock, values = Clock(monkeypatch), [1, 2, 8, 16]
    calls = [clock.work(2 * 1e-3 * value**exponent) for value in values]
    seconds_VK = cost_growth._seconds(calls, 2, 3)
    assert seconds_VK == pytest.approx(np.outer(1e-3 * np.array(values) ** exponent, np.ones(3)))
    made = study("cost_growth", None, mode="none-none")
    cost_growth._laws(made, "verb/images", values, seconds_VK)
    found = rows.frame(made.rows)
    assert (
        set(found["metric"]) == {"time_exponent", "time_exponent_end"}
        and (found["num_samples"] == 3).all()
    )
    assert found["value"].tolist() == pytest.approx([exponent, exponent])
    assert (found["high"] - found["low"]).tolist() == pytest.approx([0, 0], abs=1e-9)


def test_fixed_costs_lower_the_exponent_least_at_the_end_and_are_told_apart(monkeypatch):
    """1 + 2T, as J τ of T tasks: b/a = 2, and an exponent that approaches 1 from below."""
    clock, values = Clock(monkeypatch), [1, 2, 4, 8, 16]
    calls = [clock.work(0.03 * (1 + 2 * value)) for value in values]
    made = study("cost_growth", None, mode="none-none")
    cost_growth._laws(made, "features/tasks", values, cost_growth._seconds(calls, 1, 4))
    found = rows.frame(made.rows)
    assert one(found, metric="time_slope_over_offset") == pytest.approx(2.0)
    assert one(found, metric="time_exponent_end") == pytest.approx(np.log2(33 / 17))
    assert one(found, metric="time_exponent") < one(found, metric="time_exponent_end") < 1


def test_slope_over_offset_weighs_relative_errors():
    """A slow largest value by a hundredth moves b/a by a few hundredths; unweighted it would rule
    alone.
    """
    seconds_VK = (0.5 + 1.5 * np.array([1.0, 2, 4, 8, 1000]))[:, None] * np.ones(2)
    seconds_VK[-1, 1] *= 1.01
    exact, moved = cost_growth.slope_over_offset([1, 2, 4, 8, 1000], seconds_VK)
    assert exact == pytest.approx(3.0) and moved == pytest.approx(3.0, rel=0.05)


def test_a_round_goes_through_all_values():
    asked = []
    calls = [lambda k=k: (asked.append(k), time.sleep(0)) for k in range(3)]
    original, cost_growth.SHORTEST = cost_growth.SHORTEST, 0.0
    try:
        cost_growth._seconds(calls, 1, 2)
    finally:
        cost_growth.SHORTEST = original
    assert asked == [0, 1, 2] * 3, "a warm-up, and two rounds"


@pytest.mark.alone
@pytest.mark.skipif(not memory.RESET.exists(), reason="peak memory is read as Linux tells it")
def test_bytes_of_calls_grow_as_they_take():
    values = [8, 16, 64]
    bytes_VK = cost_growth._bytes([lambda v=v: torch.ones(v * 250_000) for v in values], 2)
    assert bytes_VK.shape == (3, 2)
    assert cost_growth.slopes(values, bytes_VK) == pytest.approx([1.0, 1.0], abs=0.1)


# What is measured


def test_features_are_those_of_the_network(stage):
    base, changes = VERBS["features"].build(stage)()
    assert len(changes) == SMALL.tasks and base.shape == (SMALL.images, _verbs.EMBEDDING)
    with torch.no_grad():
        for source, moved in zip(stage.vectors, changes, strict=True):
            expected = product(stage.network, stage.theta0, stage.vectors[source], stage.images)
            np.testing.assert_allclose(base, expected[0], atol=1e-4)
            np.testing.assert_allclose(moved, expected[1], atol=1e-4)


def test_grids_predict_along_the_sum_of_all_vectors(stage):
    found = VERBS["network grid"].build(stage)()
    with torch.no_grad():
        for row, point in zip(found, stage.points, strict=True):
            theta = combine(
                [(1.0, stage.theta0), *((c, stage.vectors[s]) for s, c in point.items())]
            )
            logits = encode(stage.network, theta, stage.images) @ torch.from_numpy(stage.head).T
            assert row.tolist() == logits.argmax(1).tolist()
    assert len(stage.points) == SMALL.coefficients and all(
        len(point) == SMALL.tasks for point in stage.points
    )
    assert VERBS["grid"].build(stage)().shape == found.shape


@pytest.mark.parametrize("name", ["standard step", "linear step"])
def test_a_step_moves_the_weights_and_leaves_the_stage_as_it_was(stage, name):
    before = {key: value.clone() for key, value in stage.theta0.items()}
    theta, losses = VERBS[name].build(stage)()
    assert len(losses) == VERBS[name].times == _verbs.STEPS
    assert any(not torch.equal(theta[key], before[key]) for key in theta)
    assert all(torch.equal(stage.theta0[key], before[key]) for key in before)


@pytest.mark.parametrize("factor", cost_growth.FACTORS)
def test_a_factor_changes_what_it_says(stage, factor):
    larger = VerbStage(replace(SMALL, **{factor: 2 * getattr(SMALL, factor)}), 4, 0)

    def sizes(it: VerbStage) -> dict[str, int]:
        return {
            "tasks": len(it.vectors),
            "coefficients": len(it.points),
            "images": len(it.images),
            "width": it.network.conv1.out_channels,
            "depth": len(it.network.transformer.resblocks),
        }

    assert sizes(larger) == sizes(stage) | {factor: 2 * sizes(stage)[factor]}


# Rows


@pytest.fixture(scope="module")
def found():
    return table()


@pytest.mark.slow
def test_every_verb_is_measured_against_what_it_depends_on(found):
    settings = SETTINGS["cost_growth"]
    expected = {f"{name}/{factor}" for name, verb in VERBS.items() for factor in verb.factors}
    assert set(found["params_id"]) == expected
    assert (
        not {"standard step/tasks", "linear step/coefficients", "features/coefficients"} & expected
    )
    for params_id in expected:
        about = pick(found, params_id=params_id)
        for value in settings["values"][params_id.partition("/")[2]]:
            at = pick(about, metric="seconds", coefficient=float(value))
            rounds = at.dropna(subset=["coefficient2"])
            assert (
                rounds["coefficient2"].tolist() == list(range(settings["rounds"]))
                and (rounds["value"] > 0).all()
            )
            assert one(at, coefficient2=None) == pytest.approx(rounds["value"].median())
        assert ("time_slope_over_offset" in set(about["metric"])) == params_id.endswith("/tasks")
        exponent = pick(about, metric="time_exponent")
        assert exponent["low"].item() <= exponent["value"].item() <= exponent["high"].item()


@pytest.mark.slow
@pytest.mark.skipif(not memory.RESET.exists(), reason="peak memory is read as Linux tells it")
def test_memory_is_that_of_verbs_that_take_some(found):
    measured = set(pick(found, metric="memory_exponent")["params_id"])
    assert measured == set(pick(found, metric="peak_bytes")["params_id"])
    assert measured == {
        f"{n}/{f}" for n, verb in VERBS.items() for f in verb.factors if verb.memory
    }


def test_where_memory_is_not_told_there_are_no_rows_of_it(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "RESET", tmp_path / "missing" / "clear_refs")
    numbers = count()
    quick = {"step": Verb(("images",), lambda stage: lambda: next(numbers))}
    monkeypatch.setattr(_verbs, "VERBS", quick)
    assert (
        set(table()["metric"]) == {"seconds", "time_exponent", "time_exponent_end"}
        and next(numbers) > 3
    )
