"""A wrong config ends with one sentence that names the key and the way out."""

from __future__ import annotations

import pytest

from tests.workflow.checkout import ROOT, Checkout, ended_with_a_sentence

HERE = Checkout(ROOT)
WRONG = {  # text of a config → what the sentence must say
    "sedes: [0]": ["'sedes'", "'seeds'"],
    "training: {stepz: 3}": ["'training.stepz'", "'steps'"],
    "custom_tasks: {mine: {folder: here, template: ['a {}']}}": ["'custom_tasks.mine.template'", "'templates'"],
    "training: {steps: many}": ["'training.steps'", "'many'", "integer"],
    "training: {learning_rate: 1e-5}": ["'training.learning_rate'", "'1e-5'", "1.0e-5"],
    "seeds: 0": ["'seeds'", "0", "array"],
    "training: {steps: 0}": ["'training.steps'", "0"],
    "experiments: []": ["'experiments'"],
    "tasks: [mnits]": ["'mnits'", "tasks", "'mnist'"],
    "tasks: [mnist, compositions]": ["'compositions'", "control"],
    "trainings: [standrd]": ["'standrd'", "training", "'standard'"],
    "models: [tiyn]": ["'tiyn'", "models", "'tiny'"],
    "experiments: [single_tsk]": ["'single_tsk'", "experiments", "'single_task'"],
    "method: task_arithmetics": ["'task_arithmetics'", "methods", "'task_arithmetic'"],
    "modes: [standard-tangnet]": ["'standard-tangnet'", "standard-network"],
    "modes: [attention_only-network]": ["'attention_only-network'", "trainings"],
    "modes: [standard-none]": ["'standard-none'", "-tangent"],
    "modes: [none-tangent]": ["'none-tangent'", "none-network"],
    "coefficients: {first: 0.1}": ["0.1", "start at 0"],
    "control_threshold: 1.5": ["'control_threshold'", "1.5"],
    "custom_tasks: {all: {folder: here, templates: ['a {}']}}": ["'custom_tasks.all'", "rename"],
    "custom_tasks: {mine: {folder: here, templates: ['no place']}}": ["'custom_tasks.mine.templates.0'"],
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_config_ends_with_one_sentence(config_file, text):
    ended_with_a_sentence(HERE.snakemake("-n", *config_file(text)), *WRONG[text])


def test_a_wrong_value_on_the_command_line():
    ended_with_a_sentence(HERE.snakemake("-n", "--config", "traning={steps: 3}"), "'traning'", "'training'")


@pytest.mark.parametrize("text", ["- a list", "seeds: ["])
def test_a_file_that_is_no_config_at_all(config_file, text):
    finished = HERE.snakemake("-n", *config_file(text))
    assert finished.status != 0
    assert "Traceback" not in finished.output
    assert "Config file" in finished.output
