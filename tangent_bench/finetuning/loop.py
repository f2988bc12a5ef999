"""The fine-tuning loop, which all training modes share; its steps are those of `step`.

A *source* is a task's training images with its head; joint training has several, each with an equal
part of every batch.
Shapes: N images, B batch, C, H, W; K classes, D embedding.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from tangent_bench.finetuning.saving import Saving
from tangent_bench.finetuning.step import (
    ACCUMULATIONS,
    DECAY_TARGETS,
    PRECISIONS,
    Encoder,
    Finetuning,
    Part,
    Penalty,
    Recipe,
)
from tangent_bench.images.image_store import ImageStore
from tangent_bench.jobs import devices
from tangent_bench.seeds import derive, generator

T = TypeVar("T")
Normalise = Callable[[Tensor], Tensor]  # images in [0, 1] → what the encoder expects
Batch = list[tuple[Tensor, Tensor, Tensor]]  # images_BCHW, labels_B and head_KD of each source

log = logging.getLogger(__name__)
_DRAWING = threading.Lock()


@dataclass(frozen=True)
class Source:
    """Training images of a task with its head.

    images_NHWC are uint8 (or a store of them), labels_N int64, head_KD; `name` keys the order of
    the images.
    """

    name: str
    images: np.ndarray | ImageStore
    labels: np.ndarray
    head: Tensor


def indices(source: Source, size: int, seed: int) -> Iterator[np.ndarray]:
    """Batches of `size` indices without end; each pass is a new permutation of the source's images.

    The order follows from the name of `source`, `seed` and the number of the pass.
    """
    number = 0
    queue = np.empty(0, dtype=np.int64)
    while True:
        while len(queue) < size:
            rng = generator("order of images", source.name, seed, number)
            queue = np.concatenate([queue, rng.permutation(len(source.labels))])
            number += 1
        yield queue[:size]
        queue = queue[size:]


def augment(
    images_BHWC: np.ndarray | ImageStore, size: int, crop_scale: float, seed: int
) -> Tensor:
    """Random resized crops as the paper's, float in [0, 1], [B, C, size, size].

    Bicubic, area in [crop_scale, 1], no flip. Threads may call it: they share PyTorch's generator,
    from which one of them draws at a time. Tokens come back as they are.

    Args:
        images_BHWC: uint8, images of a store may have shapes of their own; or int64 tokens [B, L].
        size: side of a crop in pixels.
        crop_scale: least share of an image's area.
        seed: of the crops.
    """
    from torchvision.transforms import InterpolationMode, v2

    if isinstance(images_BHWC, np.ndarray) and images_BHWC.dtype == np.int64:
        return torch.from_numpy(np.array(images_BHWC))
    crop = v2.RandomResizedCrop(
        size, scale=(crop_scale, 1.0), interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    images = [torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images_BHWC]
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        boxes = [crop.make_params([image]) for image in images]
    cropped = [crop.transform(image, box) for image, box in zip(images, boxes, strict=True)]
    return torch.stack(cropped).float() / 255.0


def finetune(
    encoder: Encoder,
    theta0: dict[str, Tensor],
    sources: list[Source],
    recipe: Recipe,
    seed: int,
    normalise: Normalise,
    size: int,
    saving: Saving | None = None,
    penalty: Penalty | None = None,
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
        saving: the file from which a run that was cut off goes on; on a CPU the outcome is the same
            bit for bit.
        penalty: (θ, number of the step) → what is added to the loss; the same at the same step of
            every run.

    Raises:
        ValueError: an empty source, a batch smaller than the number of sources, or a loss that is
            not finite.
    """
    _require_usable(sources, recipe)
    state = Finetuning(theta0, recipe)
    if saving:
        saving.restore(state)
    first = len(state.losses)
    started = time.monotonic()
    makers = _batches(sources, recipe, seed, normalise, size, first)
    for batch in _run_makers(makers, state.device):
        step = len(state.losses)
        loss = state.step(encoder, _on(state.device, batch), penalty)
        if not math.isfinite(loss):
            names = "+".join(source.name for source in sources)
            raise ValueError(
                f"The loss of {names} is {loss} at step {step}; lower training.learning_rate "
                f"(given: {recipe.learning_rate:g}) or check the images."
            )
        _report(recipe, state.losses, (time.monotonic() - started) / (step + 1 - first))
        if saving:
            saving.keep(state)
    return {key: value.detach() for key, value in state.theta.items()}, state.losses


def _on(device: torch.device, batch: Batch) -> list[Part]:
    return [Part(x.to(device), labels.to(device), head.to(device)) for x, labels, head in batch]


def _batches(
    sources: list[Source], recipe: Recipe, seed: int, normalise: Normalise, size: int, first: int
) -> Iterator[Callable[[], Batch]]:
    """The makers of the batches of all steps from `first` on."""
    streams = [indices(source, recipe.batch_size // len(sources), seed) for source in sources]
    for step in range(recipe.steps):
        chosen = [next(stream) for stream in streams]
        if step >= first:
            yield partial(_batch, sources, chosen, recipe.crop_scale, seed, step, normalise, size)


def _run_makers(makers: Iterable[Callable[[], Batch]], device: torch.device) -> Iterator[Batch]:
    """The batches: one at a time on a CPU, which the network needs, else ahead of their use."""
    if device.type == "cpu":
        return (make() for make in makers)
    return _ahead(makers, devices.CROPPING_THREADS)


def _ahead(makers: Iterable[Callable[[], T]], num_threads: int) -> Iterator[T]:
    """What the makers make, in order; threads make the next `num_threads` while one is in use."""
    coming: deque[Future[T]] = deque()
    with ThreadPoolExecutor(num_threads) as threads:
        for make in makers:
            coming.append(threads.submit(make))
            if len(coming) > num_threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def _batch(
    sources: list[Source],
    chosen: list[np.ndarray],
    crop_scale: float,
    seed: int,
    step: int,
    normalise: Normalise,
    size: int,
) -> Batch:
    """Images, labels and head of each source: the `chosen` images, cropped for this step."""
    parts = []
    for source, indices_B in zip(sources, chosen, strict=True):
        crops_seed = derive("crops", source.name, seed, step) % 2**62
        cropped_BCHW = augment(source.images[indices_B], size, crop_scale, crops_seed)
        labels_B = torch.from_numpy(source.labels[indices_B])
        parts.append((normalise(cropped_BCHW), labels_B, source.head))
    return parts


def _report(recipe: Recipe, losses: list[float], seconds: float) -> None:
    """A line in the log at every tenth of the steps; one takes so many `seconds`."""
    step = len(losses)
    if step % max(1, recipe.steps // 10) == 0:
        loss = np.mean(losses[-20:])
        left = seconds * (recipe.steps - step)
        log.info("step %d/%d  loss %.4f  %.0f s left", step, recipe.steps, loss, left)


def _require_usable(sources: list[Source], recipe: Recipe) -> None:
    for source in sources:
        if len(source.labels) == 0:
            raise ValueError(
                f"Task {source.name!r} has no training images; check its folder or data.max_train "
                "in the config."
            )
    if recipe.batch_size < len(sources):
        raise ValueError(
            f"training.batch_size is {recipe.batch_size}, but {len(sources)} tasks are trained "
            "jointly; give at least one image each."
        )
    _require_known("decay_towards", recipe.decay_towards, DECAY_TARGETS)
    _require_known("accumulation", recipe.accumulation, ACCUMULATIONS)
    _require_known("precision", recipe.precision, PRECISIONS)


def _require_known(key: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise ValueError(f"training.{key} is {value!r}, expected one of {', '.join(known)}.")
