"""Outcomes of methods, read back and compared by name, place and seed; what is missing is said."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from tangent_bench import cli, regress
from tangent_bench.judging import methods, outcomes
from tangent_bench.judging.outcomes import Place
from tangent_bench.report import method_comparison
from tangent_bench.seeds import generator
from tangent_bench.store import artefacts, layout, rows
from tangent_bench.store.rows import Row

TANGENT, NETWORK = (
    Place("tiny", "pretrained", mode) for mode in ("linear-tangent", "standard-network")
)
TASKS, UNITS = ("p", "q"), 30


def outcome(
    root,
    place,
    label,
    seed,
    shift=0.0,
    edge=0.0,
    replicates=50,
    folder=True,
    tasks=TASKS,
    images="these",
):
    """Writes replicates around 0.5 + shift, with one noise for all, and the selection's rows."""
    noise = {
        t: generator("test", "outcomes", t, seed).normal(0, 0.01, replicates + 1) for t in tasks
    }
    arrays = {f"replicates/accuracy_tuned/{t}": 0.5 + shift + 0.01 * seed + noise[t] for t in tasks}
    arrays["replicates/accuracy_tuned"] = np.zeros(replicates + 1)  # the mean over tasks is no task
    where = label if folder else ""
    path = root / layout.outcome("task_addition", *place, seed, "safetensors", where)
    artefacts.save(path, "outcome", arrays, image_orders={f"{task}/test": images for task in tasks})
    common = {
        "sources": "p+q",
        "task": "all",
        "split": "val",
        "seed": seed,
        "num_samples": 9,
        "method": label,
    }
    coordinates = {
        "model": place.model,
        "init": place.init,
        "training": "standard",
        "evaluation": "network",
    }
    made = [
        Row("task_addition", metric=metric, value=value, **coordinates, **common)
        for metric, value in (
            ("selected_coefficient", 0.25 + 0.05 * seed),
            ("selected_at_edge", edge),
        )
    ]
    rows.write(path.with_suffix(".csv"), rows.frame(made))


def labels_of(root, place):
    for task in TASKS:
        blocks = np.repeat(np.arange(UNITS), 2)
        path = root / layout.base(place.model, place.init, task)
        artefacts.save(path, "base features", {"test/blocks": blocks})


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template")
    for place in (TANGENT, NETWORK):
        labels_of(root, place)
        for seed in range(5):
            outcome(root, place, "task_arithmetic", seed, folder=False)
            outcome(
                root,
                place,
                "ties",
                seed,
                shift=0.05 if place == TANGENT else -0.05,
                edge=float(seed > 2),
            )
            outcome(root, place, "magmax", seed)
    return root


@pytest.fixture
def folder(template, tmp_path):
    return shutil.copytree(template, tmp_path / "results")


def test_places_methods_and_seeds_are_found(folder):
    assert outcomes.places(folder) == [TANGENT, NETWORK]
    assert outcomes.labels(folder, TANGENT) == ["task_arithmetic", "magmax", "ties"]
    assert outcomes.seeds_of(folder, TANGENT, "ties") == [0, 1, 2, 3, 4]
    assert outcomes.num_units(folder, TANGENT, TASKS) == {"p": UNITS, "q": UNITS}


def test_a_method_comes_back_as_it_was_left(folder):
    outcome(folder, TANGENT, "ties", 10, shift=0.3)
    found = outcomes.read(folder, TANGENT, "ties")
    assert found.name == "ties" and list(found.accuracy) == ["p", "q"] and found.at_edge == 2
    assert found.coefficients == pytest.approx([0.25, 0.3, 0.35, 0.4, 0.45, 0.75]), (
        "seed 10 comes after 4"
    )
    assert found.accuracy["q"].shape == (6, 51) and found.accuracy["q"][5].mean() == pytest.approx(
        0.9, abs=0.01
    )


def test_what_is_not_there_is_said(folder):
    with pytest.raises(
        ValueError,
        match=r"no outcome of 'tie' in tiny, linear-tangent.*there are task_arithmetic, mag",
    ):
        outcomes.read(folder, TANGENT, "tie")
    with pytest.raises(ValueError, match=r"random.*is not there; build it first"):
        outcomes.read(folder, TANGENT._replace(init="random"), "ties")
    outcome(folder, TANGENT, "ties", 1, replicates=20)
    with pytest.raises(ValueError, match="its seeds differ in tasks or replicates"):
        outcomes.read(folder, TANGENT, "ties")


def test_verdicts_in_every_place(folder):
    found = methods.compare(folder, "task_arithmetic", ["ties", "magmax"])
    assert methods.verdicts(found) == {
        (TANGENT, "ties"): "better",
        (NETWORK, "ties"): "worse",
        (TANGENT, "magmax"): "same",
        (NETWORK, "magmax"): "same",
    }
    text = method_comparison.text(found)
    verdicts = text.partition("Over all tasks, against task_arithmetic:\n")[2]
    assert verdicts.startswith("better     ties    tiny, Linear FT (linear-tangent)\n")
    assert "edge of its grid in 2 of 5 seeds" in text


def test_a_method_that_sees_test_images_makes_no_verdict_harder_to_get(folder, monkeypatch):
    """Holm's levels and the number of candidates are those without it."""
    alone = methods.compare(folder, "task_arithmetic", ["ties"])
    usual = methods.compare(folder, "task_arithmetic", ["magmax", "ties"])
    monkeypatch.setattr(methods.merging, "sees_test_images", lambda label: label == "magmax")
    both = methods.compare(folder, "task_arithmetic", ["magmax", "ties"])
    for place, compared in both.items():
        assert [line.method for line in compared.lines] == ["magmax"] * 3 + ["ties"] * 3
        assert compared.lines[3:] == alone[place].lines
        assert compared.lines[3:] != usual[place].lines
        assert set(compared.at_edge) == {"task_arithmetic", "magmax", "ties"}
    text = method_comparison.text(both)
    assert text.endswith(
        "magmax sees the test images, without labels: this is no comparison on equal terms."
    )
    assert "sees the test images" not in method_comparison.text(alone)
    assert [line["sees_test_images"] for line in methods.lines(both)] == [True] * 3 + [
        False
    ] * 3 + [True] * 3 + [False] * 3


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(each) for each in arguments])


def test_exit_status_is_that_of_the_verdicts(folder):
    of_ties = "compare", "task_arithmetic", "ties", "--results", folder
    table = method_comparison.text(methods.compare(folder, "task_arithmetic", ["ties"]))
    done = call(*of_ties)
    assert (done.exit_code, done.stdout) == (0, f"{table}\n")
    assert call(*of_ties, "--fail-on", "undecided,same").exit_code == 0
    done = call(*of_ties, "--fail-on", "worse")
    assert (done.exit_code, done.stderr) == (
        1,
        "ties is worse in tiny, Non-lin. FT (standard-network).\n",
    )
    done = call(*of_ties, "--fail-on", "wors")
    assert done.exit_code == 2 and "'wors'" in done.stderr


def test_records_say_what_the_table_says(folder):
    records = json.loads(
        call("compare", "task_arithmetic", "ties", "--results", folder, "--json").stdout
    )
    assert len(records) == 2 * 3
    last = records[2]
    assert (last["task"], last["mode"], last["verdict"]) == ("all", "linear-tangent", "better")
    assert (
        last["difference"] == pytest.approx(0.05)
        and last["num_seeds"] == 5
        and not last["conditional_on_seeds"]
    )


def test_the_same_method_before_and_after_a_change(folder, tmp_path_factory):
    before = tmp_path_factory.mktemp("before")
    for seed in range(5):
        outcome(before, TANGENT, "ties", seed, shift=0.1)
    found = methods.compare(folder, "ties", ["ties"], before)
    assert methods.verdicts(found) == {(TANGENT, "ties"): "worse"}
    assert found[TANGENT].baseline == "ties (before)"


def test_other_seeds_are_no_comparison(folder):
    outcome(folder, TANGENT, "ties", 7)
    with pytest.raises(
        ValueError,
        match=r"ties has seeds \[0, 1, 2, 3, 4, 7\].*task_arithmetic has \[0, 1, 2, 3, 4\]",
    ):
        methods.compare(folder, "task_arithmetic", ["ties"])


def test_seeds_can_be_named(folder):
    outcome(folder, TANGENT, "ties", 7)
    found = methods.compare(folder, "task_arithmetic", ["ties"], seeds=[0, 1, 2])
    assert {c.num_seeds for c in found.values()} == {3} and found[TANGENT].conditional
    with pytest.raises(
        ValueError, match=r"ties in tiny, linear-tangent has no outcome of seed 9; it has \[0, 1, 2"
    ):
        outcomes.read(folder, TANGENT, "ties", seeds=[0, 9])


def test_modes_can_be_named(folder):
    """What another mode lacks does not matter then."""
    shutil.rmtree(folder / "outcomes/task_addition/tiny/pretrained/standard-network/ties")
    outcome(folder, NETWORK, "ties", 9)
    found = methods.compare(
        folder, "task_arithmetic", ["ties"], seeds=[0, 1, 2], modes=[TANGENT.mode]
    )
    assert list(found) == [TANGENT]
    with pytest.raises(ValueError, match="have a mode in common"):
        methods.compare(folder, "task_arithmetic", ["ties"], modes=["linear-network"])


def test_a_mode_that_a_method_does_not_have_is_left_out(folder):
    shutil.rmtree(folder / "outcomes/task_addition/tiny/pretrained/standard-network/ties")
    assert set(methods.verdicts(methods.compare(folder, "task_arithmetic", ["ties"]))) == {
        (TANGENT, "ties")
    }


def test_other_images_are_no_comparison(folder, tmp_path_factory):
    before = tmp_path_factory.mktemp("before")
    for seed in range(5):
        outcome(before, TANGENT, "ties", seed, images="others")
    with pytest.raises(
        ValueError, match="ties and ties were evaluated on other images in tiny, linear-tangent"
    ):
        methods.compare(folder, "ties", ["ties"], before)


def test_nothing_in_common_is_said(folder, tmp_path_factory):
    with pytest.raises(ValueError, match="have a mode in common"):
        methods.compare(folder, "ties", ["ties"], tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiess"], ["'tiess'", "Did you mean 'ties'?"]),
        (["task_arithmetic"], ["both 'task_arithmetic'", "--baseline"]),
        (["ties", "--set", "keep"], ["'keep'", "name=value"]),
        (["ties", "--set", "keep=lots"], ["'lots'", "a float"]),
        (["ties", "--fail-on", "bad"], ["'bad'", "undecided"]),
        (["ties", "--configfile", "nowhere.yaml"], ["nowhere.yaml"]),
    ],
)
def test_regress_says_what_is_wrong_before_it_builds(arguments, words):
    done = call("regress", *arguments)
    said = done.stderr
    assert (
        done.exit_code == 2
        and said.startswith("Error: ")
        and said.count("\n") == 1
        and all(word in said for word in words)
    ), said


def test_a_method_that_breaks_a_law_is_not_run(monkeypatch):
    from tangent_bench import merging

    module = merging.module("task_arithmetic")
    monkeypatch.setattr(
        module, "prepare", lambda vectors, context: {k: -v for k, v in module_sum(vectors).items()}
    )
    monkeypatch.setattr(regress, "build", lambda *_: pytest.fail("it must not come to a run"))
    done = call("regress", "task_arithmetic", "--baseline", "ties")
    assert done.exit_code == 2 and "breaks the law" in done.stderr


def module_sum(vectors):
    from tangent_bench.tangent.vectors import combine

    return combine([(1.0, vector) for vector in vectors.values()])
