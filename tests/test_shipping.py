"""The shipped model is what its card says: digest, losses, zero-shot accuracy."""

import csv

import numpy as np
import pytest

from tangent_bench import models, registry
from tangent_bench.finetuning import shipping
from tangent_bench.store import artefacts

# Between processors an embedding differs in the last bits, which moves the arg-max of a few images
# of 500 at most.
TOLERANCE = 0.01
TASKS = ("mnist", "icons", "terrain")


def shipped(name: str) -> list[dict]:
    with open(shipping.ASSETS / name, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_card_names_the_digest_of_the_weights():
    _, about = artefacts.load(shipping.ASSETS / "tangent-tiny.safetensors", "pretraining weights")
    assert f"`{about['sha256']}`" in (shipping.ASSETS / "CARD.md").read_text(encoding="utf-8")


def test_card_quotes_the_recipe_of_the_default_config():
    import yaml

    recipe = yaml.safe_load((models.ASSETS.parents[2] / "config/default.yaml").read_text())[
        "pretraining"
    ]
    card = (shipping.ASSETS / "CARD.md").read_text(encoding="utf-8")
    for key, value in recipe.items():
        assert key == "snapshots" or f"| {key} | {value} |" in card
    assert len(shipped("losses.csv")) == recipe["steps"]


def test_both_towers_fit_in_eight_megabytes():
    assert (shipping.ASSETS / "tangent-tiny.safetensors").stat().st_size <= 8e6


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_zero_shot_accuracy_is_the_stated_one(task):
    stated = {row["task"]: float(row["accuracy"]) for row in shipped("zero_shot.csv")}
    model = models.find("tiny")
    images = registry.load("tasks", task).load("val")
    found = shipping.zero_shot(models.create(model), models.tokenizer(model), task, images)
    assert abs(found - stated[task]) <= TOLERANCE
    assert stated[task] > 1.0 / len(registry.load("tasks", task).TASK.class_names)


def test_losses_fall():
    losses = np.array([float(row["loss"]) for row in shipped("losses.csv")])
    assert losses[-100:].mean() < 0.3 * losses[:20].mean()


def test_a_flipped_bit_of_the_weights_is_refused(tmp_path):
    from dataclasses import replace

    damaged = tmp_path / "tangent-tiny.safetensors"
    content = bytearray((shipping.ASSETS / "tangent-tiny.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(ValueError, match="not those that were shipped"):
        models.create(replace(models.find("tiny"), weights=str(damaged)))
