"""Finding and reading the files of the encoder: what comes back, and what is refused."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from tangent_bench.language import loading
from tests.language.small import SIZES, encoder, tokens

CONFIG = {key: getattr(SIZES, field) for field, key in loading.KEYS.items()}


def written(folder, config=CONFIG, **changed):
    """A small encoder's files in a folder; a tensor that is changed to None is left out."""
    network = encoder().float()
    state = network.state_dict()
    state["pooler.dense.weight"] = torch.zeros(3, 3)
    for name, value in changed.items():
        state[name.replace("__", ".")] = value
    present = {name: value for name, value in state.items() if value is not None}
    save_file(present, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return network


@pytest.mark.parametrize("train_tables", [False, True])
def test_an_encoder_comes_back_as_it_was_written(tmp_path, train_tables):
    network = written(tmp_path)
    again = loading.load(tmp_path, train_tables)
    assert again.sizes == SIZES and not again.training
    assert not any(value.requires_grad for value in again.parameters())
    torch.testing.assert_close(again(tokens()), network(tokens()), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({**CONFIG, "hidden_act": "relu"}, "hidden_act: 'relu', expected 'gelu'"),
        ({**CONFIG, "model_type": "t5"}, "model_type: 't5', expected 'bert'"),
        ({"hidden_size": 24}, "lacks vocab_size, max_position_embeddings"),
        ({**CONFIG, "vocab_size": 51}, "of shape .50, 24., but its config.json says .51, 24."),
        ({**CONFIG, "num_hidden_layers": 1}, r"has 'encoder.layer.1\."),
    ],
)
def test_other_networks_are_refused_in_words(tmp_path, config, sentence):
    written(tmp_path, config)
    with pytest.raises(ValueError, match=sentence):
        loading.load(tmp_path)


def test_missing_weights_and_configs_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="cannot be read .*expected the config.json"):
        loading.load(tmp_path)
    written(tmp_path, embeddings__LayerNorm__bias=None)
    with pytest.raises(ValueError, match="lacks 'embeddings.LayerNorm.bias'.*from one place"):
        loading.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        loading.load(tmp_path)
