"""Task analogies: which sum is looked at, where α is chosen, and what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from tangent_bench.experiments import task_analogies
from tangent_bench.figures import task_analogies as table
from tangent_bench.figures._select import note, note_of
from tangent_bench.measuring.selection import grid
from tangent_bench.planning.config import validate
from tangent_bench.store import rows
from tests.experiments.known import CONTROL, NUM, one, pick, study
from tests.workflow.checkout import merged

QUADRUPLE = ["a", "b", "c", CONTROL]
TASKS = ["mnist", "street_numbers", "digits", "letters", "greek", "scripts"]


def peak(task: str, split: str, point: dict) -> float:
    """Best where b and c are added and a is taken away, and only there: a wrong sign is seen."""
    wanted = {"a": -0.6, "b": 0.6, "c": 0.6} if split == "val" else {"a": -0.5, "b": 0.7, "c": 0.6}
    distance = sum(abs(point.get(name, 0.0) - value) for name, value in wanted.items())
    return 0.9 - 0.3 * distance


def run(accuracy=peak, **changed):
    made = study("task_analogies", accuracy, **changed)
    task_analogies.run(made)
    return made, rows.frame(made.rows)


def test_the_analogy_is_c_plus_b_minus_a_at_the_coefficient_that_validation_chose():
    made, found = run()
    at = {"sources": "c+b+a", "task": CONTROL}
    assert one(found, metric="selected_coefficient", split="val", **at) == pytest.approx(0.6)
    tuned = {"metric": "analogy_accuracy_tuned", "split": "test", **at}
    # 0.6 each, of which test would have 0.5, 0.7 and 0.6
    assert one(found, **tuned) == pytest.approx(0.9 - 0.3 * 0.2, abs=0.5 / NUM["test"])
    zero = one(found, metric="analogy_accuracy", split="test", coefficient=0.0, **at)
    assert zero == pytest.approx(0.9 - 0.3 * 1.8, abs=0.5 / NUM["test"])
    gain = one(found, metric="analogy_gain_tuned", split="test", **at)
    assert gain == pytest.approx(0.3 * 1.6, abs=1 / NUM["test"])
    assert {task for task, *_ in made.evaluator.asked} == {CONTROL}


def test_the_grid_is_on_validation_and_test_sees_selected_points_alone():
    made, found = run()
    curve = pick(found, metric="analogy_accuracy", split="val")
    assert curve["coefficient"].tolist() == grid(0.0, 1.0, 11).tolist()
    expected = [peak(CONTROL, "val", {"a": -x, "b": x, "c": x}) for x in curve["coefficient"]]
    np.testing.assert_allclose(curve["value"], expected, atol=0.5 / NUM["val"])
    on_test = [dict(point) for _, split, point in made.evaluator.asked if split == "test"]
    assert {} in on_test and {"c": 1.0, "b": 1.0, "a": -1.0} not in on_test


def test_the_parts_are_tuned_each_by_itself():
    _, found = run()
    parts = pick(found, metric="accuracy_tuned", split="test", task=CONTROL)
    assert parts["sources"].tolist() == ["c", "b", "c+b"]
    assert parts["coefficient"].tolist() == pytest.approx([0.6, 0.6, 0.6])
    expected = [0.9 - 0.3 * (0.5 + 0.7), 0.9 - 0.3 * (0.5 + 0.1 + 0.6), 0.9 - 0.3 * 0.6]
    np.testing.assert_allclose(parts["value"], expected, atol=0.5 / NUM["test"])


def test_the_advantage_is_over_the_part_that_validation_finds_best():
    """On test another part would be better: it is not what one would have taken."""

    def accuracy(task: str, split: str, point: dict) -> float:
        b, c = point.get("b", 0.0), point.get("c", 0.0)
        if "a" in point:
            return 0.5 + 0.2 * c
        if split == "val":
            return 0.5 + 0.1 * c + 0.05 * b - 0.2 * b * c
        return 0.4 + 0.1 * b

    _, found = run(accuracy)
    at = {"sources": "c+b+a", "task": CONTROL, "split": "test"}
    top = one(found, metric="analogy_accuracy_tuned", **at)
    assert top == pytest.approx(0.7, abs=0.5 / NUM["test"])
    over = one(found, metric="analogy_advantage_tuned", **at)
    assert over == pytest.approx(top - 0.4, abs=0.5 / NUM["test"])


def test_gains_are_paired_over_images():
    """The same images are resampled at θ0 and along the analogy, so the gain is surer than that."""
    _, found = run()
    at = {"sources": "c+b+a", "split": "test"}
    gain = pick(found, metric="analogy_gain_tuned", **at).iloc[0]
    zero = pick(found, metric="analogy_accuracy", **at).iloc[0]
    top = pick(found, metric="analogy_accuracy_tuned", **at).iloc[0]
    apart = (zero["high"] - zero["low"]) + (top["high"] - top["low"])
    assert gain["low"] <= gain["value"] <= gain["high"] and gain["high"] - gain["low"] < apart


def test_parts_that_analogies_share_are_looked_at_once():
    quadruples = [QUADRUPLE, ["a", "c", "b", "d"], ["d", "b", "c", CONTROL]]
    made, found = run(settings={"quadruples": quadruples})
    parts = pick(found, metric="accuracy_tuned")
    assert len(parts) == 6 and not parts.duplicated(["sources", "task"]).any()
    analogies = pick(found, metric="analogy_accuracy_tuned")
    assert analogies["sources"].tolist() == ["c+b+a", "b+c+a", "c+b+d"]
    assert analogies["task"].tolist() == [CONTROL, "d", CONTROL]


def test_the_table_has_the_analogy_beside_its_parts():
    _, found = run()
    single = found.iloc[:1].assign(
        experiment="single_task", metric="accuracy", sources=CONTROL, split="test", value=0.88,
        low=0.8, high=0.9, coefficient=1.0,
    )  # fmt: skip
    cells = table.build(rows.check(pd.concat([found, single])))
    values = cells.set_index("column")["value"]
    columns = ["Pre-trained", "c", "b", "c + b", "c + b − a", "over the best part", "d"]
    assert list(values.index) == columns
    assert values["c + b − a"] == pytest.approx(0.84, abs=0.01) and values["d"] == 0.88
    assert values["over the best part"] == pytest.approx(0.84 - 0.72, abs=0.01)
    assert dict(zip(cells["column"], cells["unit"], strict=True))["over the best part"] == "points"
    assert values["Pre-trained"] == pytest.approx(0.36, abs=0.01)
    assert cells["row"].unique().tolist() == ["Non-lin. FT, A : B :: C : Control"]


def test_the_line_below_the_table_counts_the_images_of_d_alone():
    """Not those of all tasks together, and not the control's, which may be more than these."""
    _, found = run()
    other = found.iloc[:1].assign(
        experiment="single_task", metric="accuracy", sources="", task="b", split="test",
        num_samples=99_999,
    )  # fmt: skip
    words = note_of(rows.check(pd.concat([found, other])), table.FIGURE)
    assert words.startswith(f"n = {NUM['test']} test images per task; ")


def test_pooled_tasks_are_counted_without_the_control():
    _, found = run()
    one_row = found.iloc[:1].assign(split="test")
    both = pd.concat([one_row.assign(task="all", num_samples=20), one_row.assign(num_samples=30)])
    assert note(both).startswith("n = 20 test images")
    assert note(both.iloc[1:]).startswith("n = 30 test images")


def config(*quadruples, **changed) -> dict:
    base = copy.deepcopy(merged("default"))
    base |= {"tasks": TASKS, "experiments": ["single_task", "task_analogies"]} | changed
    base["task_analogies"] = {"quadruples": [list(each) for each in quadruples]}
    return base


@pytest.mark.parametrize(
    ("quadruples", "words"),
    [
        ([], r"name four tasks \[a, b, c, d\]"),
        ([("mnist", "street_numbers", "digits", "terrain")], "expected four different tasks of"),
        ([("mnist", "mnist", "digits", "letters")], "expected four different tasks of"),
        ([("compositions", "mnist", "digits", "letters")], "expected four different tasks of"),
        ([("mnist", "street_numbers", "letters", "greek")], "whose class names differ"),
        ([("mnist", "letters", "street_numbers", "greek")], "whose class names differ"),
    ],
)
def test_what_is_no_analogy_is_one_sentence_before_a_run(quadruples, words):
    with pytest.raises(ValueError, match=words) as caught:
        validate(config(*quadruples))
    assert str(caught.value).startswith("Config: ") and "\n" not in str(caught.value)


def own(names: list[str]) -> dict:
    return {"folder": "images", "templates": ["a {}"], "class_names": names}


def test_pairs_may_share_names_along_or_across():
    tasks = {"animals": own(["cat", "dog"]), "drawn_animals": own(["dog", "cat"])}
    changed = {"custom_tasks": tasks, "tasks": ["mnist", "digits", *tasks]}
    along = ("mnist", "digits", "animals", "drawn_animals")
    across = ("mnist", "animals", "digits", "drawn_animals")
    for quadruple in (along, across):
        task_analogies.require(config(quadruple, **changed))
    with pytest.raises(ValueError, match="class names differ"):
        task_analogies.require(config(("mnist", "animals", "drawn_animals", "digits"), **changed))
    with pytest.raises(ValueError, match="twice .b and c may change places."):
        task_analogies.require(config(along, across, **changed))
    unknown = {name: {k: v for k, v in entry.items() if k != "class_names"} for name, entry in
               tasks.items()}  # fmt: skip
    task_analogies.require(config(along, **changed | {"custom_tasks": unknown}))
