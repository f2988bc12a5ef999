"""The fine-tuning loop, shared by all training modes: AdamW, warm-up, cosine, clipping (paper, appendix; official
code).

A *source* is a task's training images with its head; joint training has several, each with an equal part of every
batch.
Shapes: N images, B batch, C, H, W; K classes, D embedding.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tangent_bench import heads, products, resources
from tangent_bench.image_store import Store
from tangent_bench.seeds import derive, generator
from tangent_bench.training_state import Saving

log = logging.getLogger(__name__)
DECAY_TARGETS = ("zero", "initialisation")
ACCUMULATIONS = ("mean", "sum")
_DRAWING = threading.Lock()
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Recipe:
    """Numbers of a fine-tuning.

    Attributes:
        decay_towards: "zero" is AdamW's own (as the paper), "initialisation" pulls to θ0 instead.
        micro_batch_size: images that pass through the network at once; None: the whole batch.
        accumulation: of the pieces of a batch: "mean" has the gradient of the whole batch, "sum" adds up the means of
            the pieces without dividing (official code).
        precision: of the passes; below float32 by autocast, weights and optimiser stay in float32.
        checkpoint_activations: keep only what enters each block, and run the block again for the gradient.
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


@dataclass(frozen=True)
class Source:
    """images_NHWC uint8 (or a store of them), labels_N int64, head_KD; `name` keys the order of its images."""

    name: str
    images: np.ndarray | Store
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


def augment(images_BHWC: np.ndarray | Store, size: int, crop_scale: float, seed: int) -> Tensor:
    """Random resized crops (bicubic, area in [crop_scale, 1], no flip) as the paper's, float in [0, 1], [B, C, size,
    size]. Images of a store may have shapes of their own. Threads may call it: the generator is PyTorch's one for all
    of them, but drawing is quick and done by one at a time.
    """
    from torchvision.transforms import InterpolationMode, v2

    crop = v2.RandomResizedCrop(size, scale=(crop_scale, 1.0), interpolation=InterpolationMode.BICUBIC, antialias=True)
    images = [torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images_BHWC]
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = [crop.make_params([image]) for image in images]
    cropped = [crop.transform(image, where) for image, where in zip(images, drawn, strict=True)]
    return torch.stack(cropped).float() / 255.0


def _decay(theta: dict[str, Tensor], theta0: dict[str, Tensor], amount: float) -> None:
    with torch.no_grad():
        for key, value in theta.items():
            value.lerp_(theta0[key], amount)


class Part(NamedTuple):
    """A source's share of a batch: images_BCHW as the encoder expects them, labels_B, head_KD, weight in the loss."""

    images: Tensor
    labels: Tensor
    head: Tensor
    weight: float = 1.0


def pieces(parts: list[Part], recipe: Recipe) -> list[list[Part]]:
    """A batch in pieces of at most `micro_batch_size` images, every source in each.

    The weights are such that the pieces' losses add up to that of the batch; with accumulation "sum", to the number of
    pieces times as much.

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
            f"training.micro_batch_size {recipe.micro_batch_size} cuts a batch of {total} images into {number} pieces, "
            f"but a task has only {fewest} of them; give larger pieces or a larger batch_size."
        )
    cut = []
    for part in parts:
        chunks = zip(part.images.tensor_split(number), part.labels.tensor_split(number), strict=True)
        whole = len(part.labels) if recipe.accumulation == "mean" else None
        cut.append([Part(x, labels, part.head, len(labels) / (whole or len(labels))) for x, labels in chunks])
    return [list(piece) for piece in zip(*cut, strict=True)]


def _loss(encoder: Callable, theta: dict[str, Tensor], parts: list[Part]) -> Tensor:
    """Mean over sources of the weighted cross entropy; one pass of the encoder for all of them."""
    embeddings_BD = encoder(theta, torch.cat([part.images for part in parts]))
    found = zip(embeddings_BD.to(parts[0].head.dtype).split([len(p.labels) for p in parts]), parts, strict=True)
    return torch.stack([p.weight * cross_entropy(heads.logits(e, p.head), p.labels) for e, p in found]).mean()


class _Run:
    """A fine-tuning under way.

    Attributes:
        theta: the weights so far; leaves of the gradient.
        losses: of the steps so far.
    """

    def __init__(self, theta0: dict[str, Tensor], recipe: Recipe) -> None:
        self.theta0, self.recipe, self.losses = theta0, recipe, []
        self.theta = {key: value.clone().requires_grad_(True) for key, value in theta0.items()}
        self.device = next(iter(theta0.values())).device
        self.decay = recipe.weight_decay if recipe.decay_towards == "zero" else 0.0
        self.optimizer = torch.optim.AdamW(
            self.theta.values(), lr=recipe.learning_rate, weight_decay=self.decay, fused=True
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "float16")

    def step(self, encoder: Callable, parts: list[Part], penalty: Callable | None = None) -> float:
        """One step of the optimiser; returns the loss of the batch, its penalty included."""
        recipe, number = self.recipe, len(self.losses)
        self.optimizer.zero_grad(set_to_none=True)
        losses = [self._add_gradient(encoder, piece) for piece in pieces(parts, recipe)]
        times = len(losses) if recipe.accumulation == "sum" else 1
        loss = sum(losses) / times
        if penalty:
            loss += self._add_penalty(penalty, number, times)
        if not math.isfinite(loss):
            return loss
        rate = recipe.rate(number)
        self.optimizer.param_groups[0]["lr"] = rate
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.theta.values(), recipe.clip_norm)
        if recipe.decay_towards == "initialisation":
            _decay(self.theta, self.theta0, rate * recipe.weight_decay)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.losses.append(loss)
        return loss

    def _add_gradient(self, encoder: Callable, parts: list[Part]) -> float:
        dtype = PRECISIONS[self.recipe.precision]
        with products.fast():
            with torch.autocast(self.device.type, dtype) if dtype else nullcontext():
                loss = _loss(encoder, self.theta, parts)
            self.scaler.scale(loss).backward()
        return loss.item()

    def _add_penalty(self, penalty: Callable, number: int, times: int) -> float:
        """Once for a batch, in float32 whatever the passes take; `times` as often as the batch's own loss counts."""
        with products.fast():
            found = penalty(self.theta, number)
            self.scaler.scale(times * found).backward()
        return found.item()


def finetune(
    encoder: Callable[[dict[str, Tensor], Tensor], Tensor],
    theta0: dict[str, Tensor],
    sources: list[Source],
    recipe: Recipe,
    seed: int,
    normalise: Callable[[Tensor], Tensor],
    size: int,
    saving: Saving | None = None,
    penalty: Callable[[dict[str, Tensor], int], Tensor] | None = None,
) -> tuple[dict[str, Tensor], list[float]]:
    """θ* and the loss of every step, on the device of θ0.

    Args:
        encoder: (θ, images_BCHW) → embeddings_BD, from a training mode.
        theta0: where training starts; unchanged.
        sources: one task, or all of them for joint training.
        recipe: steps, batches, optimiser.
        seed: of the order of images and of the crops.
        normalise: images in [0, 1] → what the encoder expects.
        size: side of the encoder's images in pixels.
        saving: where to go on from if it was cut off; on a CPU the outcome is the same bit for bit.
        penalty: (θ, number of the step) → what is added to the loss; the same at the same step of every run.

    Raises:
        ValueError: an empty source, a batch smaller than the number of sources, or a loss that is not finite.
    """
    _require_usable(sources, recipe)
    run = _Run(theta0, recipe)
    if saving:
        saving.restore(run)
    started, first = time.monotonic(), len(run.losses)
    makers = _batches(sources, recipe, seed, normalise, size, first)
    on_cpu = run.device.type == "cpu"
    for parts in (make() for make in makers) if on_cpu else _ahead(makers, resources.CROPPING_THREADS):
        step = len(run.losses)
        loss = run.step(encoder, [Part(*(t.to(run.device) for t in part)) for part in parts], penalty)
        if not math.isfinite(loss):
            raise ValueError(
                f"The loss of {'+'.join(s.name for s in sources)} is {loss} at step {step}; "
                f"lower training.learning_rate (given: {recipe.learning_rate:g}) or check the images."
            )
        _report(recipe, run.losses, (time.monotonic() - started) / (step + 1 - first))
        if saving:
            saving.keep(run)
    return {key: value.detach() for key, value in run.theta.items()}, run.losses


def _batches(
    sources: list[Source], recipe: Recipe, seed: int, normalise: Callable, size: int, first: int
) -> Iterator[Callable[[], list[tuple]]]:
    """Of every step from `first` on, what makes images, labels and head of each source."""
    streams = [indices(source, recipe.batch_size // len(sources), seed) for source in sources]
    for step in range(recipe.steps):
        chosen = [next(stream) for stream in streams]
        if step >= first:
            yield partial(_parts, sources, chosen, recipe.crop_scale, seed, step, normalise, size)


def _ahead(makers: Iterable[Callable], num_threads: int) -> Iterator:
    """What each of them makes, in order; so many are made by threads of their own while one is in use."""
    coming: deque = deque()
    with ThreadPoolExecutor(num_threads) as threads:
        for make in makers:
            coming.append(threads.submit(make))
            if len(coming) > num_threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def _parts(sources, chosen, crop_scale: float, seed: int, step: int, normalise: Callable, size: int) -> list[tuple]:
    return [
        _part(source, own, crop_scale, derive("crops", source.name, seed, step) % 2**62, normalise, size)
        for source, own in zip(sources, chosen, strict=True)
    ]


def _part(source: Source, chosen: np.ndarray, crop_scale: float, seed: int, normalise: Callable, size: int):
    images_BCHW = normalise(augment(source.images[chosen], size, crop_scale, seed))
    return images_BCHW, torch.from_numpy(source.labels[chosen]), source.head


def _report(recipe: Recipe, losses: list[float], seconds: float) -> None:
    """A line in the log at every tenth of the steps."""
    step = len(losses)
    if step % max(1, recipe.steps // 10) == 0:
        left = seconds * (recipe.steps - step)
        log.info("step %d/%d  loss %.4f  %.0f s left", step, recipe.steps, np.mean(losses[-20:]), left)


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
    for key, known in (("decay_towards", DECAY_TARGETS), ("accumulation", ACCUMULATIONS), ("precision", PRECISIONS)):
        if (given := getattr(recipe, key)) not in known:
            raise ValueError(f"training.{key} is {given!r}, expected one of {', '.join(known)}.")
