"""Contrastive pre-training of the tiny CLIP on the generated corpus; resumable, and the same bits on the same machine.

Loss (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021, §2.3): the mean of
the cross entropies of images against captions and of captions against images, on s · cos(image, caption).

Schedule: warm-up, a constant trunk, a linear cool-down to zero, so that towers along the trunk can be compared later.
Shapes: N pictures, V caption variants, L tokens, B batch, H, W, C image axes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from tangent_bench import corpus
from tangent_bench.corpus._captions import paraphrase
from tangent_bench.models import Model, create, tokenizer
from tangent_bench.seeds import derive, generator
from tangent_bench.store import artefacts
from tangent_bench.tangent import products, vision

VARIANTS = 3
LOG_EVERY = 50
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """All that the weights depend on, beside the code of corpus and model.

    Attributes:
        seed: of corpus, initialisation and order.
        num_images: size of the corpus.
        steps, batch_size: optimiser steps, pictures in each.
        learning_rate, weight_decay: AdamW with betas (0.9, 0.98); decay on matrices only.
        warmup_steps, cooldown_steps: of `steps`.
        shift: augmentation, pixels by which a picture is moved at most.
    """

    seed: int
    num_images: int
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    cooldown_steps: int
    shift: int

    @classmethod
    def from_config(cls, entry: dict) -> Recipe:
        """The recipe in the config's `pretraining` (which also says how it is cut into files)."""
        return cls(**{field.name: entry[field.name] for field in fields(cls)})

    def rate(self, step: int) -> float:
        """Learning rate of step `step` (from 0)."""
        rise = min(1.0, (step + 1) / max(1, self.warmup_steps))
        fall = min(1.0, (self.steps - step) / max(1, self.cooldown_steps))
        return self.learning_rate * min(rise, fall)


def trunk(entry: dict) -> Recipe:
    """The recipe of the config's `rebuilding` before any cool-down: `trunk_steps` at constant rate."""
    return Recipe.from_config(entry | {"steps": entry["trunk_steps"], "cooldown_steps": 0})


def draw_shard(seed: int, model: Model, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures of a seed's corpus: images_NHWC uint8 and tokens_NVL uint16 (three paraphrases of each phrase)."""
    pictures = [corpus.sample(seed, int(i)) for i in indices]
    rngs = [generator("captions", seed, int(i)) for i in indices]
    captions = [
        paraphrase(rng, p.phrase)
        for rng, p in zip(rngs, pictures, strict=True)
        for _ in range(VARIANTS)
    ]
    tokens = tokenizer(model)(captions).numpy().astype(np.uint16)
    return {
        "images": np.stack([p.image for p in pictures]),
        "tokens": tokens.reshape(len(indices), VARIANTS, -1),
    }


def order(recipe: Recipe, step: int) -> np.ndarray:
    """Indices of the pictures of a step: a fresh permutation for each pass over the corpus."""
    per_pass = recipe.num_images // recipe.batch_size
    number, place = divmod(step, per_pass)
    permutation = generator("order", recipe.seed, number).permutation(recipe.num_images)
    return permutation[place * recipe.batch_size : (place + 1) * recipe.batch_size]


def _batch(
    recipe: Recipe, step: int, fetch: Callable, mean, std
) -> tuple[torch.Tensor, torch.Tensor]:
    images_BHWC, tokens_BVL = fetch(order(recipe, step))
    rng = generator("augment", recipe.seed, step)
    padded = np.pad(
        images_BHWC, ((0, 0), (recipe.shift,) * 2, (recipe.shift,) * 2, (0, 0)), mode="edge"
    )
    offsets = rng.integers(0, 2 * recipe.shift + 1, size=(len(images_BHWC), 2))
    side = images_BHWC.shape[1]
    moved = np.stack(
        [p[y : y + side, x : x + side] for p, (y, x) in zip(padded, offsets, strict=True)]
    )
    variant = rng.integers(0, VARIANTS, size=len(images_BHWC))
    tokens_BL = tokens_BVL[np.arange(len(variant)), variant].astype(np.int64)
    images_BCHW = (torch.from_numpy(moved).permute(0, 3, 1, 2).float() / 255.0 - mean) / std
    return images_BCHW.contiguous(), torch.from_numpy(tokens_BL)


def contrastive_loss(
    images_BD: torch.Tensor, texts_BD: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Symmetric cross entropy of normalised embeddings; pair k is image k with text k."""
    logits_BB = scale * images_BD @ texts_BD.T
    target = torch.arange(len(images_BD))
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(logits_BB, target) + cross_entropy(logits_BB.T, target)) / 2


def _optimizer(network, recipe: Recipe) -> torch.optim.Optimizer:
    matrices = [p for p in network.parameters() if p.ndim >= 2]
    others = [p for p in network.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True
    )


class Trainer:
    """The state of a pre-training: network, optimiser, step and losses so far."""

    def __init__(
        self,
        recipe: Recipe,
        model: Model,
        fetch: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    ) -> None:
        self.recipe, self.fetch, self.step, self.losses, self.seconds = recipe, fetch, 0, [], 0.0
        self.network = create(
            model, init="random", seed=derive("pretraining init", recipe.seed) % 2**31
        )
        self.network.requires_grad_(True).train()
        self.optimizer = _optimizer(self.network, recipe)
        visual = self.network.visual
        self.mean = torch.tensor(visual.image_mean).view(3, 1, 1)
        self.std = torch.tensor(visual.image_std).view(3, 1, 1)

    def advance(self) -> float:
        """One optimiser step; returns the loss before it."""
        started = time.monotonic()
        images_BCHW, tokens_BL = _batch(self.recipe, self.step, self.fetch, self.mean, self.std)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        with products.fast():
            loss = self._loss(images_BCHW, tokens_BL)
            loss.backward()
        if not torch.isfinite(loss):
            raise ValueError(
                f"Pre-training diverged at step {self.step} (loss {loss.item()}); lower pretraining.learning_rate."
            )
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.network.logit_scale.clamp_(0.0, np.log(100.0))
        self.step += 1
        self.seconds += time.monotonic() - started
        self.losses.append(loss.item())
        return loss.item()

    def _loss(self, images_BCHW: torch.Tensor, tokens_BL: torch.Tensor) -> torch.Tensor:
        network, visual = self.network, self.network.visual
        embedded_BD = vision.encode(visual, dict(visual.named_parameters()), images_BCHW)
        texts_BD = network.encode_text(tokens_BL, normalize=True)
        return contrastive_loss(normalize(embedded_BD, dim=-1), texts_BD, network.logit_scale.exp())

    def cool_down(self, steps: int) -> None:
        """Make the steps from here on a cool-down: the learning rate falls linearly to zero in that many."""
        self.recipe = replace(self.recipe, steps=self.step + steps, cooldown_steps=steps)

    def weights(self) -> dict[str, np.ndarray]:
        """All parameters of both towers, float32."""
        return {
            k: v.detach().numpy().copy()
            for k, v in self.network.state_dict().items()
            if v.dtype == torch.float32
        }

    def save(self, path: Path) -> None:
        """Everything needed to go on, bit for bit."""
        tensors = {f"weight/{k}": v for k, v in self.weights().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{i}/{k}": np.asarray(v) for k, v in state.items()}
        tensors["losses"] = np.array(self.losses)
        artefacts.save(
            path,
            "pretraining state",
            tensors,
            step=self.step,
            seconds=self.seconds,
            recipe=asdict(self.recipe),
        )

    def resume(self, path: Path) -> None:
        """Go on from a state of the same recipe; a state of another one is an error."""
        tensors, about = artefacts.load(path, "pretraining state")
        if about["recipe"] != asdict(self.recipe):
            raise ValueError(
                f"{path} belongs to another recipe than the config's `pretraining`; delete it to start afresh."
            )
        weights = {
            k.removeprefix("weight/"): torch.from_numpy(v)
            for k, v in tensors.items()
            if k.startswith("weight/")
        }
        self.network.load_state_dict(weights, strict=False)
        state: dict[int, dict] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer/"):
                _, index, name = key.split("/")
                state.setdefault(int(index), {})[name] = torch.from_numpy(value.copy())
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.step, self.seconds, self.losses = (
            about["step"],
            about["seconds"],
            tensors["losses"].tolist(),
        )


def open_corpus(paths: Sequence[Path], recipe: Recipe, shuffled: bool = False) -> Callable:
    """What fetches pictures and captions by their indices from shards; with `shuffled`, captions of other pictures.

    Raises:
        ValueError: the shards do not hold as many pictures as the recipe asks for.
    """
    shards = [artefacts.load(path, "corpus shard")[0] for path in paths]
    images_NHWC, tokens_NVL = (
        np.concatenate([shard.pop(key) for shard in shards]) for key in ("images", "tokens")
    )
    if len(images_NHWC) != recipe.num_images:
        raise ValueError(
            f"The shards hold {len(images_NHWC)} pictures, the recipe asks for {recipe.num_images}."
        )
    partner_N = np.arange(recipe.num_images)
    if shuffled:  # one step along a random circle: no picture keeps its own
        circle_N = generator("shuffled captions", recipe.seed).permutation(recipe.num_images)
        partner_N[circle_N] = np.roll(circle_N, 1)
    return lambda indices: (images_NHWC[indices], tokens_NVL[partner_N[indices]])


def advance(trainer: Trainer, last: int) -> None:
    """Train up to step `last`, with a line in the log now and then."""
    started, first = time.monotonic(), trainer.step
    while trainer.step < last:
        trainer.advance()
        if trainer.step % LOG_EVERY == 0:
            rate = (time.monotonic() - started) / (trainer.step - first)
            mean = float(np.mean(trainer.losses[-LOG_EVERY:]))
            left = rate * (last - trainer.step) / 60
            log.info("step %d/%d  loss %.4f  %.0f minutes left", trainer.step, last, mean, left)


def run(
    trainer: Trainer,
    state: Path,
    snapshot: Callable[[int, dict], None],
    snapshots: set[int],
    save_every: int = 250,
) -> None:
    """Train to the end, from `state` if it is there; call `snapshot(step, weights)` at each step of `snapshots`."""
    if state.is_file():
        trainer.resume(state)
        log.info("resumed at step %d", trainer.step)
    if trainer.step == 0 and 0 in snapshots:
        snapshot(0, trainer.weights())
    steps = trainer.recipe.steps
    while trainer.step < steps:
        stops = [
            s
            for s in (*snapshots, (trainer.step // save_every + 1) * save_every, steps)
            if s > trainer.step
        ]
        advance(trainer, min(stops))
        if trainer.step in snapshots:
            snapshot(trainer.step, trainer.weights())
        if trainer.step % save_every == 0 or trainer.step == steps:
            trainer.save(state)
