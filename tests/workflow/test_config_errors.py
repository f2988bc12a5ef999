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


@pytest.mark.slow
def test_a_number_in_a_list_on_the_command_line():
    """Snakemake hands it over as text; the sentence says where it belongs."""
    ended_with_a_sentence(
        HERE.dry_run("--config", "seeds=[0, 1]"), "'seeds.0'", "'0'", "--configfile"
    )


@pytest.mark.slow
@pytest.mark.parametrize("text", ["- a list", "seeds: ["])
def test_a_file_that_is_no_config_at_all(config_file, text):
    finished = HERE.dry_run(*config_file(text))
    assert finished.status != 0
    assert "Traceback" not in finished.output
    assert "Config file" in finished.output
