"""Pre-training against formulas by hand, resumed bit for bit; shipped weights are this recipe's."""

from __future__ import annotations

import csv
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tangent_bench import models
from tangent_bench.finetuning import distillation, pretraining
from tangent_bench.finetuning.pretraining import (
    VARIANTS,
    Pretraining,
    PretrainingRecipe,
    contrastive_loss,
    order,
)
from tangent_bench.store import artefacts
from tests import small

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config" / "default.yaml").read_text(encoding="utf-8"))[
    "pretraining"
]
LOSSES = models.ASSETS / "tiny" / "losses.csv"
MICRO = PretrainingRecipe(
    seed=5,
    num_images=20,
    steps=4,
    batch_size=6,
    learning_rate=1e-3,
    weight_decay=0.1,
    warmup_steps=2,
    cooldown_steps=1,
    shift=2,
    families={"glyphs": 1, "fields": 2},
    precision="float32",
)
WIDTH = 16  # of the small model's text tower


@cache
def micro_pictures():
    images = small.pixels(MICRO.num_images, 32, "pretraining")
    texts = np.random.default_rng(0).normal(size=(MICRO.num_images, VARIANTS, WIDTH))
    return images, texts.astype(np.float16)


def fetch(indices):
    return tuple(part[indices] for part in micro_pictures())


@pytest.fixture
def text_tower(monkeypatch, clip_folder, tmp_path):
    """A random one for the small model."""
    small.text_tower(clip_folder, tmp_path / "text.safetensors")
    monkeypatch.setattr(distillation, "FILE", tmp_path / "text.safetensors")


@pytest.fixture
def trainer(clip_folder, text_tower):
    return lambda recipe=MICRO: Pretraining(recipe, small.clip_model(clip_folder), fetch)


def test_rate_by_hand():
    recipe = replace(MICRO, steps=10, warmup_steps=4, cooldown_steps=3, learning_rate=12.0)
    assert [recipe.rate(s) for s in range(10)] == pytest.approx([3, 6, 9, 12, 12, 12, 12, 12, 8, 4])
    short = replace(recipe, steps=4, cooldown_steps=4)
    assert [short.rate(s) for s in range(4)] == pytest.approx([3, 6, 6, 3]), (
        "the smaller of rise and fall"
    )
    assert [replace(recipe, warmup_steps=0, cooldown_steps=0).rate(s) for s in range(10)] == [
        12.0
    ] * 10


def test_recipe_is_the_part_of_the_config_that_weights_depend_on():
    recipe = PretrainingRecipe.from_config(CONFIG)
    assert asdict(recipe) == {
        k: v for k, v in CONFIG.items() if k not in ("models", "num_shards", "snapshots")
    }


@pytest.mark.parametrize(("num", "size"), [(20, 5), (20, 6)])
def test_order_is_a_permutation_for_each_pass(num, size):
    recipe = replace(MICRO, num_images=num, batch_size=size)
    per_pass = num // size
    passes = [
        np.concatenate([order(recipe, p * per_pass + k) for k in range(per_pass)]) for p in range(3)
    ]
    for drawn in passes:
        assert len(drawn) == per_pass * size == len(set(drawn.tolist())) and set(
            drawn.tolist()
        ) <= set(range(num))
    assert len({tuple(p) for p in passes}) == 3
    assert not np.array_equal(order(recipe, 0), order(replace(recipe, seed=6), 0))


def test_contrastive_loss_is_the_formula():
    images = small.normal("images", shape=(4, 3)).numpy()
    texts = small.normal("texts", shape=(4, 3)).numpy()
    scale = 7.0
    total = 0.0
    s = np.array(
        [[scale * sum(a * b for a, b in zip(i, t, strict=True)) for t in texts] for i in images]
    )
    for k in range(4):
        total -= np.log(np.exp(s[k, k]) / np.exp(s[k, :]).sum()) / 8  # image k among all texts
        total -= np.log(np.exp(s[k, k]) / np.exp(s[:, k]).sum()) / 8  # text k among all images
    found = contrastive_loss(torch.from_numpy(images), torch.from_numpy(texts), torch.tensor(scale))
    assert float(found) == pytest.approx(total, rel=1e-12)


def test_batch_moves_pictures_by_at_most_the_shift_and_picks_one_caption():
    zero = torch.zeros(3, 1, 1)
    one = torch.ones(3, 1, 1)
    images, texts = pretraining._batch(MICRO, 1, fetch, zero, one)
    originals, captions = fetch(order(MICRO, 1))
    assert images.shape == (6, 3, 32, 32) and images.dtype == torch.float32
    moves = set()
    for moved, original in zip(images.numpy(), originals, strict=True):
        padded = np.pad(original, ((2, 2), (2, 2), (0, 0)), mode="edge") / np.float32(255)
        windows = {(y, x): padded[y : y + 32, x : x + 32] for y in range(5) for x in range(5)}
        moves |= {
            at
            for at, w in windows.items()
            if np.array_equal(moved.transpose(1, 2, 0), w.astype(np.float32))
        }
    assert len(moves) > 2
    chosen = [
        [np.array_equal(row, caption) for caption in three].index(True)
        for row, three in zip(texts, captions)
    ]
    assert len(set(chosen)) > 1, "one of the variants of its own picture, and not always the same"
    normalised, _ = pretraining._batch(MICRO, 1, fetch, zero + 0.5, one * 0.25)
    torch.testing.assert_close(normalised, (images - 0.5) / 0.25)


def some_tokens():
    """Captions of 3 to 20 tokens, each of them twice."""
    tokens = torch.zeros(12, 24, dtype=torch.int64)
    rng = np.random.default_rng(1)
    for row, length in enumerate((3, 5, 5, 8, 13, 20)):
        words = torch.from_numpy(rng.integers(1, 2500, length))
        for twin in (row, 11 - row):
            tokens[twin, :length] = words
            tokens[twin, length - 1] = 2513  # end of text
    return tokens


def test_captions_are_read_as_open_clip_does(trainer):
    network = trainer().network
    texts = torch.from_numpy(pretraining.read(network, some_tokens(), "float32", 4)).float()
    assert texts.equal(texts.flip(0))
    with torch.no_grad():
        expected = network.encode_text(some_tokens())
        assert len(expected.round(decimals=4).unique(dim=0)) == 6
        torch.testing.assert_close(texts @ network.text_projection, expected, atol=3e-3, rtol=0)


def test_first_loss_is_that_of_the_open_clip_model(trainer):
    made = trainer()
    tokens = some_tokens()[:6]
    texts = pretraining.read(made.network, tokens, "float32")
    made.fetch = lambda rows: (fetch(rows)[0], np.stack([texts] * VARIANTS, axis=1))
    images, _ = pretraining._batch(MICRO, 0, fetch, made.mean, made.std)
    with torch.no_grad():
        image = made.network.encode_image(images)
        text = made.network.encode_text(tokens)
    image, text = (e / e.norm(dim=1, keepdim=True) for e in (image, text))
    expected = contrastive_loss(image, text, made.network.logit_scale.detach().exp())
    assert made.advance() == pytest.approx(float(expected), rel=1e-3)  # texts have 11 bits


def test_the_text_tower_is_frozen_but_for_its_projection(trainer):
    made = trainer()
    before = made.weights()
    made.advance()
    after = made.weights()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert {name for name in moved if not name.startswith("visual.")} == {
        "text_projection",
        "logit_scale",
    }
    assert {name for name in before if name.startswith("visual.")} < moved
    text = {name: value for name, value in before.items() if not name.startswith("visual.")}
    stored, _ = artefacts.load(distillation.FILE, distillation.KIND)
    assert all(np.array_equal(text[name], value) for name, value in stored.items())


def test_bfloat16_learns_as_float32_does(trainer):
    losses = []
    for precision in ("float32", "bfloat16"):
        made = trainer(replace(MICRO, precision=precision))
        losses.append([made.advance() for _ in range(4)])
        assert all(value.dtype == np.float32 for value in made.weights().values())
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.02)


def test_decay_acts_on_matrices_only(trainer):
    groups = trainer().optimizer.param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim >= 2 for p in groups[0]["params"]) and all(
        p.ndim < 2 for p in groups[1]["params"]
    )
    towers = trainer().network
    assert sum(len(g["params"]) for g in groups) == len(list(towers.visual.parameters())) + 2


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_resumed_training_is_the_same_to_the_last_bit(trainer, tmp_path):
    whole = trainer()
    first = trainer()
    second = trainer()
    for _ in range(4):
        whole.advance()
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "state")
    second.resume(tmp_path / "state")
    assert (
        second.step == 2
        and second.losses == first.losses
        and same(second.weights(), first.weights())
    )
    for _ in range(2):
        second.advance()
    assert second.losses == whole.losses and same(second.weights(), whole.weights())
    for a, b in zip(second.trained, whole.trained, strict=True):
        ours = second.optimizer.state[a]
        theirs = whole.optimizer.state[b]
        assert all(torch.equal(ours[k], theirs[k]) for k in ("exp_avg", "exp_avg_sq", "step"))


def test_run_goes_on_where_it_was_stopped(trainer, tmp_path):
    taken = {}
    pretraining.run(
        trainer(), tmp_path / "whole", lambda step, w: taken.update({step: w}), {0, 2, 4}
    )
    assert sorted(taken) == [0, 2, 4] and not same(taken[0], taken[4])
    stopped = trainer()
    with pytest.raises(KeyboardInterrupt):
        pretraining.run(stopped, tmp_path / "state", interrupt, {3}, save_every=2)
    resumed = trainer()
    pretraining.run(resumed, tmp_path / "state", lambda step, w: None, set())
    assert resumed.step == 4 and same(resumed.weights(), taken[4])
    finished = trainer()
    pretraining.run(finished, tmp_path / "state", lambda step, w: None, set())
    assert finished.step == 4 and same(finished.weights(), taken[4])


def interrupt(step, weights):
    raise KeyboardInterrupt


def test_state_of_another_recipe_or_a_damaged_one_is_refused(trainer, tmp_path):
    trainer().save(tmp_path / "state")
    with pytest.raises(
        ValueError,
        match="state belongs to another recipe than the config's `pretraining`; delete it",
    ):
        trainer(replace(MICRO, learning_rate=2e-3)).resume(tmp_path / "state")
    content = bytearray((tmp_path / "state").read_bytes())
    content[-5] ^= 4
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(artefacts.DamagedFile, match="state is damaged"):
        trainer().resume(tmp_path / "state")


def test_seed_of_the_recipe_is_a_seed(trainer):
    made = [trainer(replace(MICRO, seed=s)) for s in (5, 5, 6)]
    losses = [[t.advance() for _ in range(2)] for t in made]
    assert losses[0] == losses[1] != losses[2]


def test_divergence_is_one_sentence(trainer):
    made = trainer()
    with torch.no_grad():
        made.network.visual.proj.fill_(torch.nan)
    with pytest.raises(
        ValueError, match=r"diverged at step 0 \(loss nan\); lower pretraining\.learning_rate"
    ):
        made.advance()


def test_shards_are_cut_from_one_corpus(clip_folder, text_tower):
    model = small.clip_model(clip_folder)
    whole = pretraining.draw_shard(asdict(MICRO), model, np.arange(10, 16))
    part = pretraining.draw_shard(asdict(MICRO), model, np.array([14, 11]))
    assert whole["images"].shape == (6, 32, 32, 3)
    assert whole["texts"].shape == (6, VARIANTS, WIDTH) and whole["texts"].dtype == np.float16
    assert np.array_equal(part["images"], whole["images"][[4, 1]])
    np.testing.assert_allclose(part["texts"], whole["texts"][[4, 1]], atol=3e-3)


def test_shuffled_captions_all_belong_to_other_pictures(tmp_path):
    images, texts = micro_pictures()
    paths = [tmp_path / f"{k}.safetensors" for k in range(2)]
    for path, part in zip(paths, (slice(0, 12), slice(12, 20)), strict=True):
        artefacts.save(path, "corpus shard", {"images": images[part], "texts": texts[part]})
    every = np.arange(MICRO.num_images)
    matched, shuffled = (
        pretraining.open_corpus(paths, MICRO, shuffled=s)(every) for s in (False, True)
    )
    assert all(np.array_equal(a, b) for a, b in zip(matched, (images, texts), strict=True))
    assert np.array_equal(shuffled[0], images), "the pictures keep their places"
    partner = [
        int(np.flatnonzero((texts == caption).all(axis=(1, 2)))[0]) for caption in shuffled[1]
    ]
    assert sorted(partner) == every.tolist() and all(k != p for k, p in enumerate(partner))
    with pytest.raises(ValueError, match="The shards hold 20 pictures, the recipe asks for 21"):
        pretraining.open_corpus(paths, replace(MICRO, num_images=21))


def test_a_tower_is_the_trunk_and_then_a_cool_down(trainer, tmp_path):
    entry = asdict(MICRO) | {"trunk_steps": 4, "cooldown_steps": 2}
    recipe = pretraining.trunk(entry)
    assert [recipe.rate(s) for s in range(4)] == [5e-4, 1e-3, 1e-3, 1e-3], (
        "constant after the warm-up"
    )
    stretch = trainer(recipe)
    whole = trainer(replace(recipe, steps=4, cooldown_steps=2))
    pretraining.advance(stretch, 2)
    stretch.save(tmp_path / "state")
    tower = trainer(recipe)
    tower.resume(tmp_path / "state")
    tower.cool_down(2)
    assert [tower.recipe.rate(s) for s in (2, 3)] == [1e-3, 5e-4] and tower.recipe.steps == 4
    for one in (tower, whole):
        pretraining.advance(one, 4)
    assert tower.losses == whole.losses and same(tower.weights(), whole.weights()), (
        "as if trained in one go"
    )


@cache
def first_pictures():
    """Of the recipe's first twenty steps, and the place of each."""
    recipe = PretrainingRecipe.from_config(CONFIG)
    needed = np.concatenate([order(recipe, step) for step in range(20)])
    place = {int(index): k for k, index in enumerate(needed)}
    return pretraining.draw_shard(CONFIG, models.find("tiny"), needed), place


def fetch_first(indices):
    shard, place = first_pictures()
    chosen = [place[int(index)] for index in indices]
    return shard["images"][chosen], shard["texts"][chosen]


@pytest.mark.full
@pytest.mark.parametrize("name", ["small", "base"])
def test_larger_models_learn_by_the_recipe(name):
    trainer = Pretraining(PretrainingRecipe.from_config(CONFIG), models.find(name), fetch_first)
    losses = [trainer.advance() for _ in range(20)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05, losses


@pytest.mark.full
def test_shipped_weights_are_the_recipes():
    """The first 20 losses of the run that made the weights, computed again from the config.

    Processors round passes in bfloat16 differently.
    """
    with LOSSES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == CONFIG["steps"] and [int(row["step"]) for row in rows[:20]] == list(
        range(20)
    )
    trainer = Pretraining(PretrainingRecipe.from_config(CONFIG), models.find("tiny"), fetch_first)
    found = [trainer.advance() for _ in range(20)]
    np.testing.assert_allclose(found, [float(row["loss"]) for row in rows[:20]], rtol=0, atol=0.01)
