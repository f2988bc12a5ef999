"""The fine-tuning loop against a hand-written AdamW, schedule and clipping."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tangent_bench.finetuning.loop import Source, _ahead, _batches, augment, finetune, indices
from tangent_bench.finetuning.step import Recipe
from tangent_bench.seeds import derive
from tests import small

SIDE = 4
SEED = 7
RECIPE = Recipe(
    steps=5,
    batch_size=6,
    learning_rate=0.02,
    weight_decay=0.5,
    clip_norm=1e6,
    warmup_steps=2,
    crop_scale=0.9,
)


def source(name="stripes", num=20, classes=3, scale=4.0) -> Source:
    head = small.normal("head", name, shape=(classes, 5))
    labels = np.arange(num, dtype=np.int64) % classes
    return Source(
        name, small.pixels(num, SIDE, name), labels, scale * head / head.norm(dim=1, keepdim=True)
    )


def network():
    return small.Curved(3 * SIDE * SIDE)


def encoder(theta, images):
    hidden = torch.tanh(images.flatten(1) @ theta["first.weight"].T + theta["first.bias"])
    return torch.tanh(hidden @ theta["second.weight"].T + theta["second.bias"])


def start():
    return {k: v.clone() for k, v in network().named_parameters()}


def normalise(images):
    return images.double() * 2 - 1


def train(sources=None, recipe=RECIPE, seed=SEED, theta0=None, model=encoder):
    return finetune(
        model,
        start() if theta0 is None else theta0,
        sources or [source()],
        recipe,
        seed,
        normalise,
        SIDE,
    )


class ByHand:
    """AdamW (Loshchilov and Hutter 2019, Algorithm 2) with clipping of the gradient's norm."""

    def __init__(
        self, recipe: Recipe, sources: list[Source], towards_start: bool, clip: bool = True
    ) -> None:
        self.recipe = recipe
        self.sources = sources
        self.clip = clip
        self.theta = start()
        self.anchor = start() if towards_start else None
        self.m = {k: torch.zeros_like(v) for k, v in self.theta.items()}
        self.v = {k: torch.zeros_like(v) for k, v in self.theta.items()}

    def loss(self, theta, step, streams):
        total = 0.0
        for each, stream in zip(self.sources, streams, strict=True):
            chosen = next(stream)
            crop_seed = derive("crops", each.name, SEED, step) % 2**62
            images = normalise(
                augment(each.images[chosen], SIDE, self.recipe.crop_scale, crop_seed)
            )
            for e, label in zip(encoder(theta, images), each.labels[chosen], strict=True):
                logits = each.head @ e / e.norm()
                total = total - torch.log(logits.exp()[label] / logits.exp().sum()) / len(
                    chosen
                ) / len(self.sources)
        return total

    def run(self):
        streams = [
            indices(each, self.recipe.batch_size // len(self.sources), SEED)
            for each in self.sources
        ]
        losses = []
        for step in range(self.recipe.steps):
            leaves = {k: v.clone().requires_grad_(True) for k, v in self.theta.items()}
            loss = self.loss(leaves, step, streams)
            gradient = dict(
                zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True)
            )
            self.step(step + 1, self.recipe.rate(step), gradient)
            losses.append(float(loss.detach()))
        return self.theta, losses

    def step(self, t, rate, gradient):
        length = math.sqrt(sum(float((g * g).sum()) for g in gradient.values()))
        shrink = min(1.0, self.recipe.clip_norm / length) if self.clip else 1.0
        for k, g in gradient.items():
            g = g * shrink
            self.m[k] = 0.9 * self.m[k] + 0.1 * g
            self.v[k] = 0.999 * self.v[k] + 0.001 * g * g
            update = (self.m[k] / (1 - 0.9**t)) / ((self.v[k] / (1 - 0.999**t)).sqrt() + 1e-8)
            pull = self.theta[k] - (0.0 if self.anchor is None else self.anchor[k])
            self.theta[k] = self.theta[k] - rate * (update + self.recipe.weight_decay * pull)


def distance(a, b):
    return max(float((a[k] - b[k]).abs().max()) for k in a)


@pytest.mark.parametrize("towards", ["zero", "initialisation"])
@pytest.mark.parametrize("names", [("stripes",), ("stripes", "dots")])
def test_training_is_adamw_by_hand(towards, names):
    sources = [source(name, scale=3.0 + k) for k, name in enumerate(names)]
    recipe = replace(RECIPE, decay_towards=towards)
    theta, losses = train(sources, recipe)
    expected, expected_losses = ByHand(recipe, sources, towards == "initialisation").run()
    assert distance(theta, expected) < 1e-6
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-6)
    other, _ = ByHand(recipe, sources, towards != "initialisation").run()
    assert distance(theta, other) > 1e-3, "both targets of the decay look alike here"


def test_gradient_is_clipped_by_its_norm_over_all_parameters():
    # Adam forgets a constant factor; one that changes from step to step it does not.
    recipe = replace(RECIPE, clip_norm=0.05, steps=6)
    theta, _ = train(recipe=recipe)
    expected, _ = ByHand(recipe, [source()], False).run()
    unclipped, _ = ByHand(recipe, [source()], False, clip=False).run()
    assert distance(theta, expected) < 1e-5
    assert distance(expected, unclipped) > 1e-4


def test_decay_pulls_where_it_says():
    recipe = replace(RECIPE, steps=30, warmup_steps=0, learning_rate=0.1, weight_decay=1.0)

    def still(theta, images):  # a loss that no parameter changes
        return torch.ones(len(images), 5, dtype=torch.float64) + 0.0 * sum(
            v.sum() for v in theta.values()
        )

    theta0 = start()
    shrunk, _ = train(recipe=recipe, model=still)
    factor = math.prod(1 - recipe.rate(s) for s in range(30))
    for key in theta0:
        torch.testing.assert_close(shrunk[key], theta0[key] * factor, rtol=1e-6, atol=1e-9)
    kept, _ = train(recipe=replace(recipe, decay_towards="initialisation"), model=still)
    assert distance(kept, theta0) < 1e-12


def test_rate_by_hand():
    recipe = replace(RECIPE, steps=10, warmup_steps=4, learning_rate=2.0)
    rising = [0.5, 1.0, 1.5, 2.0]
    falling = [2.0, 1 + math.sqrt(3) / 2, 1.5, 1.0, 0.5, 1 - math.sqrt(3) / 2]
    assert [recipe.rate(s) for s in range(10)] == pytest.approx(rising + falling, rel=1e-12)
    assert recipe.rate(10) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("steps", "warmup"), [(5, 0), (5, 5), (5, 9), (1, 0), (1, 1)])
def test_rate_at_the_edges(steps, warmup):
    recipe = replace(RECIPE, steps=steps, warmup_steps=warmup, learning_rate=1.0)
    rates = [recipe.rate(s) for s in range(steps)]
    assert all(0 < r <= 1 for r in rates)
    assert rates[0] == (1.0 if warmup <= 1 else 1 / warmup)


def test_same_seed_same_bits_and_other_seed_other_weights():
    theta, losses = train()
    again, same_losses = train()
    assert all(torch.equal(theta[k], again[k]) for k in theta) and losses == same_losses
    other, _ = train(seed=SEED + 1)
    assert distance(theta, other) > 1e-3


def test_global_random_state_is_neither_read_nor_changed():
    theta0 = start()
    found = []
    for state in (1, 2):
        torch.manual_seed(state)
        before = torch.random.get_rng_state()
        found.append(train(theta0=theta0)[0])
        assert torch.equal(torch.random.get_rng_state(), before)
    assert distance(*found) == 0.0


def test_training_learns_and_leaves_its_start_alone():
    theta0 = start()
    recipe = replace(RECIPE, steps=60, weight_decay=0.0)
    theta, losses = train(theta0=theta0, recipe=recipe)
    assert len(losses) == 60 and np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert distance(theta0, start()) == 0.0 and not any(
        v.requires_grad for v in (*theta.values(), *theta0.values())
    )


def test_joint_loss_is_the_mean_over_tasks():
    one = source("stripes", classes=3)
    two = source("dots", classes=4)
    first = replace(RECIPE, steps=1)
    alone = [train([s], replace(first, batch_size=3))[1][0] for s in (one, two)]
    assert train([one, two], first)[1][0] == pytest.approx(np.mean(alone), rel=1e-6)


def test_loss_that_is_no_number_is_one_sentence():
    def broken(theta, images):
        return encoder(theta, images) * torch.nan

    with pytest.raises(
        ValueError,
        match=r"The loss of stripes is nan at step 0; lower training\.learning_rate.*0\.02",
    ):
        train(model=broken)


def test_empty_split_is_one_sentence():
    with pytest.raises(ValueError, match="Task 'stripes' has no training images; check its folder"):
        train([source(num=0)])


def test_batch_smaller_than_the_number_of_tasks_is_refused():
    with pytest.raises(ValueError, match=r"batch_size is 1, but 2 tasks"):
        train([source(), source("dots")], replace(RECIPE, batch_size=1))


def test_unknown_target_of_decay_is_refused():
    with pytest.raises(
        ValueError, match="decay_towards is 'nowhere', expected one of zero, initialisation"
    ):
        train(recipe=replace(RECIPE, decay_towards="nowhere"))


@pytest.mark.parametrize(("num", "size"), [(10, 4), (10, 10), (7, 3), (3, 8)])
def test_no_image_repeats_within_a_pass(num, size):
    stream = indices(source(num=num), size, SEED)
    batches = [next(stream) for _ in range(3 * num)]
    assert all(len(b) == size for b in batches)
    drawn = np.concatenate(batches)
    passes = drawn[: len(drawn) // num * num].reshape(-1, num)
    assert (np.sort(passes, axis=1) == np.arange(num)).all()
    assert len({tuple(p) for p in passes}) > 1, "every pass has an order of its own"


def test_order_depends_on_task_and_seed_only():
    def first(name, seed):
        return next(indices(source(name, num=50), 20, seed)).tolist()

    assert first("stripes", 0) == first("stripes", 0)
    assert len({tuple(first(n, s)) for n in ("stripes", "dots") for s in (0, 1)}) == 4


@pytest.mark.parametrize("num_threads", [1, 3, 9])
def test_what_is_made_ahead_comes_in_order(num_threads):
    begun = []

    def make(number):
        begun.append(number)
        return number

    for expected, number in enumerate(_ahead((partial(make, k) for k in range(6)), num_threads)):
        assert number == expected and max(begun) <= number + num_threads, (
            "no more of them than there are threads"
        )
    assert number == 5 and sorted(begun) == list(range(6))


def test_what_fails_ahead_fails_where_it_is_used():
    def fail():
        raise ValueError("no image")

    ahead = _ahead(iter([lambda: 1, fail]), 1)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="no image"):
        next(ahead)


def test_crops_of_two_threads_at_once_are_those_of_one():
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    alone = [augment(images, 12, 0.5, seed) for seed in range(60)]
    state = torch.random.get_rng_state()
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda seed: augment(images, 12, 0.5, seed), range(60)))
    assert all(a.equal(b) for a, b in zip(alone, together, strict=True))
    assert torch.random.get_rng_state().equal(state)


def test_training_is_the_same_with_batches_made_ahead(monkeypatch):
    found = train()
    monkeypatch.setattr(
        "tangent_bench.finetuning.loop._batches",
        lambda *a: (lambda parts=parts: parts for parts in _ahead(_batches(*a), 3)),
    )
    again = train()
    assert found[1] == again[1] and all(found[0][key].equal(again[0][key]) for key in found[0])
