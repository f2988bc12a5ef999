"""Contrastive pre-training of a small CLIP on the generated corpus.

It can be resumed, and on a CPU gives the same bits on the same machine. The text tower is that of
`distillation`, frozen but for its last matrix, the projection: captions are read once, and a step
costs the image tower alone (Zhai et al., "LiT", CVPR 2022, lock the image tower instead).

Loss (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
§2.3): the mean of the cross entropies of images against captions and of captions against images, on
s · cos(image, caption).

Schedule: warm-up, a constant trunk, a linear cool-down to zero, so that towers along the trunk can
be compared later.
Shapes: N pictures, V caption variants, L tokens, T width of the text tower, B batch, D embedding,
H, W, C image axes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.nn.utils.clip_grad import clip_grad_norm_
from torch.optim.adamw import AdamW

from tangent_bench import corpus
from tangent_bench.corpus._captions import paraphrase
from tangent_bench.finetuning import distillation
from tangent_bench.models import Model, create, tokenizer
from tangent_bench.seeds import derive, generator
from tangent_bench.store import artefacts
from tangent_bench.tangent import products, vision

if TYPE_CHECKING:
    from tangent_bench.models import Clip

Fetch = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # indices → images_BHWC, texts_BVT

VARIANTS = 3  # captions of a picture
LOG_EVERY = 50
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PretrainingRecipe:
    """All that the weights depend on, beside the code of corpus and model.

    Attributes:
        seed: of corpus, initialisation and order.
        num_images: size of the corpus.
        steps, batch_size: optimiser steps, pictures in each.
        learning_rate, weight_decay: AdamW with betas (0.9, 0.98); decay on matrices only.
        warmup_steps, cooldown_steps: of `steps`.
        shift: augmentation, pixels by which a picture is moved at most.
        families: how often each family of the corpus is drawn.
        precision: of passes on a CPU, "float32" or "bfloat16" by autocast; weights and optimiser
            are float32. A GPU takes float32.
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
    families: Mapping[str, int]
    precision: str

    @classmethod
    def from_config(cls, entry: dict) -> PretrainingRecipe:
        """The recipe in `entry`, the config's `pretraining`, which has more keys than that."""
        return cls(**{field.name: entry[field.name] for field in fields(cls)})

    def rate(self, step: int) -> float:
        """Learning rate of step `step` (from 0)."""
        rise = min(1.0, (step + 1) / max(1, self.warmup_steps))
        fall = min(1.0, (self.steps - step) / max(1, self.cooldown_steps))
        return self.learning_rate * min(rise, fall)


def trunk(entry: dict) -> PretrainingRecipe:
    """The recipe of `entry`, the config's `rebuilding`, before any cool-down.

    It takes `trunk_steps` at constant rate.
    """
    return PretrainingRecipe.from_config(
        entry | {"steps": entry["trunk_steps"], "cooldown_steps": 0}
    )


def draw_shard(entry: Mapping, model: Model, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures of a corpus: images_NHWC uint8, and their captions as they are read, texts_NVT.

    Args:
        entry: the config's `pretraining` or `rebuilding`, of which the seed, the families of the
            corpus and the precision of reading count.
        model: whose tokenizer and text tower read the captions, `VARIANTS` of each picture.
        indices: of the pictures.
    """
    seed = entry["seed"]
    images = []
    captions = []
    for index in indices:
        picture = corpus.sample(seed, int(index), entry["families"])
        images.append(picture.image)
        rng = generator("captions", seed, int(index))
        captions += [paraphrase(rng, picture.phrase) for _ in range(VARIANTS)]
    network = create(model, init="random")
    distillation.load_into(network)
    tokens_ML = tokenizer(model)(captions)
    texts_NVT = read(network, tokens_ML, entry["precision"]).reshape(len(indices), VARIANTS, -1)
    return {"images": np.stack(images), "texts": texts_NVT}


@torch.no_grad()
def read(network: Clip, tokens_ML: Tensor, precision: str, batch_size: int = 1024) -> np.ndarray:
    """What the frozen text tower makes of captions, before its projection: [M, T] float16.

    Args:
        network: with the text tower.
        tokens_ML: captions, of which each distinct one is read once.
        precision: of the passes, as of a recipe.
        batch_size: captions that pass the network at once.
    """
    distinct_KL, places_M = torch.unique(tokens_ML, dim=0, return_inverse=True)
    read_KT = np.empty((len(distinct_KL), network.text_projection.shape[0]), np.float16)
    by_length_K = (distinct_KL != 0).sum(1).argsort(stable=True)
    for rows_B in by_length_K.split(batch_size):
        with distillation.passes(precision):
            texts_BT = distillation.features(network, distinct_KL[rows_B])
        read_KT[rows_B.numpy()] = texts_BT.float().numpy()
    return read_KT[places_M.numpy()]


def order(recipe: PretrainingRecipe, step: int) -> np.ndarray:
    """Indices of the pictures of `step`: a fresh permutation for each pass over the corpus."""
    per_pass = recipe.num_images // recipe.batch_size
    number, place = divmod(step, per_pass)
    permutation = _permutation(recipe.seed, number, recipe.num_images)
    return permutation[place * recipe.batch_size : (place + 1) * recipe.batch_size]


@lru_cache(maxsize=1)
def _permutation(seed: int, number: int, num_images: int) -> np.ndarray:
    """The order of a pass over the corpus; drawn once for all of its steps."""
    return generator("order", seed, number).permutation(num_images)


def _batch(
    recipe: PretrainingRecipe, step: int, fetch: Fetch, mean: Tensor, std: Tensor
) -> tuple[Tensor, Tensor]:
    """Shifted pictures, float [B, C, H, W], and one caption of each as it was read, [B, T]."""
    images_BHWC, texts_BVT = fetch(order(recipe, step))
    rng = generator("augment", recipe.seed, step)
    shifted_BHWC = _shifted(images_BHWC, recipe.shift, rng)
    variant = rng.integers(0, VARIANTS, size=len(images_BHWC))
    texts_BT = texts_BVT[np.arange(len(variant)), variant].astype(np.float32)
    images_BCHW = (torch.from_numpy(shifted_BHWC).permute(0, 3, 1, 2).float() / 255.0 - mean) / std
    return images_BCHW.contiguous(), torch.from_numpy(texts_BT)


def _shifted(images_BHWC: np.ndarray, shift: int, rng: np.random.Generator) -> np.ndarray:
    """Each picture moved by up to `shift` pixels, its edge repeated."""
    side = images_BHWC.shape[1]
    padding = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = np.pad(images_BHWC, padding, mode="edge")
    offsets = rng.integers(0, 2 * shift + 1, size=(len(images_BHWC), 2))
    shifted = []
    for picture, (y, x) in zip(padded, offsets, strict=True):
        shifted.append(picture[y : y + side, x : x + side])
    return np.stack(shifted)


def contrastive_loss(images_BD: Tensor, texts_BD: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross entropy of normalised embeddings; pair k is image k with text k.

    `images_BD` and `texts_BD` are the embeddings, `scale` is s.
    """
    logits_BB = scale * images_BD @ texts_BD.T
    target = torch.arange(len(images_BD), device=images_BD.device)
    return (cross_entropy(logits_BB, target) + cross_entropy(logits_BB.T, target)) / 2


def _optimizer(trained: Sequence[nn.Parameter], recipe: PretrainingRecipe) -> AdamW:
    matrices = [p for p in trained if p.ndim >= 2]
    others = [p for p in trained if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


class Pretraining:
    """The state of a pre-training: network, optimiser, step and losses so far.

    Args:
        recipe: of the pre-training.
        model: whose image tower is drawn anew.
        fetch: the corpus.
        device: "cpu" or "cuda".
    """

    def __init__(
        self, recipe: PretrainingRecipe, model: Model, fetch: Fetch, device: str = "cpu"
    ) -> None:
        self.recipe = recipe
        self.architecture = model.architecture
        self.fetch = fetch
        self.device = torch.device(device)
        self.step = 0
        self.losses: list[float] = []
        self.seconds = 0.0
        seed = derive("pretraining init", recipe.seed) % 2**31
        self.network = create(model, init="random", seed=seed)
        distillation.load_into(self.network)
        self.network.to(self.device).train()
        visual = self.network.visual.requires_grad_(True)
        heads = [self.network.text_projection, self.network.logit_scale]
        self.trained = [*visual.parameters(), *(head.requires_grad_(True) for head in heads)]
        self.optimizer = _optimizer(self.trained, recipe)
        self.mean = torch.tensor(visual.image_mean).view(3, 1, 1)
        self.std = torch.tensor(visual.image_std).view(3, 1, 1)

    def advance(self) -> float:
        """One optimiser step; returns the loss before it."""
        started = time.monotonic()
        images_BCHW, texts_BT = _batch(self.recipe, self.step, self.fetch, self.mean, self.std)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        is_cpu = self.device.type == "cpu"
        with distillation.passes(self.recipe.precision) if is_cpu else nullcontext():
            loss = self._loss(images_BCHW.to(self.device), texts_BT.to(self.device))
        with products.fast() if is_cpu else nullcontext():
            loss.backward()
        if not torch.isfinite(loss):
            raise ValueError(
                f"Pre-training diverged at step {self.step} (loss {loss.item()}); lower "
                "pretraining.learning_rate."
            )
        clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.network.logit_scale.clamp_(0.0, np.log(100.0))
        self.step += 1
        self.seconds += time.monotonic() - started
        self.losses.append(loss.item())
        return loss.item()

    def _loss(self, images_BCHW: Tensor, texts_BT: Tensor) -> Tensor:
        network = self.network
        visual = network.visual
        assert vision.supports(visual)
        embedded_BD = vision.encode(visual, dict(visual.named_parameters()), images_BCHW)
        texts_BD = texts_BT @ network.text_projection
        images_BD = normalize(embedded_BD.float(), dim=-1)
        with torch.autocast(self.device.type, enabled=False):  # logits are up to 100
            return contrastive_loss(
                images_BD, normalize(texts_BD.float(), dim=-1), network.logit_scale.exp()
            )

    def cool_down(self, steps: int) -> None:
        """From here on the learning rate falls linearly to zero, in so many `steps`."""
        self.recipe = replace(self.recipe, steps=self.step + steps, cooldown_steps=steps)

    def weights(self) -> dict[str, np.ndarray]:
        """All parameters of both towers, float32."""
        weights = {}
        for key, value in self.network.state_dict().items():
            if value.dtype == torch.float32:
                weights[key] = value.detach().cpu().numpy().copy()
        return weights

    def save(self, path: Path) -> None:
        """Everything needed to go on, bit for bit.

        Generators have no state to keep: they follow from the seed and the number of the step.
        """
        tensors = {f"weight/{key}": value for key, value in self.weights().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            for name, value in moments.items():
                tensors[f"optimizer/{index}/{name}"] = np.asarray(value.cpu())
        tensors["losses"] = np.array(self.losses)
        artefacts.save(
            path,
            "pretraining state",
            tensors,
            step=self.step,
            seconds=self.seconds,
            recipe=asdict(self.recipe),
            architecture=self.architecture,
        )

    def resume(self, path: Path) -> None:
        """Go on from a state of the same model and recipe, of whatever machine.

        Raises:
            ValueError: the state is of another one.
        """
        tensors, about = artefacts.load(path, "pretraining state")
        architecture = about.get("architecture", self.architecture)  # not in older states
        if architecture != self.architecture:
            raise ValueError(
                f"{path} is the state of {architecture}, expected {self.architecture}; take it "
                "away, or name its model."
            )
        if about["recipe"] != asdict(self.recipe):
            raise ValueError(
                f"{path} belongs to another recipe than the config's `pretraining`; delete it to "
                "start afresh."
            )
        weights: dict[str, Tensor] = {}
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("weight/"):
                weights[key.removeprefix("weight/")] = torch.from_numpy(value)
            elif key.startswith("optimizer/"):
                _, index, name = key.split("/")
                moments.setdefault(int(index), {})[name] = torch.from_numpy(value.copy())
        self.network.load_state_dict(weights, strict=False)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.step = about["step"]
        self.seconds = about["seconds"]
        self.losses = tensors["losses"].tolist()


def open_corpus(paths: Sequence[Path], recipe: PretrainingRecipe, shuffled: bool = False) -> Fetch:
    """The function that fetches pictures and captions by their indices.

    Args:
        paths: shards of the corpus, in order.
        recipe: whose corpus it is.
        shuffled: pairs every picture with the captions of another.

    Raises:
        ValueError: the shards do not hold as many pictures as the recipe asks for.
    """
    shards = [artefacts.load(path, "corpus shard")[0] for path in paths]
    images_NHWC = np.concatenate([shard.pop("images") for shard in shards])
    texts_NVT = np.concatenate([shard.pop("texts") for shard in shards])
    if len(images_NHWC) != recipe.num_images:
        raise ValueError(
            f"The shards hold {len(images_NHWC)} pictures, the recipe asks for {recipe.num_images}."
        )
    partner_N = np.arange(recipe.num_images)
    if shuffled:  # one step along a random circle: no picture keeps its own
        circle_N = generator("shuffled captions", recipe.seed).permutation(recipe.num_images)
        partner_N[circle_N] = np.roll(circle_N, 1)
    return lambda indices: (images_NHWC[indices], texts_NVT[partner_N[indices]])


def advance(pretraining: Pretraining, last: int) -> None:
    """Train `pretraining` up to step `last`, with a line in the log now and then."""
    started = time.monotonic()
    first = pretraining.step
    while pretraining.step < last:
        pretraining.advance()
        step = pretraining.step
        if step % LOG_EVERY == 0:
            rate = (time.monotonic() - started) / (step - first)
            loss = float(np.mean(pretraining.losses[-LOG_EVERY:]))
            left = rate * (last - step) / 60
            log.info("step %d/%d  loss %.4f  %.0f minutes left", step, last, loss, left)


def run(
    pretraining: Pretraining,
    state: Path,
    snapshot: Callable[[int, dict], None],
    snapshots: set[int],
    save_every: int = 250,
    num_steps: int | None = None,
) -> None:
    """Train to the end or for a stretch of it, from a saved state if there is one.

    Args:
        pretraining: at its beginning.
        state: file of the saved state.
        snapshot: (step, weights) → None, called at each step of `snapshots`.
        snapshots: steps.
        save_every: steps between two saves.
        num_steps: of this stretch; None: to the end.
    """
    if state.is_file():
        pretraining.resume(state)
        log.info("resumed at step %d", pretraining.step)
    if pretraining.step == 0 and 0 in snapshots:
        snapshot(0, pretraining.weights())
    last = pretraining.recipe.steps
    if num_steps is not None:
        last = min(last, pretraining.step + num_steps)
    while pretraining.step < last:
        step = pretraining.step
        next_save = (step // save_every + 1) * save_every
        advance(pretraining, min(s for s in (*snapshots, next_save, last) if s > step))
        step = pretraining.step
        if step in snapshots:
            snapshot(step, pretraining.weights())
        if step % save_every == 0 or step == last:
            pretraining.save(state)
