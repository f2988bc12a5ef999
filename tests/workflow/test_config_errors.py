"""A wrong config ends with one sentence that names the key and the way out."""

from __future__ import annotations

import pytest
import yaml
from snakemake.utils import update_config

from tangent_bench.planning import config
from tests.workflow.checkout import ROOT, Checkout, ended_with_a_sentence, merged

HERE = Checkout(ROOT)
# One of each kind; tests/test_config.py tries many more.
WRONG = {  # text of a config → what the sentence must say
    "sedes: [0]": ["'sedes'", "'seeds'"],
    "training: {stepz: 3}": ["'training.stepz'", "'steps'"],
    "custom_tasks: {mine: {folder: here, template: ['a {}']}}": [
        "'custom_tasks.mine.template'",
        "'templates'",
    ],
    "training: {steps: many}": ["'training.steps'", "'many'", "integer"],
    "training: {learning_rate: 1e-5}": ["'training.learning_rate'", "'1e-5'", "1.0e-5"],
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
def test_a_wrong_config_is_refused_in_a_sentence(text):
    whole = merged("tiny")
    update_config(whole, yaml.safe_load(text))
    with pytest.raises(ValueError) as refused:
        config.validate(whole)
    for word in WRONG[text]:
        assert word in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["training: {stepz: 3}", "tasks: [mnits]"])
def test_the_command_ends_with_the_sentence_alone(config_file, text):
    ended_with_a_sentence(HERE.dry_run(*config_file(text)), *WRONG[text])


TWICE = {
    "seeds: [0, 1]\nseeds: [0]": ["config.yaml, line 2", "'seeds'", "line 1", "keep one"],
    "training: {steps: 1, steps: 2}": ["config.yaml, line 1", "'steps'"],
}


@pytest.mark.slow
@pytest.mark.parametrize("text", TWICE)
def test_a_key_twice_in_a_file(config_file, text):
    ended_with_a_sentence(HERE.dry_run(*config_file(text)), *TWICE[text])


@pytest.mark.slow
def test_numbers_in_lists_and_maps_on_the_command_line():
    """Snakemake hands them over as text."""
    given = ["seeds=[0,1]", "training={steps: 5, learning_rate: 1e-5}", "data={max_train: null}"]
    finished = HERE.dry_run("--config", *given)
    assert finished.status == 0, finished.output
    assert finished.jobs["finetune"] == 2 * HERE.dry_run().jobs["finetune"]


@pytest.mark.slow
def test_a_key_twice_on_the_command_line():
    for given in (["seeds=[0]", "seeds=[1]"], ["coefficients={count: 3, count: 5}"]):
        ended_with_a_sentence(HERE.dry_run("--config", *given), "--config", "twice")


@pytest.mark.slow
@pytest.mark.parametrize("cores", [0, -3])
def test_without_a_core_a_run_says_so_instead_of_waiting(cores):
    ended_with_a_sentence(HERE.dry_run(cores=cores), f"--cores is {cores}", "at least 1")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["- a list", "seeds: ["])
def test_a_file_that_is_no_config_at_all(config_file, text):
    finished = HERE.dry_run(*config_file(text))
    assert finished.status != 0
    assert "Traceback" not in finished.output
    assert "Config file" in finished.output


@pytest.mark.slow
def test_from_another_folder_the_suites_own_defaults_are_read(tmp_path):
    """`config/default.yaml` lies beside the Snakefile, wherever the results go."""
    finished = HERE.dry_run("-d", str(tmp_path / "elsewhere"))
    assert finished.status == 0 and finished.jobs["finetune"] == 17, finished.output
