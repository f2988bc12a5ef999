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
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from tangent_bench.finetuning.saving import Saving
from tangent_bench.finetuning.step import (
    ACCUMULATIONS,
    DECAY_TARGETS,
    PRECISIONS,
    FinetuningRun,
    Part,
    Recipe,
)
from tangent_bench.images.image_store import ImageStore
from tangent_bench.jobs import devices
from tangent_bench.seeds import derive, generator

log = logging.getLogger(__name__)
_DRAWING = threading.Lock()


@dataclass(frozen=True)
class Source:
    """images_NHWC uint8 (or a store of them), labels_N int64, head_KD; `name` keys the order of its images."""

    name: str
    images: np.ndarray | ImageStore
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


def augment(
    images_BHWC: np.ndarray | ImageStore, size: int, crop_scale: float, seed: int
) -> Tensor:
    """Random resized crops (bicubic, area in [crop_scale, 1], no flip) as the paper's, float in [0, 1], [B, C, size,
    size]. Images of a store may have shapes of their own. Threads may call it: the generator is PyTorch's one for all
    of them, but drawing is quick and done by one at a time.
    """
    from torchvision.transforms import InterpolationMode, v2

    crop = v2.RandomResizedCrop(
        size, scale=(crop_scale, 1.0), interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    images = [torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images_BHWC]
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = [crop.make_params([image]) for image in images]
    cropped = [crop.transform(image, where) for image, where in zip(images, drawn, strict=True)]
    return torch.stack(cropped).float() / 255.0


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
    run = FinetuningRun(theta0, recipe)
    if saving:
        saving.restore(run)
    started, first = time.monotonic(), len(run.losses)
    makers = _batches(sources, recipe, seed, normalise, size, first)
    on_cpu = run.device.type == "cpu"
    for parts in (
        (make() for make in makers) if on_cpu else _ahead(makers, devices.CROPPING_THREADS)
    ):
        step = len(run.losses)
        loss = run.step(
            encoder, [Part(*(t.to(run.device) for t in part)) for part in parts], penalty
        )
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


def _parts(
    sources, chosen, crop_scale: float, seed: int, step: int, normalise: Callable, size: int
) -> list[tuple]:
    return [
        _part(
            source,
            own,
            crop_scale,
            derive("crops", source.name, seed, step) % 2**62,
            normalise,
            size,
        )
        for source, own in zip(sources, chosen, strict=True)
    ]


def _part(
    source: Source, chosen: np.ndarray, crop_scale: float, seed: int, normalise: Callable, size: int
):
    images_BCHW = normalise(augment(source.images[chosen], size, crop_scale, seed))
    return images_BCHW, torch.from_numpy(source.labels[chosen]), source.head


def _report(recipe: Recipe, losses: list[float], seconds: float) -> None:
    """A line in the log at every tenth of the steps."""
    step = len(losses)
    if step % max(1, recipe.steps // 10) == 0:
        left = seconds * (recipe.steps - step)
        log.info(
            "step %d/%d  loss %.4f  %.0f s left", step, recipe.steps, np.mean(losses[-20:]), left
        )


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
    for key, known in (
        ("decay_towards", DECAY_TARGETS),
        ("accumulation", ACCUMULATIONS),
        ("precision", PRECISIONS),
    ):
        if (given := getattr(recipe, key)) not in known:
            raise ValueError(f"training.{key} is {given!r}, expected one of {', '.join(known)}.")
