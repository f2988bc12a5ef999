"""Paired differences: their sign, their pairs, and the advantage of the paper's Figure 1."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.experiments import posthoc_comparison
from tangent_bench.seeds import generator
from tangent_bench.store import rows
from tangent_bench.store.layout import Mode
from tests.experiments.known import CLASSES, CONTROL, TASKS, one, pick, study

VALUE = {"standard-network": 0.9, "standard-tangent": 0.6, "linear-tangent": 0.8}
NAMES = {
    "single_task": ["test/own", *[f"test/{t}" for t in TASKS]],
    "task_addition": ["accuracy_tuned", "normalized_accuracy_tuned", "recovered_gain_tuned"],
    "task_negation": ["target_accuracy_tuned", "control_accuracy_tuned"],
}


def outcomes(modes=VALUE, experiments=NAMES):
    """Replicates that share most of their noise, as those of the same images do."""
    shared, found = 0.05 * generator("test", "shared").standard_normal(61), {}
    for experiment in experiments:
        for text in modes:
            own = 0.001 * generator("test", "own", experiment, text).standard_normal(61)
            noise = shared + own
            noise[0] = 0.0
            found[experiment, Mode.parse(text)] = dict.fromkeys(
                NAMES[experiment], VALUE[text] + noise
            )
    found["single_task", Mode("none", "network")] = {}
    return found


def table(**changed):
    made = study("posthoc_comparison", None, mode="all-none", others=outcomes(**changed))
    posthoc_comparison.run(made)
    return rows.frame(made.rows)


@pytest.mark.parametrize(
    ("mode", "expected"), [("standard-tangent", -0.3), ("linear-tangent", -0.1)]
)
def test_differences_are_mode_minus_standard(mode, expected):
    training, evaluation = mode.split("-")
    found = pick(
        table(), training=training, evaluation=evaluation, params_id="minus standard-network"
    )
    differences = found[found["metric"].str.contains("/")]
    assert differences["value"].to_numpy() == pytest.approx(np.full(len(differences), expected))
    suffixes = ("accuracy_tuned", "normalized_accuracy_tuned", "recovered_gain_tuned")
    names = {"single_task/accuracy", *[f"task_addition/{name}" for name in suffixes]}
    names |= {f"task_negation/{name}_accuracy_tuned" for name in ("target", "control")}
    assert set(differences["metric"]) == names


def test_intervals_are_paired():
    found = table()
    differences = found[found["metric"].str.contains("/")]
    width = differences["high"] - differences["low"]
    assert (width < 0.02).all(), "the noise that both modes share (0.2 wide) cancels"
    assert (width > 0).all()


def test_coordinates_say_what_was_compared():
    found = pick(table(), training="standard", evaluation="tangent")
    expect = {
        ("task_addition/accuracy_tuned", "+".join(TASKS), "all"): 600,
        ("task_negation/target_accuracy_tuned", "each", "own"): 600,
        ("task_negation/control_accuracy_tuned", "each", CONTROL): 200,
        ("single_task/accuracy", "each", "own"): 600,
        ("single_task/accuracy", "a", "a"): 200,
    }
    for (metric, sources, task), size in expect.items():
        assert pick(found, metric=metric, sources=sources, task=task)["num_samples"].item() == size


def test_nonlinear_advantage_is_positive_where_the_network_is_better():
    found = table()
    for task in TASKS:
        expected = (0.9 - 0.6) * CLASSES / (CLASSES - 1)
        assert one(found, metric="nonlinear_advantage", task=task, sources=task) == pytest.approx(
            expected
        )
    assert len(pick(found, metric="nonlinear_advantage")) == len(TASKS)


def test_modes_that_did_not_run_are_not_compared():
    assert set(table(modes=["standard-network", "linear-tangent"])["training"]) == {"linear"}
    assert table(modes=["standard-tangent", "linear-tangent"]).empty, (
        "there is nothing to compare with"
    )
    assert table(modes=["standard-network"]).empty


def test_what_a_run_does_not_have_is_not_compared():
    single = table(experiments=["single_task"])
    assert set(single["metric"]) == {"single_task/accuracy", "nonlinear_advantage"}
    assert one(
        single, training="linear", metric="single_task/accuracy", sources="each"
    ) == pytest.approx(-0.1)
    added = table(experiments=["task_addition"])
    assert {metric.partition("/")[0] for metric in added["metric"]} == {"task_addition"}
