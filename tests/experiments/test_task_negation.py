"""Task negation: signs, the control's rule, and test never asked for a choice."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.experiments import task_negation
from tangent_bench.store import rows
from tests.experiments.known import CONTROL, NUM, TASKS, one, pick, study

LIMIT = {
    "a": 0.4,
    "b": 1.0,
    "c": 0.0,
}  # the largest |α| at which the control still holds on validation


def accuracy(task, split, point):
    ((source, coefficient),) = point.items()
    alpha = -coefficient
    assert alpha >= 0.0
    if task == CONTROL:
        kept = 0.8 if alpha <= LIMIT[source] + 1e-9 else 0.7
        return kept if split == "val" else 0.9 - 0.4 * alpha
    return 0.7 - 0.5 * alpha if split == "val" else 0.1 + 0.6 * abs(alpha - 0.4)


def table(**changed):
    made = study("task_negation", accuracy, **changed)
    task_negation.run(made)
    return made, rows.frame(made.rows)


def test_vectors_are_subtracted_one_at_a_time():
    made, found = table()
    asked = {(source, c) for _, _, point in made.evaluator.asked for source, c in point}
    assert {c for _, c in asked} == {-round(0.1 * k, 1) for k in range(11)}
    assert all(len(point) == 1 for _, _, point in made.evaluator.asked)
    assert (found["coefficient"].dropna() <= 0).all() and not np.signbit(
        found["coefficient"][found["coefficient"] == 0]
    ).any()


def test_largest_step_that_keeps_the_control_is_chosen_on_validation():
    _, found = table()
    for task, limit in LIMIT.items():
        at = {"metric": "selected_coefficient", "sources": task, "task": task, "split": "val"}
        assert one(found, **at) == pytest.approx(-limit)
        edge = one(found, metric="selected_at_edge", sources=task)
        assert edge == float(limit == 1.0)


def test_target_and_control_are_reported_on_test_at_the_choice():
    _, found = table()
    for task, limit in LIMIT.items():
        at = {"metric": "accuracy_tuned", "split": "test", "sources": task, "coefficient": -limit}
        assert one(found, task=task, **at) == pytest.approx(0.1 + 0.6 * abs(limit - 0.4))
        assert one(found, task=CONTROL, **at) == pytest.approx(0.9 - 0.4 * limit)


def test_means_are_over_targets_each_with_its_own_choice():
    made, found = table()
    at = {"metric": "accuracy_tuned", "split": "test", "sources": "each", "coefficient": None}
    assert one(found, task="own", **at) == pytest.approx(
        np.mean([0.1 + 0.6 * abs(v - 0.4) for v in LIMIT.values()])
    )
    assert one(found, task=CONTROL, **at) == pytest.approx(
        np.mean([0.9 - 0.4 * v for v in LIMIT.values()])
    )
    assert pick(found, task="own", **at)["num_samples"].item() == 3 * NUM["test"]
    assert pick(found, task=CONTROL, **at)["num_samples"].item() == NUM["test"]
    mean = np.mean([made.replicates[f"target_accuracy_tuned/{t}"] for t in TASKS], axis=0)
    np.testing.assert_allclose(made.replicates["target_accuracy_tuned"], mean, rtol=1e-14)


def test_curves_on_validation_are_complete():
    _, found = table()
    for task in TASKS:
        for where in (task, CONTROL):
            curve = pick(
                found, metric="accuracy", split="val", sources=task, task=where
            ).sort_values("coefficient")
            assert curve["coefficient"].tolist() == pytest.approx(
                [-0.1 * k for k in range(10, -1, -1)]
            )
    assert one(
        found, metric="accuracy", split="val", sources="b", task="b", coefficient=-0.6
    ) == pytest.approx(0.4)


def test_threshold_of_the_config_is_the_one_in_force():
    _, found = table(control_threshold=0.8)  # 0.7 is kept by then
    assert {one(found, metric="selected_coefficient", sources=t) for t in TASKS} == {-1.0}
    assert one(found, metric="control_threshold", sources="each", task=CONTROL, split="val") == 0.8


def test_another_test_set_changes_no_choice():
    first = table()[1]
    made = study("task_negation", lambda t, s, p: accuracy(t, s, p) if s == "val" else 0.5)
    task_negation.run(made)
    columns = ["metric", "sources", "task", "coefficient", "value"]
    validated = [pick(f, split="val")[columns] for f in (first, rows.frame(made.rows))]
    assert validated[0].equals(validated[1])
    looked_at = {c for _, split, point in made.evaluator.asked if split == "test" for _, c in point}
    assert looked_at < {-round(0.1 * k, 1) for k in range(11)}, (
        "test is asked at selected coefficients only"
    )
