"""Checkpoints as people keep them: read exactly, or refused in true words, by one door for both
uses.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tangent_bench import checkpoints, models
from tangent_bench.weights import _reading, find, parts
from tests.checkpoints import published
from tests.weights import containers
from tests.weights.containers import CONTAINERS, FILES, PREFIXES


@pytest.fixture(scope="module")
def theta(network):
    return published.fine_tuned(network)


@pytest.fixture(scope="module")
def state(model, theta):
    """The state dict of the whole model, with θ* in its image tower."""
    return dict(published.put(models.create(model, "random", 3), theta).state_dict())


def expect(tau, network, theta, dtype=torch.float32):
    """τ is exactly what the file's numbers say."""
    theta0 = dict(network.visual.named_parameters())
    assert list(tau) == list(theta0)
    for key, value in theta0.items():
        kept = theta[key].to(dtype).double()
        assert torch.equal(tau[key], (kept - value.double()).float()), key


def prefixed(state, prefix):
    return {f"{prefix}{key}": value for key, value in state.items()}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_tower_is_read_out_of_any_container(container, prefix, network, theta, state, tmp_path):
    content = CONTAINERS[container](prefixed(state, prefix))
    path = containers.save(content, tmp_path, "archive")
    expect(checkpoints.load("state_dict", path, network), network, theta)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("prefix", ["", "module.", "module.visual."])
def test_a_tower_is_read_out_of_any_file(file, prefix, network, theta, state, tmp_path):
    content = prefixed(theta if prefix.endswith("visual.") else state, prefix)
    path = containers.save(content, tmp_path, file)
    expect(checkpoints.load("state_dict", path, network), network, theta)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model."])
def test_models_of_ones_own_come_through_the_same_door(container, prefix, model, state, tmp_path):
    path = containers.save(CONTAINERS[container](prefixed(state, prefix)), tmp_path, "archive")
    found = models.create(replace(model, weights=str(path))).state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


@pytest.mark.parametrize("file", FILES)
def test_models_of_ones_own_come_out_of_any_file(file, model, state, tmp_path):
    path = containers.save(prefixed(state, "module."), tmp_path, file)
    found = models.create(replace(model, weights=str(path))).state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


def test_a_folder_of_the_hub_stands_for_its_file(model, network, theta, state, tmp_path):
    containers.save(state, tmp_path / "shards", "shards")
    expect(checkpoints.load("state_dict", tmp_path / "shards", network), network, theta)
    found = models.create(replace(model, weights=str(tmp_path / "shards"))).state_dict()
    assert torch.equal(found["visual.proj"], theta["proj"])
    assert [
        f.suffix for f in models.weights_files(replace(model, weights=str(tmp_path / "shards")))
    ]
    assert len(parts(find(tmp_path / "shards"))) == 3


def test_of_a_folder_with_both_kinds_of_names_the_layouts_own_is_read(theta, network, tmp_path):
    published.vision_model(theta, tmp_path / "model.safetensors")
    save_file(
        {f"visual.{k}": v for k, v in theta.items()}, tmp_path / "open_clip_model.safetensors"
    )
    for name in ("state_dict", "fusionbench"):
        tau = checkpoints.load(name, tmp_path, network)
        assert torch.equal(tau["conv1.weight"], theta["conv1.weight"] - network.visual.conv1.weight)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("archive", [True, False])
def test_modules_pickled_whole_within_others(wrapped, archive, model, network, theta, tmp_path):
    whole = published.put(models.create(model, "random", 3), theta)
    content = nn.DataParallel(whole) if wrapped else {"epoch": 3, "model": whole}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=archive)
    expect(checkpoints.load("ilharco", tmp_path / "a.pt", network), network, theta)


def test_linear_checkpoints_within_others(model, theta, network, tmp_path):
    make = lambda: models.create(model, "random", 3)  # noqa: E731
    state = torch.load(published.linearized(make, theta, tmp_path / "l.pt"))
    state.pop("model_name")
    torch.save({"state_dict": prefixed(state, "module."), "epoch": 3}, tmp_path / "a.pt")
    expect(checkpoints.load("linearized", tmp_path / "a.pt", network), network, theta)


# What a file holds beside, or in another way


def refusal(path, network, name="state_dict") -> str:
    with pytest.raises(ValueError) as caught:
        checkpoints.load(name, path, network)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_two_towers_that_differ_are_not_chosen_from(network, model, state, tmp_path):
    other = {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}
    torch.save({"state_dict": state, "state_dict_ema": other}, tmp_path / "a.pt")
    words = "two towers, at 'state_dict/visual.' and 'state_dict_ema/visual.', which differ"
    assert words in refusal(tmp_path / "a.pt", network)
    with pytest.raises(ValueError, match="Model 'Test': .* two towers, at 'state_dict/' and"):
        models.create(replace(model, weights=str(tmp_path / "a.pt")))
    both = {**state, **prefixed(other, "module.")}
    torch.save(both, tmp_path / "b.pt")
    assert "two towers, at 'visual.' and 'module.visual.'" in refusal(tmp_path / "b.pt", network)


def test_a_head_beside_the_tower_is_said_to_be_unread(network, theta, tmp_path, caplog):
    state = {**prefixed(theta, "image_encoder.model.visual."), "head.weight": torch.ones(2, 6)}
    torch.save(state, tmp_path / "a.pt")
    with caplog.at_level(logging.WARNING):
        expect(checkpoints.load("state_dict", tmp_path / "a.pt", network), network, theta)
    (message,) = [r.getMessage() for r in caplog.records if "a.pt" in r.getMessage()]
    assert "is read, but not 'head.weight' (1 tensors beside it)" in message


def test_text_towers_and_optimisers_are_no_news(network, state, tmp_path, caplog):
    path = containers.save(containers.of_open_clip(state), tmp_path, "archive")
    with caplog.at_level(logging.WARNING):
        checkpoints.load("state_dict", path, network)
    assert not [r for r in caplog.records if "w.pt" in r.getMessage()]


def test_lora_is_not_left_out_in_silence(network, model, state, tmp_path):
    adapted = {**state, "visual.transformer.resblocks.0.attn.lora_A.weight": torch.ones(2, 16)}
    torch.save(adapted, tmp_path / "a.pt")
    assert "LoRA adapter" in refusal(tmp_path / "a.pt", network)
    with pytest.raises(ValueError, match="LoRA adapter.*merge_and_unload"):
        models.create(replace(model, weights=str(tmp_path / "a.pt")))
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    assert "LoRA adapter" in refusal(tmp_path / "adapter", network, "fusionbench")


@pytest.mark.parametrize("container", sorted(CONTAINERS))
def test_a_tower_beside_lora_is_no_adapter(network, state, tmp_path, container):
    tower = {key.removeprefix("visual."): value for key, value in state.items() if "visual." in key}
    adapted = {**tower, "class_embedding.lora_A.weight": torch.ones(2, 2)}
    torch.save(CONTAINERS[container](adapted), tmp_path / "a.pt")
    assert "beside the weights it has a LoRA adapter" in refusal(tmp_path / "a.pt", network)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.complex64], ids=str)
def test_weights_that_have_no_fractions_are_refused(dtype, network, model, state, tmp_path):
    torch.save({**state, "visual.proj": state["visual.proj"].to(dtype)}, tmp_path / "a.pt") if (
        dtype != torch.complex64
    ) else save_file({**state, "visual.proj": state["visual.proj"].to(dtype)}, tmp_path / "a.pt")
    assert f"has {dtype} at 'proj'" in refusal(tmp_path / "a.pt", network)
    with pytest.raises(ValueError, match=f"'visual.proj' as {dtype}, where 'visual.proj' of"):
        models.create(replace(model, weights=str(tmp_path / "a.pt")))


def test_theta0_that_is_not_finite_is_refused(model, state, tmp_path):
    bad = {**state, "visual.proj": state["visual.proj"] / 0}
    save_file(bad, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"Model 'Test': .*no finite numbers.*'visual\.proj'"):
        models.create(replace(model, weights=str(tmp_path / "a.safetensors")))


def test_arrays_of_numpy_are_named_as_what_they_are(network, theta, tmp_path):
    torch.save({**theta, "proj": theta["proj"].numpy()}, tmp_path / "a.pt")
    assert "has 'proj', but not as a tensor of PyTorch" in refusal(tmp_path / "a.pt", network)


def test_an_image_tower_alone_is_no_model(model, theta, tmp_path):
    for name, content in {
        "a.pt": theta,
        "b.pt": {"state_dict": prefixed(theta, "module.visual.")},
    }.items():
        torch.save(content, tmp_path / name)
        with pytest.raises(ValueError, match=rf"Model 'Test': .*{name} holds an image tower alone"):
            models.create(replace(model, weights=str(tmp_path / name)))
    published.vision_model(theta, tmp_path / "c.safetensors")
    with pytest.raises(ValueError, match="holds an image tower alone"):
        models.create(replace(model, weights=str(tmp_path / "c.safetensors")))


@pytest.mark.parametrize("name", ["state_dict", "ilharco", "linearized", "fusionbench"])
def test_a_missing_path_is_not_damaged(name, network, tmp_path):
    words = refusal(tmp_path / "nowhere.pt", network, name)
    assert words.startswith(f"There is no {tmp_path}/nowhere.pt; expected a file of weights")
    (tmp_path / "empty").mkdir()
    assert "is a folder without weights" in refusal(tmp_path / "empty", network, name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"epoch": 3, "args": "x"}, "it holds no tensors, but 'epoch', 'args'; these are names of"),
        ({}, "it holds nothing; "),
        ({"state_dict": {"w": torch.ones(2)}}, "it holds 'state_dict/w'; these are names of no"),
    ],
)
def test_what_a_file_holds_is_said_in_true_words(content, words, network, tmp_path):
    torch.save(content, tmp_path / "a.pt")
    sentence = refusal(tmp_path / "a.pt", network)
    assert words in sentence and "download" not in sentence


def test_what_is_missing_in_a_container_is_named_with_its_place(network, model, state, tmp_path):
    less = {key: value for key, value in state.items() if key != "visual.proj"}
    torch.save({"model": prefixed(less, "net.")}, tmp_path / "a.pt")
    assert "lacks 'model/net.visual.proj' (1 of " in refusal(tmp_path / "a.pt", network)
    with pytest.raises(ValueError, match="Model 'Test': .* lacks 'model/net.visual.proj'"):
        models.create(replace(model, weights=str(tmp_path / "a.pt")))


# Shards


@pytest.fixture
def index(state, tmp_path):
    return containers.save(state, tmp_path, "shards")


def test_one_shard_is_not_taken_for_all(index, model, network, tmp_path):
    shard = index.with_name("model-00001-of-00002.safetensors")
    assert "is one of 2 shards; give model.safetensors.index.json" in refusal(shard, network)
    with pytest.raises(ValueError, match="Model 'Test': .* is one of 2 shards"):
        models.create(replace(model, weights=str(shard)))


BROKEN = {
    "no JSON": (lambda about: "{", "is no index of shards"),
    "no map": (lambda about: "{}", "is no index of shards .KeyError"),
    "a list": (lambda about: "[]", "is no index of shards"),
    "a path": (
        lambda about: json.dumps({"weight_map": {"a": "../x.safetensors"}}),
        r"names '\.\./x\.safetensors' as a shard, expected a file beside it",
    ),
    "no text": (lambda about: json.dumps({"weight_map": {"a": 3}}), "names '3' as a shard"),
    "a shard that is not there": (
        lambda about: json.dumps({"weight_map": {"a": "b.safetensors"}}),
        "names 'b.safetensors' .1 of its shards., which is not beside it",
    ),
    "a tensor too few": (
        lambda about: json.dumps({"weight_map": dict(list(about["weight_map"].items())[1:])}),
        "disagree about '.*' .1 names in all.",
    ),
    "a tensor too many": (
        lambda about: json.dumps(
            {"weight_map": about["weight_map"] | {"x": "model-00001-of-00002.safetensors"}}
        ),
        "disagree about 'x' .1 names in all.",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_index_that_is_wrong_is_one_sentence(kind, index, network):
    change, words = BROKEN[kind]
    index.write_text(change(json.loads(index.read_text())))
    with pytest.raises(ValueError, match=words) as caught:
        checkpoints.load("state_dict", index, network)
    assert "\n" not in str(caught.value)


# Outlines


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("container", ["bare", "Lightning"])
def test_an_outline_has_names_shapes_and_types(container, file, state, tmp_path):
    content = CONTAINERS[container](prefixed(state, "module."))
    if not containers.can_hold(content, file):
        return
    path = containers.save(content, tmp_path, file)
    whole = _reading.read(path)
    outline = _reading.read(path, outline=True)
    assert list(outline.tensors) == list(whole.tensors) or file == "safetensors"
    for name, value in whole.tensors.items():
        meta = outline.tensors[name]
        assert meta.is_meta and (meta.shape, meta.dtype) == (value.shape, value.dtype)
    assert outline.is_bare == whole.is_bare and set(outline.facts) == set(whole.facts)


def test_numbers_of_numpy_stay_inert(tmp_path):
    torch.save({"w": torch.ones(2), "best": np.float64(0.5), "a": np.arange(3)}, tmp_path / "a.pt")
    content = _reading.read(tmp_path / "a.pt")
    assert list(content.tensors) == ["w"] and not callable(content.facts["best"])
    assert "float" not in type(content.facts["best"]).__name__


def test_an_array_in_a_shard_is_named_as_what_it_is(network, theta, tmp_path):
    state = {**theta, "proj": theta["proj"].numpy()}
    names = list(state)
    for number, half in enumerate((names[::2], names[1::2]), 1):
        part = {name: state[name] for name in half}
        torch.save(part, tmp_path / f"pytorch_model-0000{number}-of-00002.bin")
    places = {name: f"pytorch_model-0000{k % 2 + 1}-of-00002.bin" for k, name in enumerate(names)}
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert "has 'proj', but not as a tensor of PyTorch" in refusal(index, network)
