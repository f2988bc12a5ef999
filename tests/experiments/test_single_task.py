"""Single-task rows against the accuracies that were put in."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.experiments import single_task
from tangent_bench.store import rows
from tangent_bench.store.layout import JOINT
from tests.experiments.known import CONTROL, NUM, TASKS, one, pick, study

ZERO = {"a": 0.2, "b": 0.5, "c": 0.6, CONTROL: 0.7}
CROSS = {
    (s, t): round(0.1 + 0.2 * i + 0.05 * j, 2)
    for i, s in enumerate((*TASKS, JOINT))
    for j, t in enumerate(TASKS)
}
OWN = {
    "a": 0.95,
    "b": 0.45,
    "c": 0.9,
}  # b is worse on its own task than the vector of c, which has 0.55


def accuracy(task, split, point):
    if not point:
        return ZERO[task]
    ((source, coefficient),) = point.items()
    assert coefficient == 1.0
    return (OWN[task] if source == task else CROSS[source, task]) - (0.1 if split == "val" else 0.0)


def table(mode="standard-network", **changed):
    made = study("single_task", accuracy, mode=mode, **changed)
    single_task.run(made)
    return made, rows.frame(made.rows)


def test_zero_shot_is_every_task_the_control_and_the_mean_over_tasks():
    made, found = table("none-network")
    for split in ("val", "test"):
        for task, value in ZERO.items():
            assert one(
                found, split=split, task=task, sources="", coefficient=None
            ) == pytest.approx(value)
        mean = one(found, split=split, task="all", sources="")
        assert mean == pytest.approx((0.2 + 0.5 + 0.6) / 3), "the control is not among them"
    assert len(found) == 10 and set(found["training"]) == {"none"}
    assert {f"test/{t}" for t in ZERO} <= set(made.replicates)


def test_every_vector_on_every_task_on_test_and_only_its_own_on_validation():
    _, found = table()
    for source in TASKS:
        for task in TASKS:
            expected = OWN[task] if source == task else CROSS[source, task]
            at = {
                "metric": "accuracy",
                "split": "test",
                "sources": source,
                "task": task,
                "coefficient": 1.0,
            }
            assert one(found, **at) == pytest.approx(expected)
            assert len(pick(found, **{**at, "split": "val"})) == (source == task)
        assert one(
            found, metric="accuracy", split="val", sources=source, task=source
        ) == pytest.approx(OWN[source] - 0.1)


def test_mean_over_vectors_on_their_own_tasks():
    made, found = table()
    for split, shift in (("test", 0.0), ("val", 0.1)):
        at = {
            "metric": "accuracy",
            "split": split,
            "sources": "each",
            "task": "own",
            "coefficient": 1.0,
        }
        assert one(found, **at) == pytest.approx(np.mean(list(OWN.values())) - shift)
        assert pick(found, **at)["num_samples"].item() == 3 * NUM[split]
        own = np.mean([made.replicates[f"{split}/{t}"] for t in TASKS], axis=0)
        np.testing.assert_allclose(made.replicates[f"{split}/own"], own, rtol=1e-14)


def test_vector_that_is_not_the_best_on_its_own_task_is_flagged():
    _, found = table()
    flags = {t: one(found, metric="best_on_own_task", sources=t, task=t) for t in TASKS}
    assert flags == {"a": 1.0, "b": 0.0, "c": 1.0}


def test_joint_vector_is_the_upper_bound_and_no_rival():
    _, found = table(joint=True)
    for task in TASKS:
        assert one(
            found, metric="accuracy", sources=JOINT, task=task, split="test"
        ) == pytest.approx(CROSS[JOINT, task])
    mean = np.mean([CROSS[JOINT, t] for t in TASKS])
    assert one(found, metric="accuracy", sources=JOINT, task="all", split="test") == pytest.approx(
        mean
    )
    assert one(found, metric="best_on_own_task", sources="c", task="c") == 1.0
    assert pick(found, sources=JOINT, split="val").empty
    assert pick(table(joint=False)[1], sources=JOINT).empty
