"""The preset `language` with a random encoder of two blocks, from tables of texts to rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.store import artefacts, layout, rows
from tests.models import own
from tests.workflow.checkout import Checkout, merged, preset

pytestmark = pytest.mark.slow
PAGE = "docs/how-to/texts.md"
TASKS = ("cities", "sentiment")
CONTROL = "things"
MODEL = ("tiny_bert", "random")
RESULTS = "results/texts"
ROWS = f"{RESULTS}/rows.csv"
CHANGES = {
    "results": RESULTS,
    "models": MODEL[:1],
    "inits": MODEL[1:],
    "tasks": TASKS,
    "data": {"max_train": 120, "max_val": 60, "max_test": 80},
    "modes": ["none-network", "standard-network", "linear-tangent"],
    "training": {"steps": 4, "batch_size": 12, "learning_rate": 1e-2, "warmup_steps": 2},
    "joint_training": {"steps": 4},
    "coefficients": {"count": 5},
    "bootstrap": {"replicates": 100},
    "kernel_gap": {"num_images": 20, "ntk_images": 6, "regression_images": 30},
    "disentanglement": {"num_images": 20, "wide": {"count": 3}, "unit": {"count": 3}},
    "ntk_localization": {"num_images": 8, "probes": 1, "null_draws": 10},
    "vector_localization": {"num_images": 20},
}


FEW = {"experiments": ["single_task", "task_addition", "task_negation"]}  # before each commit


def _preset(folder, **changes):
    changes = {k: list(v) if isinstance(v, tuple) else v for k, v in changes.items()}
    return preset("language", folder, **changes)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    return _preset(tmp_path_factory.mktemp("config"), **CHANGES, **FEW)


@pytest.fixture(scope="module")
def built(sources, arguments) -> Checkout:
    own.install(sources.root, "tiny_bert", own.code("tiny-bert", PAGE))
    finished = sources.snakemake(ROWS, *arguments)
    assert finished.status == 0, finished.output
    assert finished.jobs["build_head"] == len(TASKS) + 1
    return sources


def read(checkout: Checkout, path: str, kind: str):
    return artefacts.load(checkout.path(f"{RESULTS}/{path}"), kind)


@pytest.mark.parametrize("task", [*TASKS, CONTROL])
def test_texts_are_stored_as_tokens(built, task):
    """The first so many of each split, as the model reads them, with the labels of the table."""
    stored, about = read(built, layout.data(task, "test"), "images")
    found = registry.task(task).load("test")
    assert stored["images"].shape == (80, 12) and stored["images"].dtype == np.int64
    lengths_N = np.minimum([len(text.split()) for text in found.texts[:80]], 12)
    np.testing.assert_array_equal((stored["images"] != 0).sum(1), lengths_N)
    np.testing.assert_array_equal(stored["labels"], found.labels[:80])
    assert about["licence"] == registry.task(task).TASK.licence


@pytest.mark.parametrize("task", [*TASKS, CONTROL])
def test_without_a_vector_accuracy_is_that_of_the_prompts(built, task):
    base, _ = read(built, layout.base(*MODEL, task), "base features")
    head, _ = read(built, layout.head(*MODEL, task), "head")
    classes = (base["test"] @ head["head"].T).argmax(1)
    table = rows.read(built.path(ROWS))
    zero = table[(table["experiment"] == "single_task") & (table["training"] == "none")]
    (line,) = zero[(zero["task"] == task) & (zero["split"] == "test")].itertuples()
    assert line.value == pytest.approx((classes == base["test/labels"]).mean())


def test_vectors_leave_embeddings_of_tokens_alone(built):
    table = rows.read(built.path(ROWS))
    assert set(table["training"]) >= {"none", "standard", "linear"}
    for training in ("standard", "linear"):
        vector, _ = read(built, layout.vector(*MODEL, training, "cities", 0), "vector")
        assert not [name for name in vector if "_embeddings" in name]
        assert sum(np.abs(value).sum() for value in vector.values()) > 0


def test_negation_spares_the_control(built):
    table = rows.read(built.path(ROWS))
    negated = table[table["experiment"] == "task_negation"]
    assert CONTROL in set(negated["task"])


def test_there_are_no_sheets_of_texts_and_nothing_is_left_to_do(built, arguments):
    assert built.dry_run(ROWS, *arguments).jobs == {}
    jobs = built.dry_run(*arguments).jobs
    assert "contact_sheet" not in jobs and jobs["make_results_page"] == 1


def test_only_what_stands_on_an_edited_tokenizer_runs_again(built, arguments):
    file = built.path("tiny_bert.py")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(".lower().split()", ".split()"), encoding="utf-8")
    jobs = built.dry_run(ROWS, *arguments).jobs
    file.write_text(text, encoding="utf-8")
    assert jobs["prepare_texts"] == 3 * len(TASKS) + 2


@pytest.mark.full
def test_a_plan_has_more_seeds_of_its_own_tasks(built, arguments):
    """A copy of a task would have images."""
    files = [word for file in arguments[1:] for word in ("--configfile", file)]
    done = built.run(".venv/bin/python", "-m", "tangent_bench.cli", "plan", *files, "--json")
    assert done.status == 0, done.output
    larger = json.loads(done.output)["larger"]
    assert larger["name"] == f"with {len(TASKS)} tasks × 10 seeds" and larger["hours"] > 0


@pytest.mark.full
def test_every_experiment_of_the_preset_has_rows(built, tmp_path):
    """Last, since it builds the others into the same folder."""
    finished = built.snakemake(ROWS, *_preset(tmp_path, **CHANGES))
    assert finished.status == 0, finished.output
    table = rows.read(built.path(ROWS))
    assert set(table["experiment"]) == set(merged("language")["experiments"])
