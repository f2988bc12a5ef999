"""What a config may ask of models and heads; each mistake is one sentence before a run."""

from __future__ import annotations

import pytest

from tangent_bench import experiments
from tangent_bench.experiments import Coordinates
from tangent_bench.planning import config, resources
from tangent_bench.store import layout
from tangent_bench.store.layout import Mode
from tests.workflow.checkout import merged

NET = {"library": "timm", "architecture": "test_efficientnet", "weights": None, "side": 32}
FILLED = {"custom_models": {"net": NET | {"weights": "w"}}}
ALONG = {"models": ["tiny"], "inits": ["random", "pretrained"]}
PROBED = {
    "models": ["net"],
    "custom_models": {"net": NET},
    "inits": ["random"],
    "heads": "probe",
    "control": "textures",
}


def validated(**changed) -> dict:
    return config.validate(merged("tiny") | PROBED | changed)


def test_a_network_of_timm_with_probes_is_valid():
    found = validated(custom_models={"net": NET | {"gflop": 0.5}})
    assert resources.gflop_of("net", found["custom_models"]) == 0.5
    assert resources.gflop_of("net", {"net": NET}) == resources.NOT_IN_A_FORMULA


def test_an_open_clip_model_may_have_probes():
    validated(models=["tiny"], inits=["pretrained"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"heads": "prompts"}, "'net' has no text tower.*set `heads: probe`"),
        ({"heads": "probes"}, "'heads' is 'probes', expected one of prompts, probe"),
        ({"control": "compositions"}, "'compositions' has no training images.*another|name a task"),
        ({"inits": ["pretrained"]}, "'custom_models.net.weights' is null.*`inits: .random.`"),
        (
            {"inits": ["random", "step-11"], "custom_models": {"net": NET | {"weights": "w"}}},
            "step-11",
        ),
        ({"custom_models": {"net": NET | {"library": "keras"}}}, "one of open_clip, timm"),
        ({"custom_models": {"net": NET | {"merges": "x"}}}, "net.merges' is given, but .* timm"),
        (
            {"custom_models": {"net": {"architecture": "a", "weights": None, "side": 8}}},
            "net.side' is given, but a model of open_clip",
        ),
        (
            {"trainings": ["standard", "linear", "attention_only"]},
            "test_efficientnet, which has no attention",
        ),
        ({"probe": {"penalties": [0.0]}}, "'probe.penalties.0' is 0.0, expected more than 0"),
        (
            {
                "models": ["tiny"],
                "inits": ["random", "pretrained"],
                "experiments": ["pretraining_ablation"],
            },
            "'pretraining_ablation' compares initialisations.*set `heads: prompts`",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(changed, words):
    with pytest.raises(ValueError, match=words) as caught:
        validated(**changed)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("Config: ")


def test_every_initialisation_has_probes_of_its_own():
    files = {layout.head("m", init, "t", layout.PROBE) for init in ("random", "pretrained")}
    assert files == {f"probes/m/{init}/t.safetensors" for init in ("random", "pretrained")}
    assert layout.head("m", "random", "t") == layout.head("m", "pretrained", "t")
    at = Coordinates("net", "random", Mode.parse("standard-network"), 0)
    inputs = experiments.scope_of("single_task").inputs(validated(), at)
    assert "probes/net/random/mnist.safetensors" in inputs
    assert not [path for path in inputs if path.startswith("heads/")]


TEXTS = {"models": ["minilm"], "tasks": ["bible", "cities"], "control": "things"}


def test_texts_have_prompts_without_another_tower():
    config.validate(merged("tiny") | TEXTS)
    config.validate(merged("language"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tasks": ["bible", "mnist"]}, "'minilm' reads texts, but task 'mnist' has images"),
        ({"control": "compositions"}, "'compositions' has images; name tasks of texts.*bible"),
        ({"models": ["tiny"]}, "'tiny' reads images, but task 'bible' has texts"),
        ({"models": ["minilm", "tiny"]}, "'models' has 2, of which 'minilm' reads texts"),
        ({"heads": "probe"}, "'things' has no training images"),
        ({"tasks": ["bibel"]}, "Did you mean 'bible'"),
        ({"inits": ["step-11", "pretrained"]}, "'minilm' has pretrained and random alone"),
    ],
)
def test_a_mix_of_texts_and_images_is_refused_in_words(changed, words):
    with pytest.raises(ValueError, match=words):
        config.validate(merged("tiny") | TEXTS | changed)
