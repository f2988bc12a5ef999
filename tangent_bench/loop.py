"""The fine-tuning loop, shared by all training modes: AdamW, warm-up, cosine, clipping (paper, appendix; official
code).

A *source* is a task's training images with its head; joint training has several, each with an equal part of every
batch.
Shapes: N images, B batch, C, H, W; K classes, D embedding.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tangent_bench import heads, products
from tangent_bench.seeds import derive, generator

log = logging.getLogger(__name__)
DECAY_TARGETS = ("zero", "initialisation")


@dataclass(frozen=True)
class Recipe:
    """Numbers of a fine-tuning; `decay_towards` "zero" is AdamW's own (as the paper), "initialisation" pulls to θ0."""

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    clip_norm: float
    warmup_steps: int
    decay_towards: str = "zero"
    crop_scale: float = 0.9

    def rate(self, step: int) -> float:
        """Learning rate of optimiser step `step` (from 0): linear warm-up, then a cosine to 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class Source:
    """images_NHWC uint8, labels_N int64, head_KD; `name` keys the order of its images."""

    name: str
    images: np.ndarray
    labels: np.ndarray
    head: Tensor


def indices(source: Source, size: int, seed: int) -> Iterator[np.ndarray]:
    """Batches of indices for ever: each pass is a new permutation, and no image repeats within a pass."""
    number, queue = 0, np.empty(0, dtype=np.int64)
    while True:
        while len(queue) < size:
            rng = generator("order of images", source.name, seed, number)
            queue, number = np.concatenate([queue, rng.permutation(len(source.labels))]), number + 1
        yield queue[:size]
        queue = queue[size:]


def augment(images_BHWC: np.ndarray, size: int, crop_scale: float, seed: int) -> Tensor:
    """Random resized crops (bicubic, area in [crop_scale, 1], no flip) as the paper's, float in [0, 1], [B, C, size,
    size].
    """
    from torchvision.transforms import InterpolationMode, v2

    crop = v2.RandomResizedCrop(size, scale=(crop_scale, 1.0), interpolation=InterpolationMode.BICUBIC, antialias=True)
    images_BCHW = torch.from_numpy(np.ascontiguousarray(images_BHWC)).permute(0, 3, 1, 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.stack([crop(image) for image in images_BCHW]).float() / 255.0


def _decay(theta: dict[str, Tensor], theta0: dict[str, Tensor], amount: float) -> None:
    with torch.no_grad():
        for key, value in theta.items():
            value.lerp_(theta0[key], amount)


def _loss(encoder: Callable, theta: dict[str, Tensor], parts: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Mean over sources of the cross entropy; one pass of the encoder for all of them."""
    embeddings_BD = encoder(theta, torch.cat([images for images, _, _ in parts]))
    pieces = embeddings_BD.split([len(labels) for _, labels, _ in parts])
    losses = [cross_entropy(heads.logits(e, head), labels) for e, (_, labels, head) in zip(pieces, parts, strict=True)]
    return torch.stack(losses).mean()


def finetune(
    encoder: Callable[[dict[str, Tensor], Tensor], Tensor],
    theta0: dict[str, Tensor],
    sources: list[Source],
    recipe: Recipe,
    seed: int,
    normalise: Callable[[Tensor], Tensor],
    size: int,
) -> tuple[dict[str, Tensor], list[float]]:
    """θ* and the loss of every step.

    Args:
        encoder: (θ, images_BCHW) → embeddings_BD, from a training mode.
        theta0: where training starts; unchanged.
        sources: one task, or all of them for joint training.
        seed: of the order of images and of the crops.
        normalise: images in [0, 1] → what the encoder expects.
        size: side of the encoder's images in pixels.

    Raises:
        ValueError: an empty source, a batch smaller than the number of sources, or a loss that is not finite.
    """
    _require_usable(sources, recipe)
    theta = {key: value.clone().requires_grad_(True) for key, value in theta0.items()}
    own = recipe.decay_towards == "zero"
    optimizer = torch.optim.AdamW(
        theta.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay if own else 0.0, fused=True
    )
    streams = [indices(source, recipe.batch_size // len(sources), seed) for source in sources]
    losses, started = [], time.monotonic()
    for step in range(recipe.steps):
        parts = []
        for source, stream in zip(sources, streams, strict=True):
            chosen = next(stream)
            crop_seed = derive("crops", source.name, seed, step) % 2**62
            images = normalise(augment(source.images[chosen], size, recipe.crop_scale, crop_seed))
            parts.append((images, torch.from_numpy(source.labels[chosen]), source.head))
        optimizer.zero_grad(set_to_none=True)
        with products.fast():
            loss = _loss(encoder, theta, parts)
            loss.backward()
        if not torch.isfinite(loss):
            raise ValueError(
                f"The loss of {'+'.join(s.name for s in sources)} is {loss.item()} at step {step}; "
                f"lower training.learning_rate (given: {recipe.learning_rate:g}) or check the images."
            )
        rate = recipe.rate(step)
        optimizer.param_groups[0]["lr"] = rate
        torch.nn.utils.clip_grad_norm_(theta.values(), recipe.clip_norm)
        if not own:
            _decay(theta, theta0, rate * recipe.weight_decay)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % max(1, recipe.steps // 10) == 0:
            speed = (time.monotonic() - started) / (step + 1)
            log.info(
                "step %d/%d  loss %.4f  %.0f s left",
                step + 1,
                recipe.steps,
                np.mean(losses[-20:]),
                speed * (recipe.steps - step - 1),
            )
    return {key: value.detach() for key, value in theta.items()}, losses


def _require_usable(sources: list[Source], recipe: Recipe) -> None:
    for source in sources:
        if len(source.labels) == 0:
            raise ValueError(
                f"Task {source.name!r} has no training images; check its folder or data.max_train in the config."
            )
    if recipe.batch_size < len(sources):
        raise ValueError(
            f"training.batch_size is {recipe.batch_size}, but {len(sources)} tasks are trained jointly; give at "
            f"least one image each."
        )
    if recipe.decay_towards not in DECAY_TARGETS:
        raise ValueError(
            f"training.decay_towards is {recipe.decay_towards!r}, expected one of {', '.join(DECAY_TARGETS)}."
        )
