"""What every file of tangent_bench/models must keep to, and how wrong models are answered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tangent_bench import models, registry
from tangent_bench.models import Model
from tangent_bench.store import artefacts
from tangent_bench.tangent.linearize import encode_linearized, parameters
from tests import small

NAMES = registry.names("models")
EMBEDDED = [n for n in NAMES if registry.load("models", n).MODEL.config is not None]
SHIPPED = [n for n in EMBEDDED if registry.load("models", n).MODEL.weights is not None]


def model(name: str) -> Model:
    return registry.load("models", name).MODEL


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name):
    found = models.find(name)
    assert isinstance(found, Model) and found.title and found.architecture and found.source
    for file in (found.config, found.merges):
        assert file is None or Path(file).is_file()
    if found.config:
        assert Path(found.config).stem == found.architecture


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_load_offline(name):
    network = models.create(model(name))
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert all(bool(torch.isfinite(p).all()) for p in network.parameters())


@pytest.mark.parametrize("name", EMBEDDED)
def test_image_tower_can_be_linearized(name):
    visual = models.create(model(name), "random", 0).visual
    side = visual.image_size[0]
    images = small.images(2, 3, side, side, dtype=torch.float32)
    theta0 = parameters(visual)
    found = encode_linearized(visual, theta0, theta0, images)
    assert len(theta0) == len(list(visual.named_parameters())) and not list(visual.buffers())
    torch.testing.assert_close(found, visual(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EMBEDDED)
def test_random_weights_are_functions_of_the_seed(name):
    def tower(seed):
        torch.manual_seed(seed + 100)  # no say
        return parameters(models.create(model(name), "random", seed).visual)

    state = torch.random.get_rng_state()
    first = tower(1)
    again = tower(1)
    other = tower(2)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)
    torch.random.set_rng_state(state)
    models.create(model(name), "random", 1)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("name", EMBEDDED)
def test_tokenizer_has_room_for_every_prompt_and_knows_every_token(name):
    tokenize = models.tokenizer(model(name))
    text = json.loads(Path(model(name).config).read_text())["text_cfg"]
    for task in registry.names("tasks"):
        if hasattr(registry.load("tasks", task), "ORIGIN"):
            continue  # their classes are beyond the words of an embedded model
        about = registry.load("tasks", task).TASK
        tokens = tokenize([t.format(c) for t in about.templates for c in about.class_names]).numpy()
        assert tokens.shape[1] == text["context_length"] and tokens.max() < text["vocab_size"]
        ends = (tokens == tokens.max()).sum(1)
        assert (ends == 1).all() and tokens.max() == text["vocab_size"] - 1, (
            f"a prompt of {task} is cut off"
        )
        assert len(np.unique(tokens, axis=0)) == len(about.templates) * len(about.class_names)


def test_custom_entries_come_before_files(clip_folder):
    entry = {"architecture": "test-small", "weights": "w.safetensors", "config": "c.json"}
    found = models.find("tiny", {"tiny": entry})
    assert (found.title, found.architecture, found.weights, found.config) == (
        "tiny",
        *entry.values(),
    )
    assert models.find("tiny", {"other": entry}) == model("tiny")


def test_missing_files_are_named(clip_folder):
    good = small.clip_model(clip_folder)
    with pytest.raises(
        ValueError, match=r"config nowhere\.json does not exist; give an open_clip JSON file"
    ):
        models.create(replace(good, config="nowhere.json"))
    with pytest.raises(
        ValueError, match=r"weights 'lost\.safetensors' are no file.*check the path"
    ):
        models.create(replace(good, weights="lost.safetensors"))
    models.create(replace(good, weights="lost.safetensors"), "random")


def test_unknown_architecture_is_named(clip_folder):
    with pytest.raises(ValueError, match=r"Unknown architecture 'ViT-Z'.*named ViT-Z\.json"):
        models.create(Model("Mine", "ViT-Z", None))
    with pytest.raises(
        ValueError, match=r"Unknown architecture 'test-large'.*named test-large\.json"
    ):
        models.create(replace(small.clip_model(clip_folder), architecture="test-large"))


def test_weights_of_another_architecture_are_refused(clip_folder, tmp_path):
    from safetensors.torch import save_file

    good = small.clip_model(clip_folder)
    state = models.create(good, "random", 0).state_dict()
    save_file(dict(state), tmp_path / "fit.safetensors")
    network = models.create(replace(good, weights=str(tmp_path / "fit.safetensors")))
    assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())
    for odd in (
        {**state, "visual.proj": state["visual.proj"].T.contiguous()},
        {"visual.proj": state["visual.proj"]},
    ):
        save_file(odd, tmp_path / "odd.safetensors")
        with pytest.raises(
            ValueError,
            match=r"Model 'Test': .*'test-small' and weights .*odd\.safetensors' do not fit",
        ):
            models.create(replace(good, weights=str(tmp_path / "odd.safetensors")))


@pytest.mark.parametrize("content", [b"", b"not a safetensors file", b"\xff" * 100])
def test_damaged_weights_are_one_sentence(clip_folder, tmp_path, content):
    (tmp_path / "bad.safetensors").write_bytes(content)
    good = replace(small.clip_model(clip_folder), weights=str(tmp_path / "bad.safetensors"))
    with pytest.raises(ValueError, match=r"Model 'Test': .*bad\.safetensors"):
        models.create(good)


def test_quickgelu_mismatch_is_an_error_before_any_download(monkeypatch):
    monkeypatch.setattr(
        "open_clip.create_model", lambda *a, **k: pytest.fail("must not be reached")
    )
    with pytest.raises(
        ValueError, match="'openai' were trained with QuickGELU.*use 'ViT-B-32-quickgelu'"
    ):
        models.create(Model("Mine", "ViT-B-32", "openai"))


@pytest.mark.parametrize("name", [name for name in EMBEDDED if model(name).along])
def test_image_towers_along_the_pretraining_are_there_and_differ(name):
    steps = sorted(file.stem for file in Path(model(name).along).glob("step-*.safetensors"))
    assert len(steps) >= 4
    towers = {init: models.create(model(name), init) for init in ("pretrained", *steps)}
    weights = [tower.visual.proj for tower in towers.values()]
    assert not any(torch.equal(a, b) for a, b in zip(weights, weights[1:], strict=False))
    text = [tower.token_embedding.weight for tower in towers.values()]
    assert all(torch.equal(text[0], other) for other in text), (
        "heads come from the final text tower"
    )


def test_towers_of_a_rebuilt_pretraining(clip_folder, tmp_path):
    """step-N and shuffled-N take the image tower alone, whole-N both."""
    good = small.clip_model(clip_folder)
    states = {
        name: models.create(good, "random", k).state_dict()
        for k, name in enumerate(("step-10", "step-100", "x"))
    }
    states["shuffled-100"] = states.pop("x")
    for name, state in states.items():
        arrays = {k: v.numpy() for k, v in state.items() if v.dtype == torch.float32}
        artefacts.save(tmp_path / f"{name}.safetensors", "pretraining weights", arrays)
    made = replace(
        good, weights=str(tmp_path / "step-100.safetensors"), along=str(tmp_path), sealed=True
    )
    image = "visual.proj"
    text = "token_embedding.weight"
    for init, (seen, read) in {
        "pretrained": ("step-100", "step-100"),
        "step-10": ("step-10", "step-100"),
        "whole-10": ("step-10", "step-10"),
        "shuffled-100": ("shuffled-100", "step-100"),
    }.items():
        found = models.create(made, init).state_dict()
        assert torch.equal(found[image], states[seen][image]) and torch.equal(
            found[text], states[read][text]
        ), init


def test_a_missing_step_of_the_pretraining_is_named(clip_folder):
    with pytest.raises(ValueError, match="'Test' has no image tower 'step-7'.*it has none"):
        models.create(small.clip_model(clip_folder), "step-7")
