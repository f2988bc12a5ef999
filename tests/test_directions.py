"""Directions of methods in a results folder: at points they do what the sum of the vectors does,
where they must.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench import merging
from tangent_bench.experiments import task_addition, task_negation
from tangent_bench.experiments._opening import study
from tangent_bench.measuring import directions
from tangent_bench.measuring.results import Results
from tangent_bench.methods import Method
from tangent_bench.store import artefacts, layout
from tangent_bench.store.layout import Mode
from tangent_bench.tangent.linearize import product
from tangent_bench.tangent.vectors import combine
from tests.results_folder import CONFIG, CONTROL, TASKS, fill, own_model, save_vector

# Wrappers that change nothing, so that task arithmetic goes the way of a method that is no fixed
# sum.
SAME = merging.find("lines+task_arithmetic", {"lines.beta": 0.0, "lines.norm_ratio": False})
TIES = merging.find("ties", {"keep": 0.4})
ARITHMETIC = merging.find("task_arithmetic")
SUM = "+".join(TASKS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """(results, θ0's tower, vectors), with directions and features of both methods."""
    custom = own_model(tmp_path_factory.mktemp("model"))
    root = tmp_path_factory.mktemp("results")
    tower, tau = fill(root, custom)
    results = Results(root, "mine", "pretrained", 5, custom)
    for merger in (SAME, TIES):
        made = directions.merge(results, merger, "standard", TASKS)
        path = root / layout.merged("mine", "pretrained", "standard", merger.label, 5)
        artefacts.save(path, "vector", {k: v.numpy() for k, v in made.items()}, theta0=tower.digest)
        found = directions.encode(results, merger, "standard", TASKS, CONTROL, 7, each=True)
        path = root / layout.merged_features("mine", "pretrained", "standard", merger.label, 5)
        artefacts.save(path, "features", found, theta0=tower.digest)
    return results, tower, tau


def rows_of(experiment, results, mode, merger):
    made = study(results, experiment.__name__.rpartition(".")[2], Mode.parse(mode), CONFIG, merger)
    experiment.run(made)
    assert {(row.method, row.params_id) for row in made.rows} == {(merger.name, merger.params_id)}
    return {
        (row.metric, row.sources, row.task, row.split, row.coefficient): row.value
        for row in made.rows
    }, made


@pytest.mark.parametrize("mode", ["standard-network", "standard-tangent"])
@pytest.mark.parametrize("experiment", [task_addition, task_negation])
def test_a_merged_sum_does_what_the_sum_does(folder, mode, experiment):
    results, _, _ = folder
    plain, _ = rows_of(experiment, results, mode, ARITHMETIC)
    merged, _ = rows_of(experiment, results, mode, SAME)
    subsets = {key for key in plain if key[2] == "own" or key[1] not in (SUM, "each", *TASKS)}
    if experiment is task_addition:
        subsets |= {key for key in plain if key[1] != SUM}
        assert bool(subsets) == (mode == "standard-tangent"), (
            "subsets would be merged anew, each of them"
        )
        plain = {key: value for key, value in plain.items() if key not in subsets}
    assert merged.keys() == plain.keys() and len(plain) > 20
    assert merged == pytest.approx(plain, abs=1e-12), "arg-max classes agree image by image"


def test_a_method_of_its_own_does_something_else(folder):
    results, _, _ = folder
    plain, _ = rows_of(task_negation, results, "standard-tangent", ARITHMETIC)
    _, added = rows_of(task_addition, results, "standard-tangent", TIES)
    assert len(added.coefficients) == 31 and added.coefficients[-1] == 3.0, (
        "TIES has a grid of its own"
    )
    trimmed, made = rows_of(task_negation, results, "standard-tangent", TIES)
    assert made.coefficients.tolist() == [0.0, 0.5, 1.0], (
        "a single vector is no mean, so the config's will do"
    )
    at = ("accuracy", TASKS[0], TASKS[0], "val")
    assert {k[4] for k in trimmed if k[:4] == at} == {-c + 0.0 for c in made.coefficients.tolist()}
    both = [k for k in trimmed.keys() & plain.keys() if k[0] == "accuracy"]
    assert len(both) == 2 * 2 * 3, "of two tasks: the task and the control at 0, 0.5 and 1"
    assert all(trimmed[k] == plain[k] for k in both if not k[4]) and any(
        trimmed[k] != plain[k] for k in both
    )


def test_features_are_jacobian_products_of_the_direction(folder):
    results, tower, tau = folder
    whole = merging.find("ties", {"keep": 0.4}).prepare(tau, tower.theta0, 5)
    one = TIES.prepare({TASKS[0]: tau[TASKS[0]]}, tower.theta0, 5)
    for task, direction, source in (
        (TASKS[1], whole, TIES.source(TASKS)),
        (TASKS[0], one, TIES.source(TASKS[:1])),
        (CONTROL, one, TIES.source(TASKS[:1])),
    ):
        images = results.prepared(task, "test").tensor()
        expected = product(tower.module, tower.theta0, direction, images)[1].numpy()
        found = results.merged_change("standard", task, "test", TIES.label, source)
        np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())
    path = results.root / layout.merged_features("mine", "pretrained", "standard", TIES.label, 5)
    stored = set(artefacts.load(path, "features")[0])
    assert stored == {
        *(f"{task}/{split}/{TIES.source(TASKS)}" for task in TASKS for split in ("val", "test")),
        *(
            f"{where}/{s}/{TIES.source([task])}"
            for task in TASKS
            for where in (task, CONTROL)
            for s in ("val", "test")
        ),
    }


def test_single_coefficient_is_compared_with_zero_shot_all_the_same(folder):
    results, _, _ = folder
    average = merging.find("weight_average")
    rows, _ = rows_of(task_addition, results, "standard-tangent", average)
    plain, _ = rows_of(task_addition, results, "standard-tangent", ARITHMETIC)
    assert rows["selected_coefficient", SUM, "all", "val", None] == 1.0
    assert rows["selected_at_edge", SUM, "all", "val", None] == 0.0, "one coefficient has no edge"
    half = ("accuracy", SUM, TASKS[0], "val")
    assert rows[*half, 1.0] == plain[*half, 0.5], "the average of two is half of their sum"
    assert (
        rows["recovered_gain", SUM, "all", "val", 1.0]
        == plain["recovered_gain", SUM, "all", "val", 0.5]
    )


def test_vectors_of_other_weights_are_refused(folder, tmp_path):
    results, tower, tau = folder
    other = Results(tmp_path, "mine", "pretrained", 5, results._custom_models)
    fill(tmp_path, results._custom_models)
    save_vector(tmp_path, TASKS[1], {k: v.numpy() for k, v in tau[TASKS[1]].items()}, "0" * 64)
    with pytest.raises(
        ValueError, match=rf"{TASKS[1]}/seed-5\.safetensors was made from other weights of 'mine'"
    ):
        directions.merge(other, TIES, "standard", TASKS)


class Looks:
    """A method that writes down what it was given."""

    def __init__(self, contract: str) -> None:
        self.METHOD, self.seen = Method("Looks", "none", data=contract), None

    def prepare(self, vectors, context):
        self.seen = context.data
        return combine([(1.0, vector) for vector in vectors.values()])


@pytest.mark.parametrize(
    ("contract", "split"),
    [("labelled validation", "val"), ("unlabelled test", "test"), ("unlabelled train", "train")],
)
def test_data_are_those_of_the_contract(folder, contract, split):
    results, tower, tau = folder
    method = Looks(contract)
    if split == "train":
        pytest.raises(
            ValueError,
            lambda: directions.data(results, merging.of(method), TASKS).images(TASKS[0], 3),
        )
        return
    merging.of(method).prepare(
        tau, tower.theta0, 5, directions.data(results, merging.of(method), TASKS)
    )
    torch.testing.assert_close(
        method.seen.images(TASKS[1], 3), results.prepared(TASKS[1], split).tensor()[:3]
    )
    assert (method.seen.labels is None) == contract.startswith("unlabelled")
    if method.seen.labels:
        assert (
            method.seen.labels(TASKS[0], 5).tolist()
            == results.labels(TASKS[0], split).labels[:5].tolist()
        )
    np.testing.assert_array_equal(method.seen.heads[TASKS[0]].numpy(), results.head(TASKS[0]))


def test_without_a_contract_there_are_no_data(folder):
    results, tower, tau = folder
    assert directions.data(results, TIES, TASKS) is None
    with pytest.raises(
        ValueError, match=r"needs data \(unlabelled test images\), but was given none"
    ):
        merging.of(Looks("unlabelled test")).prepare(tau, tower.theta0)
