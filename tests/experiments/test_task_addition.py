"""Task addition where validation and test disagree about everything."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tangent_bench.experiments import task_addition
from tangent_bench.store import rows
from tests.experiments.known import NUM, TASKS, Known, one, pick, study

SINGLE = {"val": {"a": 0.9, "b": 0.8, "c": 0.5}, "test": {"a": 0.95, "b": 0.8, "c": 0.6}}
ZERO = {"val": 0.2, "test": 0.3}
PEAK = 0.3


def accuracy(task, split, point):
    if not point or not any(point.values()):
        return ZERO[split]
    if list(point.values()) == [1.0]:
        return SINGLE[split][task] if task in point else 0.1
    alpha = max(point.values())
    if split == "val":
        return 0.7 - 2 * (alpha - PEAK) ** 2
    return (
        0.1 + 0.8 * alpha if alpha != PEAK else 0.25
    )  # test: best at 1, and worst where validation is best


def table(test=accuracy, mode="standard-network", **changed):
    made = study(
        "task_addition",
        lambda t, s, p: (accuracy if s == "val" else test)(t, s, p),
        mode=mode,
        **changed,
    )
    task_addition.run(made)
    return made, rows.frame(made.rows)


SUM = "+".join(TASKS)


def test_coefficient_is_tuned_on_validation_only():
    _, found = table()
    assert one(found, metric="selected_coefficient") == pytest.approx(PEAK)
    at = {"metric": "accuracy_tuned", "split": "test", "sources": SUM, "coefficient": PEAK}
    for task in (*TASKS, "all"):
        assert one(found, task=task, **at) == pytest.approx(0.25), (
            "the test accuracy where validation is best"
        )


@pytest.mark.parametrize(
    "test", [lambda t, s, p: 0.9 * (max(p.values(), default=0) > 0.55), lambda t, s, p: 0.3]
)
def test_another_test_set_changes_no_choice_and_no_validation_row(test):
    first, second = table()[1], table(test)[1]
    columns = ["metric", "task", "split", "coefficient", "value", "low", "high"]
    for each in (pick(first, split="val"), pick(second, split="val")):
        assert len(each) == 11 * (3 + 3) + 2
    assert pick(first, split="val")[columns].equals(pick(second, split="val")[columns])
    tuned = [set(pick(f, metric="accuracy_tuned")["coefficient"]) for f in (first, second)]
    assert tuned[0] == tuned[1] == {PEAK}


def test_test_is_asked_only_at_selected_coefficients_and_the_ends():
    made, _ = table()
    asked = {
        max(dict(p).values())
        for _, split, p in made.evaluator.asked
        if split == "test" and len(p) == len(TASKS)
    }
    assert {0.0, PEAK, 1.0} <= asked and len(asked) <= 3 + 4, "replicates select near the peak"
    validated = {
        max(dict(p).values())
        for _, split, p in made.evaluator.asked
        if split == "val" and len(p) == 3
    }
    assert len(validated) == 11


def test_all_vectors_share_one_coefficient():
    made, _ = table()
    for _, _, point in made.evaluator.asked:
        assert len({c for _, c in point}) <= 1 and {s for s, _ in point} <= set(TASKS)


def test_denominators_are_single_task_accuracies_of_the_split():
    _, found = table()
    at = {"sources": SUM, "task": "all"}
    tuned = np.mean([0.25 / SINGLE["test"][t] for t in TASKS])
    assert one(found, metric="normalized_accuracy_tuned", split="test", **at) == pytest.approx(
        tuned
    )
    validated = np.mean([0.7 / SINGLE["val"][t] for t in TASKS])
    where = {"metric": "normalized_accuracy", "split": "val", "coefficient": PEAK}
    assert one(found, **where, **at) == pytest.approx(validated)
    zero = np.mean([0.3 / SINGLE["test"][t] for t in TASKS])
    where = {"metric": "normalized_accuracy", "split": "test", "coefficient": 0.0}
    assert one(found, **where, **at) == pytest.approx(zero), (
        "normalized accuracy is far from 0 already at α = 0"
    )


def test_recovered_gain_is_zero_at_zero_and_below_it_below():
    _, found = table()
    at = {"sources": SUM, "task": "all", "split": "test"}
    single = np.mean(list(SINGLE["test"].values()))
    assert one(found, metric="recovered_gain", coefficient=0.0, **at) == 0.0
    assert one(found, metric="recovered_gain", coefficient=1.0, **at) == pytest.approx(
        0.6 / (single - 0.3)
    )
    assert one(found, metric="recovered_gain_tuned", **at) == pytest.approx(-0.05 / (single - 0.3))


def test_rows_at_zero_and_one_stand_beside_the_tuned():
    _, found = table()
    for coefficient, value in ((0.0, 0.3), (1.0, 0.9)):
        at = {"metric": "accuracy", "split": "test", "sources": SUM, "coefficient": coefficient}
        for task in (*TASKS, "all"):
            assert one(found, task=task, **at) == pytest.approx(value)
            assert pick(found, task=task, **at)["num_samples"].item() == NUM["test"] * (
                3 if task == "all" else 1
            )


def test_choice_at_the_edge_is_flagged():
    assert one(table()[1], metric="selected_at_edge") == 0.0
    made = study("task_addition", lambda t, s, p: 0.2 + 0.5 * max(p.values(), default=0))
    task_addition.run(made)
    found = rows.frame(made.rows)
    assert (
        one(found, metric="selected_coefficient") == 1.0
        and one(found, metric="selected_at_edge") == 1.0
    )


def test_replicates_select_for_themselves():
    """With two coefficients that tie but for single images, the interval holds both."""

    class Tie(Known):
        def predict(self, task, split, points):
            found = super().predict(task, split, points)
            for row, point in zip(found, points, strict=True):
                if (
                    split == "val"
                    and point
                    and max(point.values()) in (0.3, 0.7)
                    and len(point) == 3
                ):
                    half = np.arange(40) < 20
                    wrong = half if max(point.values()) == 0.3 else ~half
                    row[wrong] = 99
            return found

    def flat(task, split, point):
        alpha = max(point.values(), default=0.0)
        return (
            1.0
            if alpha == 1.0 and len(point) == 1
            else float(alpha == 0.7)
            if split == "test"
            else 0.4 + 0.6 * (alpha in (0.3, 0.7))
        )

    made = study("task_addition", None, evaluator=Tie(flat))
    task_addition.run(made)
    tuned = made.replicates["accuracy_tuned/a"]
    assert set(np.round(tuned, 6)) == {0.0, 1.0} and tuned[0] == 0.0
    assert 0.2 < tuned[1:].mean() < 0.8


def test_hopeless_single_task_model_divides_nothing_by_zero():
    made = study("task_addition", lambda t, s, p: 0.0 if list(p) == ["a"] else 0.5)
    task_addition.run(made)
    assert np.isfinite(rows.frame(made.rows)["value"]).all()


def test_training_without_any_gain_divides_nothing_by_zero():
    made = study("task_addition", lambda t, s, p: 0.5)
    task_addition.run(made)
    found = rows.frame(made.rows)
    assert set(pick(found, metric="recovered_gain")["value"]) == {0.0}
    assert np.isfinite(found[["value", "low", "high"]].dropna()).all(axis=None)


@pytest.mark.parametrize("mode", ["standard-network", "standard-tangent", "linear-tangent"])
def test_subsets_are_all_there_on_the_tangent_side_only(mode):
    _, found = table(mode=mode)
    subsets = {"+".join(c) for n in (1, 2, 3) for c in combinations(TASKS, n)}
    own = pick(found, metric="accuracy_tuned", task="own")
    whole = pick(found, metric="accuracy_tuned", task="all")
    if mode.endswith("network"):
        assert own.empty and set(whole["sources"]) == {SUM}
        return
    assert set(own["sources"]) == subsets and len(own) == 2 ** len(TASKS) - 1
    assert set(whole["sources"]) == subsets and len(whole) == len(subsets), (
        "the full set once, with its interval"
    )
    assert whole.set_index("sources")["low"].notna().to_dict() == {s: s == SUM for s in subsets}


def test_many_tasks_have_a_sample_of_their_subsets():
    tasks = [f"t{k}" for k in range(12)]
    some = list(task_addition.subsets(tasks, 6))
    assert len(set(some)) == len(some) == 100 and all(
        s == tuple(sorted(s, key=tasks.index)) for s in some
    )
    assert some == list(task_addition.subsets(tasks, 6)) and len({t for s in some for t in s}) == 12
    assert (
        len(list(task_addition.subsets(tasks, 2))) == 66
        and len(list(task_addition.subsets(tasks, 12))) == 1
    )
    assert list(task_addition.subsets(TASKS, 2)) == list(combinations(TASKS, 2))


def test_subsets_tune_their_own_coefficient_on_their_own_tasks():
    def by_size(task, split, point):
        if list(point.values()) == [1.0]:
            return 0.9 if task in point else 0.05
        alpha, inside = max(point.values(), default=0.0), task in point
        if split == "val":
            peak = {1: 1.0, 2: 0.6, 3: 0.4}[max(1, len(point))]
            return (
                0.8 - 4 * (alpha - peak) ** 2 if inside else 0.9 * alpha
            )  # outsiders would pull to 1
        return round(0.5 * alpha + 0.2 * inside, 3)

    made = study("task_addition", by_size, mode="linear-tangent")
    task_addition.run(made)
    found = rows.frame(made.rows)
    at = {"metric": "accuracy_tuned", "sources": "a+b", "split": "test"}
    assert pick(found, task="own", **at)["coefficient"].item() == 0.6
    assert one(found, task="own", **at) == pytest.approx(0.5)
    assert one(found, task="all", **at) == pytest.approx((0.5 + 0.5 + 0.3) / 3)
    normalized = pick(found, **{**at, "metric": "normalized_accuracy_tuned", "task": "all"})
    assert normalized["value"].item() == pytest.approx((0.5 + 0.5 + 0.3) / 3 / 0.9)
    assert pick(found, task="all", **at)["num_samples"].item() == 600
    assert pick(found, task="own", **at)["num_samples"].item() == 400
