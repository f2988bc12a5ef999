"""What makes Snakemake run a job again, what does not, and that a job run again gives the same
bytes.
"""

from __future__ import annotations

import os
import shutil

import pytest
import yaml

from tangent_bench.store import artefacts, layout
from tests.workflow.checkout import Checkout, merged, preset

pytestmark = pytest.mark.slow
CONFIG = merged("micro")
TASKS, CONTROL, TRAININGS = CONFIG["tasks"], CONFIG["control"], CONFIG["trainings"]
EVALUATED = [*TASKS, CONTROL]
MODEL = "tiny", "pretrained"
RESULTS = CONFIG["results"]


def test_a_second_run_has_nothing_to_do(micro):
    assert micro.dry_run(*preset("micro")).jobs == {}


CHEAP = {
    "collect_rows",
    "collect_replicates",
    "summarize",
    "make_table",
    "make_times",
    "draw_figure",
    "make_results_page",
}
MEASURING = {"run_experiment", *CHEAP}
TRAINING = {"finetune", "encode_changes", *MEASURING}
EDITS = {
    "preset: other": {"make_table", "draw_figure", "make_results_page"},
    "bootstrap: {replicates: 101}": MEASURING,
    "control_threshold: 0.9": MEASURING,
    "coefficients: {count: 6}": MEASURING,
    "evaluation: {batch_size: 251}": {"encode_base", "encode_changes", *MEASURING},
    "training: {learning_rate: 2.0e-4}": TRAINING,
    "recipes: {tiny: {learning_rate: 2.0e-4}}": TRAINING,
    "recipes: {wide: {learning_rate: 2.0e-4}}": set(),
    "joint_training: {steps: 5}": TRAINING,
    "data: {max_train: 255}": {"prepare_images", "contact_sheet", *TRAINING},
    "seeds: [0, 1]": TRAINING,
    "pretraining: {steps: 1}": set(),
    "custom_models: {other: {architecture: RN50, weights: openai}}": set(),
    "custom_tasks: {other: {folder: nowhere, templates: ['a {}']}}": set(),
}


@pytest.mark.parametrize("text", EDITS)
def test_an_edit_of_the_config_reruns_what_depends_on_it(micro, tmp_path, text):
    finished = micro.dry_run(*preset("micro", tmp_path, **yaml.safe_load(text)))
    assert finished.status == 0, finished.output
    loops = ("make_table", "draw_figure")
    found = {
        next((kind for kind in loops if rule.startswith(kind)), rule) for rule in finished.jobs
    }
    assert found == EDITS[text]


def test_another_seed_leaves_the_first_alone(micro, tmp_path):
    jobs = micro.dry_run(*preset("micro", tmp_path, seeds=[0, 1])).jobs
    assert jobs["finetune"] == len(TRAININGS) * len(TASKS) + len(
        CONFIG["joint_training"]["trainings"]
    )
    assert jobs["encode_changes"] == len(TRAININGS) * len(EVALUATED)


def test_touching_a_file_reruns_nothing(spare):
    spare.path(f"{RESULTS}/{layout.vector(*MODEL, 'linear', TASKS[0], 0)}").touch()
    spare.path(f"{RESULTS}/rows.csv").touch()
    assert spare.dry_run(*preset("micro")).jobs == {}


def make_younger(checkout):
    """Give all sources today's date, as a clone or a `git checkout` to and fro does."""
    for name in ("Snakefile", "config", "profiles", "workflow", "tangent_bench"):
        place = checkout.path(name)
        for file in [place, *place.rglob("*")]:
            file.touch()


def test_dates_of_sources_rerun_nothing(spare):
    make_younger(spare)
    assert spare.dry_run(*preset("micro")).jobs == {}


def test_an_edit_of_a_script_reruns_its_rule(spare):
    script = spare.path("workflow/scripts/summarize.py")
    script.write_bytes(script.read_bytes() + b"\nEDITED = True\n")
    os.utime(script, (1, 1))  # whatever its date
    assert spare.dry_run(*preset("micro")).jobs.keys() >= {"summarize"}


@pytest.fixture
def copied(micro, tmp_path):
    """Sources of a younger clone, with the results as `cp -r` brings them: dates in any order."""
    checkout = Checkout.of_sources(tmp_path / "copied")
    make_younger(checkout)
    shutil.copytree(micro.path(RESULTS), checkout.path(RESULTS), copy_function=shutil.copyfile)
    for file in sorted(checkout.path(RESULTS).rglob("*"), reverse=True):
        file.touch()
    yield checkout
    shutil.rmtree(checkout.root)


def test_a_copy_of_results_and_memory_is_finished(micro, copied):
    latest = shutil.ignore_patterns("latest.pkl")  # a dry run of another test may write it
    shutil.copytree(micro.path(".snakemake"), copied.path(".snakemake"), ignore=latest)
    assert copied.dry_run(*preset("micro")).jobs == {}


def test_a_copy_of_the_results_alone_is_finished(copied, tmp_path):
    first = copied.dry_run(*preset("micro"))
    assert first.jobs == {} and "came without Snakemake's memory" in first.output
    assert "Migrating" not in first.output
    second = copied.dry_run(*preset("micro"))
    assert second.jobs == {} and "came without" not in second.output
    changed = preset("micro", tmp_path, evaluation={"batch_size": 251})
    assert copied.dry_run(*changed).jobs.keys() >= {"encode_base", "encode_changes"}


def test_a_copy_of_the_results_of_other_code_or_with_other_files_runs_again(copied):
    script = copied.path("workflow/scripts/contact_sheet.py")
    script.write_bytes(script.read_bytes() + b"\nEDITED = True\n")
    vector = copied.path(f"{RESULTS}/{layout.vector(*MODEL, 'linear', TASKS[0], 0)}")
    vector.write_bytes(vector.read_bytes()[:-1] + b"x")
    found = copied.dry_run(*preset("micro"))
    assert found.jobs["contact_sheet"] == len(EVALUATED) and found.jobs["finetune"] == 1
    assert "1 of these jobs run again" in found.output and "encode_base" not in found.jobs


def test_an_edit_of_the_library_reruns_what_stands_on_it(spare):
    edited = {
        "figures/_style": {"draw_figure", "make_results_page"},
        "training/linear": TRAINING,
        "tangent/vision": {"build_head", "encode_base", *TRAINING},
    }
    for module, rules in edited.items():
        file = spare.path(f"tangent_bench/{module}.py")
        before = file.read_bytes()
        file.write_bytes(before + b"\nEDITED = True\n")
        found = spare.dry_run(*preset("micro")).jobs
        assert {
            next((k for k in ("draw_figure", "make_table") if r.startswith(k)), r) for r in found
        } == rules
        file.write_bytes(before)


def test_a_seed_repeats_bit_for_bit_and_another_differs(spare, tmp_path):
    again, other = (
        f"{RESULTS}/{layout.vector(*MODEL, 'linear', TASKS[1], seed)}" for seed in (0, 1)
    )
    before = spare.path(again).read_bytes()
    spare.path(again).unlink()
    finished = spare.snakemake(again, other, *preset("micro", tmp_path, seeds=[0, 1]))
    assert finished.status == 0 and finished.jobs == {"finetune": 2}, finished.output
    assert spare.path(again).read_bytes() == before
    first, second = (artefacts.load(spare.path(path), "vector")[0] for path in (again, other))
    assert all((first[key] != second[key]).any() for key in first if "weight" in key)


@pytest.mark.full
def test_another_seed_of_a_random_network_has_a_vector_of_its_own(spare, tmp_path):
    target = f"{RESULTS}/{layout.outcome('vector_geometry', 'tiny', 'random', 'standard-none', 1)}"
    changed = {
        "inits": ["random"],
        "seeds": [1],
        "tasks": TASKS[:1],
        "joint_training": {"trainings": []},
        "experiments": ["vector_geometry"],
    }
    finished = spare.snakemake(target, *preset("micro", tmp_path, **changed))
    assert finished.status == 0 and finished.jobs == {"finetune": 1, "run_experiment": 1}, (
        finished.output
    )
