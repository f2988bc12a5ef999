"""A wrong config ends with one sentence that names the key and the way out."""

from __future__ import annotations

import pytest

from tests.workflow.checkout import ROOT, Checkout, ended_with_a_sentence

HERE = Checkout(ROOT)
# One of each kind through the real command; tests/test_config.py tries many more without it.
WRONG = {  # text of a config → what the sentence must say
    "sedes: [0]": ["'sedes'", "'seeds'"],
    "training: {stepz: 3}": ["'training.stepz'", "'steps'"],
    "custom_tasks: {mine: {folder: here, template: ['a {}']}}": [
        "'custom_tasks.mine.template'",
        "'templates'",
    ],
    "training: {steps: many}": ["'training.steps'", "'many'", "integer"],
    "training: {learning_rate: 1e-5}": ["'training.learning_rate'", "'1e-5'", "1.0e-5"],
    "seeds: [0, 1]\nseeds: [0]": ["config.yaml, line 2", "'seeds'", "line 1", "keep one"],
    "training: {steps: 1, steps: 2}": ["config.yaml, line 1", "'steps'"],
    "tasks: [mnist]\nexperiments: [disentanglement]": ["between two tasks", "'mnist'"],
    "seeds: 0": ["'seeds'", "0", "array"],
    "tasks: [mnits]": ["'mnits'", "tasks", "'mnist'"],
    "trainings: [standrd]": ["'standrd'", "training", "'standard'"],
    "models: [tiyn]": ["'tiyn'", "models", "'tiny'"],
    "experiments: [single_tsk]": ["'single_tsk'", "experiments", "'single_task'"],
    "experiments: [pretraining_ablation]": [
        "'pretraining_ablation'",
        "`inits` has only 'pretrained'",
        "random",
    ],
    "modes: [standard-tangnet]": ["'standard-tangnet'", "standard-network"],
    "modes: [attention_only-network]": ["'attention_only-network'", "trainings"],
    "modes: [standard-none]": ["'standard-none'", "-tangent"],
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_config_ends_with_one_sentence(config_file, text):
    ended_with_a_sentence(HERE.snakemake("-n", *config_file(text)), *WRONG[text])


def test_numbers_in_lists_and_maps_on_the_command_line():
    """Snakemake hands them over as text."""
    given = ["seeds=[0,1]", "training={steps: 5, learning_rate: 1e-5}", "data={max_train: null}"]
    finished = HERE.snakemake("-n", "--config", *given)
    assert finished.status == 0, finished.output
    assert finished.jobs["finetune"] == 2 * HERE.snakemake("-n").jobs["finetune"]


def test_a_key_twice_on_the_command_line():
    for given in (["seeds=[0]", "seeds=[1]"], ["coefficients={count: 3, count: 5}"]):
        ended_with_a_sentence(HERE.snakemake("-n", "--config", *given), "--config", "twice")


@pytest.mark.parametrize("cores", [0, -3])
def test_without_a_core_a_run_says_so_instead_of_waiting(cores):
    ended_with_a_sentence(HERE.snakemake("-n", cores=cores), f"--cores is {cores}", "at least 1")


@pytest.mark.parametrize("text", ["- a list", "seeds: ["])
def test_a_file_that_is_no_config_at_all(config_file, text):
    finished = HERE.snakemake("-n", *config_file(text))
    assert finished.status != 0
    assert "Traceback" not in finished.output
    assert "Config file" in finished.output


def test_from_another_folder_the_suites_own_defaults_are_read(tmp_path):
    """`config/default.yaml` lies beside the Snakefile, wherever the results go."""
    finished = HERE.snakemake("-n", "-d", str(tmp_path / "elsewhere"))
    assert finished.status == 0 and finished.jobs["finetune"] == 17, finished.output
