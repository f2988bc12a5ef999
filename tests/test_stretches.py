"""A pre-training in stretches is the whole one, whatever the machine; its states are refused where
they do not belong.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest

from tangent_bench import models
from tangent_bench.finetuning import distillation, pretraining, stretches
from tangent_bench.finetuning.stretches import KIND, STATE
from tangent_bench.store import artefacts
from tests import small
from tests.test_pretraining import MICRO, micro_pictures

ENTRY = asdict(MICRO) | {"models": ["micro"], "num_shards": 2, "snapshots": [0, 50, 100]}
CONFIG = {"pretraining": ENTRY, "device": "cpu"}


@pytest.fixture(autouse=True)
def micro(monkeypatch, clip_folder, tmp_path_factory):
    """A model of twelve thousand weights under this name, and a text tower for it."""
    text = tmp_path_factory.mktemp("text") / "text.safetensors"
    small.text_tower(clip_folder, text)
    monkeypatch.setattr(distillation, "FILE", text)
    find = models.find
    micro = small.clip_model(clip_folder)
    monkeypatch.setattr(models, "find", lambda name: micro if name == "micro" else find(name))


@pytest.fixture
def folder(tmp_path):
    """Of pre-trainings, with the pictures drawn."""
    images, texts = micro_pictures()
    for number, part in enumerate((slice(0, 12), slice(12, None))):
        shard = {"images": images[part], "texts": texts[part]}
        artefacts.save(tmp_path / f"shards/{number:02d}.safetensors", "corpus shard", shard)
    return tmp_path


def whole(folder):
    shards = sorted((folder / "shards").glob("*"))
    trainer = stretches.begin("micro", ENTRY, shards)
    stretches.advance(trainer, folder / "in one go", ENTRY["snapshots"])
    return trainer


def test_stretches_are_the_whole_to_the_last_bit(folder, tmp_path_factory):
    one = whole(folder)
    first = stretches.stretch("micro", 1, CONFIG, folder)
    assert first.startswith("micro: step 1 of 4, loss ")
    assert f"{folder}/micro/{STATE}, here or on another machine" in first
    other = tmp_path_factory.mktemp("another machine")
    shutil.copytree(folder / "shards", other / "shards")
    (other / "micro").mkdir()
    shutil.copy(folder / "micro" / STATE, other / "micro")
    assert "step 3 of 4" in stretches.stretch("micro", 2, CONFIG, other)
    last = stretches.stretch("micro", 2, CONFIG, other)
    assert "step 4 of 4" in last and "`make pretrain MODEL=micro` writes the weights" in last
    parts = stretches.begin("micro", ENTRY, sorted((other / "shards").glob("*")))
    stretches.advance(parts, other / "micro", ENTRY["snapshots"])
    assert parts.losses == one.losses and len(one.losses) == 4
    for name, value in parts.weights().items():
        np.testing.assert_array_equal(value, one.weights()[name])
    for step in (2, 4):
        file = f"snapshots/step-{step:05d}.safetensors"
        found, _ = artefacts.load(other / "micro" / file, KIND)
        expected, _ = artefacts.load(folder / "in one go" / file, KIND)
        assert artefacts.digest(found) == artefacts.digest(expected)


def test_weights_and_losses_are_written_at_the_end(folder, tmp_path):
    trainer = whole(folder)
    stretches.finish(trainer, tmp_path / "weights.safetensors", tmp_path / "losses.csv")
    found, about = artefacts.load(tmp_path / "weights.safetensors", KIND)
    assert about["step"] == 4 and artefacts.digest(found) == artefacts.digest(trainer.weights())
    lines = (tmp_path / "losses.csv").read_text().splitlines()
    assert lines[0] == "step,loss" and lines[4] == f"3,{trainer.losses[3]:.6f}"


def test_a_stretch_that_is_killed_leaves_the_last_state(folder, monkeypatch):
    stretches.stretch("micro", 1, CONFIG, folder)
    state = (folder / "micro" / STATE).read_bytes()

    def killed(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretraining.Pretraining, "advance", killed)
    with pytest.raises(KeyboardInterrupt):
        stretches.stretch("micro", 2, CONFIG, folder)
    assert (folder / "micro" / STATE).read_bytes() == state
    assert [file.name for file in (folder / "micro").iterdir() if file.is_file()] == [STATE]


def test_missing_pictures_are_one_sentence(tmp_path):
    with pytest.raises(
        ValueError, match=r"shards/00\.safetensors are not drawn yet; `make pretrain MODEL=micro"
    ):
        stretches.stretch("micro", 2, CONFIG, tmp_path)


def test_a_state_of_another_model_is_refused(folder, monkeypatch, clip_folder):
    stretches.stretch("micro", 1, CONFIG, folder)
    other = replace(small.clip_model(clip_folder), architecture="test-other")
    path = clip_folder / "test-other.json"
    shutil.copy(clip_folder / "test-small.json", path)
    monkeypatch.setattr(models, "find", lambda name: replace(other, config=str(path)))
    with pytest.raises(ValueError, match="is the state of test-small, expected test-other; take"):
        stretches.stretch("micro", 1, CONFIG, folder)


def test_a_state_without_the_name_of_its_model_is_taken_up(folder):
    """Those of earlier versions have none."""
    stretches.stretch("micro", 1, CONFIG, folder)
    file = folder / "micro" / STATE
    tensors, about = artefacts.load(file, "pretraining state")
    kept = {key: about[key] for key in ("step", "seconds", "recipe")}
    artefacts.save(file, "pretraining state", tensors, **kept)
    assert "step 2 of 4" in stretches.stretch("micro", 1, CONFIG, folder)
