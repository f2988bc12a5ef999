"""One step of fine-tuning: AdamW, warm-up, cosine, clipping (paper, appendix; official code).

Shapes: B batch, C, H, W; K classes, D embedding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.nn.functional import cross_entropy
from torch.nn.utils.clip_grad import clip_grad_norm_
from torch.optim.adamw import AdamW

from tangent_bench.tangent import heads, products

Encoder = Callable[[dict[str, Tensor], Tensor], Tensor]  # (θ, images_BCHW) → embeddings_BD
Penalty = Callable[[dict[str, Tensor], int], Tensor]  # (θ, number of the step) → scalar

DECAY_TARGETS = ("zero", "initialisation")
ACCUMULATIONS = ("mean", "sum")
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Recipe:
    """Numbers of a fine-tuning.

    Attributes:
        decay_towards: "zero" is AdamW's own (as the paper), "initialisation" pulls to θ0 instead.
        micro_batch_size: images that pass through the network at once; None: the whole batch.
        accumulation: of the pieces of a batch: "mean" has the gradient of the whole batch, "sum"
            adds up the means of the pieces without dividing (official code).
        precision: of the passes; below float32 by autocast, weights and optimiser stay in float32.
        checkpoint_activations: keep only what enters each block, and run the block again for the
            gradient.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    clip_norm: float
    warmup_steps: int
    decay_towards: str = "zero"
    crop_scale: float = 0.9
    micro_batch_size: int | None = None
    accumulation: str = "mean"
    precision: str = "float32"
    checkpoint_activations: bool = False

    def rate(self, step: int) -> float:
        """Learning rate of optimiser step `step` (from 0): linear warm-up, then a cosine to 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def _decay(theta: dict[str, Tensor], theta0: dict[str, Tensor], amount: float) -> None:
    """θ ← θ + amount (θ0 − θ)."""
    with torch.no_grad():
        for key, value in theta.items():
            value.lerp_(theta0[key], amount)


class Part(NamedTuple):
    """A source's share of a batch, and its weight in the loss.

    images_BCHW are as the encoder expects them; labels_B; head_KD.
    """

    images: Tensor
    labels: Tensor
    head: Tensor
    weight: float = 1.0


def pieces(parts: list[Part], recipe: Recipe) -> list[list[Part]]:
    """A batch, `parts`, in pieces of at most `recipe.micro_batch_size` images of all sources.

    The weights are such that the pieces' losses add up to that of the batch; with accumulation
    "sum", to the number of pieces times as much.

    Raises:
        ValueError: a source has fewer images in the batch than there are pieces.
    """
    total = sum(len(part.labels) for part in parts)
    number = math.ceil(total / (recipe.micro_batch_size or total))
    if number == 1:
        return [parts]
    fewest = min(len(part.labels) for part in parts)
    if fewest < number:
        raise ValueError(
            f"training.micro_batch_size {recipe.micro_batch_size} cuts a batch of {total} images "
            f"into {number} pieces, but a task has only {fewest} of them; give larger pieces or a "
            "larger batch_size."
        )
    by_source = [_cut(part, number, recipe) for part in parts]
    return [list(piece) for piece in zip(*by_source, strict=True)]


def _cut(part: Part, number: int, recipe: Recipe) -> list[Part]:
    """A source's share in `number` pieces."""
    chunks = []
    images = part.images.tensor_split(number)
    for images_BCHW, labels_B in zip(images, part.labels.tensor_split(number), strict=True):
        whole = len(part.labels) if recipe.accumulation == "mean" else len(labels_B)
        chunks.append(Part(images_BCHW, labels_B, part.head, len(labels_B) / whole))
    return chunks


def _loss(encoder: Encoder, theta: dict[str, Tensor], parts: list[Part]) -> Tensor:
    """Mean over sources of the weighted cross entropy; one pass of the encoder for all of them."""
    embeddings_BD = encoder(theta, torch.cat([part.images for part in parts]))
    embeddings_BD = embeddings_BD.to(parts[0].head.dtype)
    of_parts = embeddings_BD.split([len(part.labels) for part in parts])
    losses = []
    for part, own_BD in zip(parts, of_parts, strict=True):
        logits_BK = heads.logits(own_BD, part.head)
        losses.append(part.weight * cross_entropy(logits_BK, part.labels))
    return torch.stack(losses).mean()


class Finetuning:
    """The state of a fine-tuning: weights, optimiser, gradient scaler and losses so far.

    Attributes:
        theta: the weights so far; leaves of the gradient.
        losses: of the steps so far.
    """

    def __init__(self, theta0: dict[str, Tensor], recipe: Recipe) -> None:
        self.theta0 = theta0
        self.recipe = recipe
        self.losses: list[float] = []
        self.theta = {key: value.clone().requires_grad_(True) for key, value in theta0.items()}
        self.device = next(iter(theta0.values())).device
        decay = recipe.weight_decay if recipe.decay_towards == "zero" else 0.0
        self.optimizer = AdamW(
            self.theta.values(), lr=recipe.learning_rate, weight_decay=decay, fused=True
        )
        products.say_if_slow(recipe.precision, self.device.type)
        self.scaler = GradScaler(self.device.type, enabled=recipe.precision == "float16")

    def step(self, encoder: Encoder, parts: list[Part], penalty: Penalty | None = None) -> float:
        """One step of the optimiser; returns the loss of the batch, its penalty included.

        A loss that is not finite changes nothing. Arguments are the trained function `encoder`,
        the `parts` of the batch, and the `penalty` (θ, step) → what is added to the loss.
        """
        recipe = self.recipe
        number = len(self.losses)
        self.optimizer.zero_grad(set_to_none=True)
        losses = [self._add_gradient(encoder, piece) for piece in pieces(parts, recipe)]
        times = len(losses) if recipe.accumulation == "sum" else 1
        loss = math.fsum(losses) / times
        if penalty:
            loss += self._add_penalty(penalty, number, times)
        if not math.isfinite(loss):
            return loss
        rate = recipe.rate(number)
        self.optimizer.param_groups[0]["lr"] = rate
        self.scaler.unscale_(self.optimizer)
        clip_grad_norm_(self.theta.values(), recipe.clip_norm)
        if recipe.decay_towards == "initialisation":
            _decay(self.theta, self.theta0, rate * recipe.weight_decay)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.losses.append(loss)
        return loss

    def _add_gradient(self, encoder: Encoder, parts: list[Part]) -> float:
        """Of a piece of the batch; returns its loss."""
        dtype = PRECISIONS[self.recipe.precision]
        with products.fast():
            with torch.autocast(self.device.type, dtype) if dtype else nullcontext():
                loss = _loss(encoder, self.theta, parts)
            self.scaler.scale(loss).backward()
        return loss.item()

    def _add_penalty(self, penalty: Penalty, number: int, times: int) -> float:
        """Once for a batch, in float32 whatever the passes take; it counts `times` its value."""
        with products.fast():
            value = penalty(self.theta, number)
            self.scaler.scale(times * value).backward()
        return value.item()
