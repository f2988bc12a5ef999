"""What a run needs is asked before it starts: config, check, plan and dry run say the same."""

from __future__ import annotations

import json

import pytest

from tangent_bench.planning import config_schema, jobs, readiness, report
from tangent_bench.planning.config import validate
from tests import small
from tests.workflow.checkout import merged

ALL = "none-network"
VITS = {"architecture": "ViT-B-32", "weights": None}
RESNET = {"architecture": "RN50", "weights": None}
TIMM = {"architecture": "convnext_base", "weights": None}


def adapted(training: str, model: dict, **settings: object) -> dict:
    """Changes that fine-tune a model of random weights in a way of low rank, or of attention."""
    return {
        "models": ["mine"],
        "custom_models": {"mine": model},
        "inits": ["random"],
        "trainings": [training],
        "modes": [f"{training}-network"],
        "joint_training": {"trainings": [], "steps": 1},
        "training_modes": {training: settings} if settings else {},
    }


REFUSED = {  # name → changes of the default config, words of the sentence
    "one task": (
        {"tasks": ["mnist"], "experiments": ["disentanglement"]},
        ["between two tasks", "'mnist'", "add one"],
    ),
    "a pair of another task": (
        {"experiments": ["disentanglement"], "disentanglement": {"pairs": [["mnist", "svhn"]]}},
        ["disentanglement.pairs", "'svhn'", "two different tasks"],
    ),
    "a pair of one": (
        {"experiments": ["disentanglement"], "disentanglement": {"pairs": [["mnist", "mnist"]]}},
        ["disentanglement.pairs", "two different tasks"],
    ),
    "a pair twice": (
        {
            "experiments": ["disentanglement"],
            "disentanglement": {"pairs": [["mnist", "icons"], ["icons", "mnist"]]},
        },
        ["disentanglement.pairs", "twice"],
    ),
    "one task, modes compared": (
        {"tasks": ["mnist"], "experiments": ["disentanglement_comparison"]},
        ["between two tasks"],
    ),
    "no maps to compare": (
        {"experiments": ["task_addition", "disentanglement_comparison"]},
        ["'disentanglement_comparison'", "not among `experiments`"],
    ),
    "no mode with maps": (
        {"experiments": ["single_task", "disentanglement_comparison"], "modes": [ALL]},
        ["'disentanglement_comparison'", "modes with vectors"],
    ),
    "one task, initialisations compared": (
        {
            "tasks": ["mnist"],
            "experiments": ["pretraining_ablation"],
            "inits": ["random", "pretrained"],
        },
        ["between two tasks"],
    ),
    "controls alone": (
        {"experiments": ["pretraining_ablation"], "inits": ["shuffled-10", "shuffled-100"]},
        ["only controls", "shuffled-10"],
    ),
    "nothing to compare with": (
        {"experiments": ["posthoc_comparison"], "modes": ["standard-tangent"]},
        ["standard-network", "not among `modes`"],
    ),
    "nothing to measure": (
        {"experiments": ["task_addition", "task_negation"], "modes": [ALL]},
        ["task_addition", "anything to measure", ALL],
    ),
    "more digits than there are": (
        {"experiments": ["ntk_theory"], "ntk_theory": {"train_points": 1700, "test_points": 98}},
        ["1700 + 98", "1797"],
    ),
    "a batch smaller than the tasks": (
        {"training": {"batch_size": 7}},
        ["'training.batch_size' is 7", "8 tasks"],
    ),
    "pieces smaller than the tasks": (
        {"training": {"batch_size": 32, "micro_batch_size": 4}},
        ["'training.micro_batch_size' is 4", "8 pieces", "only 4"],
    ),
    "a rank above the width": (
        adapted("lora", VITS, rank=769),
        ["'lora'", "'mine'", "769", "768 wide"],
    ),
    "a linear rank above the width": (
        adapted("linear_lora", VITS, rank=769),
        ["'linear_lora'", "at most 768"],
    ),
    "no attention in a ResNet": (adapted("attention_only", RESNET), ["a ResNet", "another mode"]),
    "no attention in a ConvNeXt": (adapted("attention_only", TIMM), ["convnext_base"]),
    "queries of a ResNet": (adapted("lora", RESNET, queries_and_values=True), ["a ResNet"]),
}


def config_of(changes: dict) -> dict:
    from snakemake.utils import update_config

    config = merged("default")
    update_config(config, changes)
    return config


def sentence(config: dict) -> str:
    with pytest.raises(ValueError) as caught:
        validate(config)
    return str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_run_would_refuse_is_refused_before_it(name):
    changes, words = REFUSED[name]
    text = sentence(config_of(changes))
    assert text.startswith("Config: ") and "\n" not in text
    assert all(word in text for word in words), text


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_check_and_plan_say_the_same(name, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(REFUSED[name][0]))
    text = sentence(config_of(REFUSED[name][0]))
    (finding,) = readiness.findings([file])
    assert (finding.status, finding.text) == ("blocks", text)
    for ask in (jobs.read_config, report.report):
        with pytest.raises(ValueError) as caught:
            ask([file])
        assert str(caught.value) == text


FINE = {
    "one task without maps": {"tasks": ["mnist"]},
    "pairs of the tasks": {
        "experiments": ["disentanglement"],
        "disentanglement": {"pairs": [["icons", "mnist"]]},
    },
    "comparisons alone": {"experiments": ["disentanglement_comparison"]},
    "maps of one task that nobody asks for": {"disentanglement": {"pairs": [["a", "b"]]}},
    "an experiment without vectors": {"experiments": ["single_task"], "modes": [ALL]},
    "all digits": {
        "experiments": ["ntk_theory"],
        "ntk_theory": {"train_points": 1700, "test_points": 97},
    },
    "a small batch without joint training": {
        "training": {"batch_size": 7},
        "joint_training": {"trainings": []},
    },
    "pieces with an image of each": {"training": {"batch_size": 32, "micro_batch_size": 8}},
    "a rank of the width": adapted("lora", VITS, rank=768),
    "a rank that fits, elsewhere": adapted("lora", TIMM, rank=4),
}


@pytest.mark.parametrize("name", FINE)
def test_what_runs_is_not_refused(name):
    validate(config_of(FINE[name]))


def test_the_bound_of_pieces_is_that_of_the_loop():
    """The config refuses exactly what a step of joint training would."""
    from torch import zeros

    from tangent_bench.finetuning.step import Part, Recipe, pieces

    for batch_size in (8, 20, 32):
        for piece in (1, 4, 5, 8, 16):
            share = batch_size // 8
            parts = [Part(zeros(share, 1), zeros(share), zeros(1, 1))] * 8
            numbers = {"batch_size": batch_size, "micro_batch_size": piece}
            recipe = Recipe(
                steps=1,
                learning_rate=1.0,
                weight_decay=0.0,
                clip_norm=1.0,
                warmup_steps=0,
                **numbers,
            )
            config = config_of({"training": numbers})
            assert refuses(pieces, parts, recipe) == refuses(validate, config), numbers


def refuses(act, *arguments) -> bool:
    try:
        act(*arguments)
    except ValueError:
        return True
    return False


def test_the_rank_that_is_refused_is_the_one_that_training_refuses(tmp_path):
    network = small.vit(tmp_path)
    from tangent_bench.tangent.linearize import parameters
    from tangent_bench.training import lora

    vision = small.CONFIG["vision_cfg"]
    for rank in (16, 17):
        settings = {"rank": rank, "alpha": 1.0, "queries_and_values": False}
        theta0 = parameters(network)
        by_training = refuses(lora.parameters, network, theta0, settings, 0)
        assert refuses(lora.require, vision, settings) == by_training, rank


def test_the_number_of_digits_is_that_of_scikit_learn():
    from sklearn.datasets import load_digits

    from tangent_bench.experiments import ntk_theory

    assert len(load_digits().data) == ntk_theory.NUM_DIGITS
    assert config_schema.schema()
