"""The shipped models are what their cards say: digest, recipe, losses, zero-shot accuracy."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from tangent_bench import models, registry
from tangent_bench.finetuning import shipping, stretches
from tangent_bench.finetuning.pretraining import PretrainingRecipe
from tangent_bench.store import artefacts

ROOT = Path(__file__).parents[1]
RECIPE = PretrainingRecipe.from_config(
    yaml.safe_load((ROOT / "config/default.yaml").read_text(encoding="utf-8"))["pretraining"]
)
SHIPPED = sorted(file.parent.name for file in models.ASSETS.glob("*/losses.csv"))
# Between processors an embedding differs in the last bits, which moves the arg-max of a few images
# of 500 at most.
TOLERANCE = 0.01
TASKS = ("mnist", "icons", "terrain")


def asset(name: str, file: str) -> Path:
    return models.ASSETS / name / file


def table(name: str, file: str) -> list[dict]:
    with asset(name, file).open(encoding="utf-8") as text:
        return list(csv.DictReader(text))


@pytest.mark.parametrize("name", SHIPPED)
def test_plugin_takes_the_shipped_weights(name):
    found = models.find(name)
    assert found.sealed and found.weights == str(asset(name, f"tangent-{name}.safetensors"))


@pytest.mark.parametrize("name", SHIPPED)
def test_card_names_the_digest_of_the_weights(name):
    _, about = artefacts.load(asset(name, f"tangent-{name}.safetensors"), "pretraining weights")
    assert f"`{about['sha256']}`" in asset(name, "CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SHIPPED)
def test_card_quotes_the_recipe_of_the_default_config(name):
    card = asset(name, "CARD.md").read_text(encoding="utf-8")
    for key, value in asdict(RECIPE).items():
        assert f"| {key} | {value} |" in card
    assert len(table(name, "losses.csv")) == RECIPE.steps


def test_all_models_together_fit_in_forty_megabytes():
    files = [file for file in models.ASSETS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= shipping.MAX_BYTES == 40_000_000


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", SHIPPED)
def test_zero_shot_accuracy_is_the_stated_one(name, task):
    stated = {row["task"]: float(row["accuracy"]) for row in table(name, "zero_shot.csv")}
    found = shipping.accuracies(models.find(name), [task])[task]
    assert abs(found - stated[task]) <= TOLERANCE
    assert stated[task] > 1.0 / len(registry.load("tasks", task).TASK.class_names)


@pytest.mark.parametrize("name", SHIPPED)
def test_losses_fall(name):
    losses = np.array([float(row["loss"]) for row in table(name, "losses.csv")])
    assert losses[-100:].mean() < 0.3 * losses[:20].mean()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_flipped_bit_of_the_weights_is_refused(name, tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    content = bytearray(asset(name, f"tangent-{name}.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(ValueError, match="not those that were shipped"):
        models.create(replace(models.find(name), weights=str(damaged)))


# Shipping another one


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """What a pre-training of `tiny` leaves that learned nothing in 800 steps."""
    folder = tmp_path_factory.mktemp("pretraining") / "tiny"
    network = models.create(models.find("tiny"), "random", 7)
    weights = {}
    for name, value in network.state_dict().items():
        if name != "attn_mask":
            weights[name] = value.numpy()
    artefacts.save(folder / "tangent-tiny.safetensors", stretches.KIND, weights, step=800)
    for step in (9, 27, 90, 270):
        file = folder / f"snapshots/step-{step:05d}.safetensors"
        artefacts.save(file, stretches.KIND, weights, step=step)
    lines = ["step,loss", *(f"{step},{5.5 - step / 160:.6f}" for step in range(800))]
    artefacts.write_text(folder / "losses.csv", "\n".join(lines) + "\n")
    recipe = asdict(RECIPE) | {"steps": 800, "models": ["tiny"]}
    record = {
        "params": {"recipe": recipe},
        "training_seconds": 5400.0,
        "processor": "a processor",
        "system": "Linux",
        "gpu": None,
    }
    artefacts.write_text(folder / "logs/pretrain_model.json", json.dumps(record))
    return folder


def test_a_finished_pretraining_is_shipped(finished, tmp_path):
    shipping.main(finished, tmp_path, tasks=["digits"])
    whole, _ = artefacts.load(finished / "tangent-tiny.safetensors", stretches.KIND)
    half, about = artefacts.load(tmp_path / "tiny/tangent-tiny.safetensors", stretches.KIND)
    assert half.keys() == whole.keys() and about["step"] == 800
    for name, value in half.items():
        assert value.dtype == np.float16
        np.testing.assert_array_equal(value, whole[name].astype(np.float16))
    towers = sorted((tmp_path / "tiny/along").glob("*"))
    assert [file.stem for file in towers] == ["step-1", "step-11", "step-3", "step-34"]
    tower, about = artefacts.load(towers[0], stretches.KIND)
    assert about["step"] == 9 and {f"visual.{name}" for name in tower} < half.keys()
    card = (tmp_path / "tiny/CARD.md").read_text(encoding="utf-8")
    for said in (
        "width 128, 4 layers, 0.85 M parameters",
        "| glyphs | 12 | Digits and letters of Computer Modern and STIX, which no task uses. |",
        "| steps | 800 |",
        "first 20 steps 5.441, of the last 100 0.816",
        "1.5 hours on one thread of a processor, Linux",
        artefacts.digest(half),
    ):
        assert said in card, card
    assert (tmp_path / "tiny/losses.csv").read_bytes() == (finished / "losses.csv").read_bytes()


def test_accuracies_are_those_of_the_rounded_weights(finished, tmp_path):
    """They load as float32 numbers that half precision can hold."""
    shipping.main(finished, tmp_path, tasks=["digits"])
    made = replace(
        models.find("tiny"), weights=str(tmp_path / "tiny/tangent-tiny.safetensors"), sealed=True
    )
    network = models.create(made)
    for value in network.parameters():
        assert value.dtype.itemsize == 4 and value.equal(value.half().float())
    expected = shipping.accuracies(made, ["digits"])["digits"]
    text = (tmp_path / "tiny/zero_shot.csv").read_text(encoding="utf-8")
    assert text == f"task,split,accuracy\ndigits,val,{expected:.6f}\n"


def test_weights_beyond_half_precision_are_one_sentence():
    good = {"a": np.array([1e-9, 65504.0], np.float32)}
    assert shipping.halved(good, "Mine")["a"].tolist() == [0.0, 65504.0]
    for bad in (7e4, np.nan):
        with pytest.raises(ValueError, match="Mine: b has weights beyond the range"):
            shipping.halved(good | {"b": np.array([bad], np.float32)}, "Mine")
