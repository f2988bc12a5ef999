"""What every file of tangent_bench/experiments must keep to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.experiments import (
    AcrossInits,
    AcrossModes,
    EachMode,
    EachModel,
    EachTraining,
    Experiment,
    Scope,
    scope_of,
    tuned,
)
from tangent_bench.measuring import resampling
from tangent_bench.store import artefacts, replicates, rows
from tangent_bench.store.layout import EVERY
from tests.experiments.known import CONTROL, NUM, TASKS, labels, study

NAMES = registry.names("experiments")
TIMED = ("cost_growth",)  # their numbers are seconds, which do not repeat
INITS = ("random", "step-10", "pretrained")
CONFIG = {
    "modes": ["none-network", "standard-network", "standard-tangent", "linear-tangent"],
    "trainings": ["standard"],
    "inits": INITS,
}


def experiment(name: str) -> Experiment:
    return registry.load("experiments", name).EXPERIMENT


def accuracy(task, split, point):
    """Something smooth with a peak, different for every task."""
    total, shift = sum(point.values()), {"val": 0.0, "test": 0.05}[split]
    return 0.4 + shift + 0.3 * total * (1 - total / 2) * (0.8 if task == CONTROL else 1)


def run(name: str, mode: str = "standard-network"):
    """The study after the experiment ran; what a comparison reads is run first."""
    match scope_of(name):
        case EachMode():
            made = study(name, accuracy, mode=mode)
        case EachTraining():
            made = study(name, mode="standard-none")
        case EachModel():
            made = study(name, mode="none-none")
        case AcrossModes() as scope:
            made = study(name, mode="all-none", others=_in_all_modes(scope.reads))
        case AcrossInits() as scope:
            made = study(name, mode=mode, init=EVERY, others=_at_all_inits(scope.reads, mode))
    registry.load("experiments", name).run(made)
    return made


def _in_all_modes(reads):
    return {
        (name, found): run(name, str(found)).replicates
        for name in reads
        for found in scope_of(name).modes(CONFIG)
    }


def _at_all_inits(reads, mode):
    return {(name, init): run(name, mode).replicates for name in reads for init in INITS}


JOBS = [(name, str(mode)) for name in NAMES for mode in scope_of(name).modes(CONFIG)]


# what measures times takes its own
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(job, marks=pytest.mark.slow) if job[0] == "cost_growth" else job
        for job in JOBS
    ],
    ids=lambda job: "/".join(job),
)
def job(request):
    return run(*request.param)


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name):
    found = experiment(name)
    assert isinstance(found, Experiment) and found.title and found.reference
    assert isinstance(found.scope, Scope)
    assert bool(found.scope.reads) == isinstance(found.scope, AcrossModes | AcrossInits)
    assert set(found.scope.reads) <= set(NAMES) - {name}


def test_every_row_obeys_the_schema(job):
    table = rows.frame(job.rows)
    assert len(table) > 0
    assert (
        set(table["experiment"]) == {job.experiment}
        and set(table["model"]) == {"tiny"}
        and set(table["seed"]) == {3}
    )
    assert (table["num_samples"] > 0).all()


def test_accuracies_are_fractions_and_intervals_hold_the_estimate(job):
    table = rows.frame(job.rows)
    plain = table[table["metric"].isin(["accuracy", "accuracy_tuned"])]
    assert plain["value"].between(0, 1).all()
    bounded = table.dropna(subset=["low"])
    assert (bounded["low"] <= bounded["high"]).all() and table["low"].isna().equals(
        table["high"].isna()
    )
    # A percentile interval may miss an estimate at its edge by the luck of few replicates, but not
    # by far.
    assert (bounded["value"] >= bounded["low"] - 0.05).all() and (
        bounded["value"] <= bounded["high"] + 0.05
    ).all()


def test_rows_are_about_one_initialisation(job):
    inits = set(rows.frame(job.rows)["init"])
    across = isinstance(scope_of(job.experiment), AcrossInits)
    assert inits == (set(INITS) if across else {"pretrained"})


def test_sources_are_tasks_and_own_or_each_are_words(job):
    table = rows.frame(job.rows)
    for text in set(table["sources"]) - {"", "each"}:
        assert set(text.split("+")) <= set(TASKS)
    assert set(table["task"]) <= {*TASKS, CONTROL, "all", "own", ""}


def test_sidecar_can_be_stored_and_explains_itself(job, tmp_path):
    tensors, about = job.sidecar()
    artefacts.save(tmp_path / "sidecar", "outcome", tensors, **about)
    found, facts = artefacts.load(tmp_path / "sidecar", "outcome")
    points = json.loads(facts["points"])
    for name, predictions in (
        (k.removeprefix("predictions/"), v) for k, v in found.items() if k[0] == "p"
    ):
        _, task, split = name.split("/")
        assert predictions.dtype == np.uint16 and predictions.shape == (
            len(points[name]),
            NUM[split],
        )
        assert facts["image_orders"][f"{task}/{split}"] == f"digest of {task}/{split}"
    for name in (k for k in found if k.startswith("replicates/")):
        assert found[name].shape == (61,) and found[name].dtype == np.float64


def test_means_on_test_images_keep_the_replicates_of_their_intervals(job, tmp_path):
    """By the row's name, in the sidecar: the same interval, and the units that were resampled."""
    tensors, about = job.sidecar()
    artefacts.save(tmp_path / "sidecar", "outcome", tensors, **about)
    kept = replicates.of_sidecar(tmp_path / "sidecar")
    expected = set()
    for row in job.rows:
        is_mean = row.task in ("all", "own") or row.sources == "each"
        # The theory's intervals are over initialisations, and replicates are of images.
        if is_mean and row.split == "test" and row.low is not None:
            expected.add(replicates.name(vars(row)))
            values = kept.around(replicates.name(vars(row)), row.value)
            assert len(values) == 61
            found = resampling.interval(values)
            assert found == pytest.approx((row.low, row.high), rel=1e-5, abs=1e-6)
    assert set(kept.deviations) == set(kept.num_units) == expected
    assert set(kept.num_units.values()) <= {200, job.settings.get("num_images")}


def test_differences_keep_the_differences_of_replicates(tmp_path):
    """A row of a paired difference and the two rows that it is the difference of agree."""
    single = {}
    for mode in ("standard-network", "standard-tangent"):
        single[mode] = study("single_task", SHIFTED[mode], mode=mode)
        registry.load("experiments", "single_task").run(single[mode])
    others = {("single_task", made.mode): made.replicates for made in single.values()}
    compared = study("posthoc_comparison", mode="all-none", others=others)
    registry.load("experiments", "posthoc_comparison").run(compared)
    own = {mode: _own(made, "accuracy") for mode, made in single.items()}
    difference = own["standard-tangent"] - own["standard-network"]
    assert np.std(difference) > 0
    found = _own(compared, "single_task/accuracy")
    np.testing.assert_allclose(found, difference, atol=1e-7)


SHIFTED = {
    "standard-network": accuracy,
    "standard-tangent": lambda task, split, point: accuracy(task, split, point) - 0.13,
}


def _own(made, metric: str) -> np.ndarray:
    """Value and replicates of the mean over tasks, each by its own vector."""
    at = {"metric": metric, "sources": "each", "task": "own", "split": "test"}
    (row,) = [row for row in made.rows if at.items() <= vars(row).items()]
    name = replicates.name(vars(row))
    return row.value + np.concatenate([[0.0], made.deviations[name].astype(np.float64)])


def test_running_again_gives_the_same_rows(job):
    again = run(job.experiment, str(job.mode))
    if job.experiment in TIMED:
        again.rows, job.rows = (
            [replace(row, value=0.0, low=None, high=None) for row in r.rows] for r in (again, job)
        )
    assert again.rows == job.rows


def test_study_reports_estimate_and_interval_of_an_array():
    made = study("single_task", accuracy)
    values = np.concatenate([[0.5], np.linspace(0.4, 0.6, 101)])
    made.add(
        "accuracy", values, sources="a", task="a", split="test", num_samples=9, coefficient=1.0
    )
    made.add("accuracy", 0.25, sources="b", task="a", split="test", num_samples=9)
    first, second = made.rows
    assert (first.value, first.low, first.high) == pytest.approx((0.5, 0.405, 0.595))
    assert (first.training, first.evaluation, first.coefficient) == ("standard", "network", 1.0)
    assert (second.value, second.low, second.high, second.coefficient) == (0.25, None, None, None)


def test_study_measures_with_the_weights_of_task_and_split():
    made = study("single_task", accuracy)
    found = made.accuracy("a", "test", [{}, {"a": 1.0}], keep="x")
    weights = resampling.weights(labels("a", "test").blocks, 60, "a", "test").astype(np.float64)
    right = made.predictions["x/a/test"] == labels("a", "test").labels
    np.testing.assert_allclose(found, (weights @ right.T) / weights.sum(1)[:, None], rtol=1e-12)
    assert found[0].tolist() == pytest.approx([0.45, 0.6]) and made.points["x/a/test"] == [
        {},
        {"a": 1.0},
    ]
    np.testing.assert_allclose(made.hits("a", "test", [{}, {"a": 1.0}]), found[0])
    other = study("task_addition", accuracy, mode="linear-tangent")
    assert np.array_equal(other.weights("a", "test"), weights), "the same in every job"
    assert made.size("test", "a", "b") == 400


def test_tuned_takes_each_replicates_own_choice():
    values = np.arange(12).reshape(4, 3)
    assert tuned(values, np.array([2, 0, 1, 1])).tolist() == [2, 3, 7, 10]
