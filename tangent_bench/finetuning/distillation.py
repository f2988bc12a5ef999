"""The text tower of the embedded CLIPs: a small student of a real sentence encoder, then frozen.

    teacher   t(x) = P (e(x) − μ),  e(x) of length 1, by all-MiniLM-L6-v2
    student   s(x), open_clip's text transformer
    loss      the mean over texts of 1 − cos(s(x), t(x))

μ is the mean of the texts' e, P their first D principal directions, so that t has as many
coordinates as the embedding of the models. Texts: captions of the pre-training corpus, words of the
teacher's vocabulary, and prompts of all embedded tasks: a text tower that was trained on the web
has read these too. No image is looked at.

Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; Reimers and Gurevych, "Making
Monolingual Sentence Embeddings Multilingual using Knowledge Distillation", EMNLP 2020 (students of
sentence encoders). Shapes: N texts, L tokens, E embedding of the teacher, D of the student.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cosine_similarity, normalize
from torch.nn.utils.clip_grad import clip_grad_norm_
from torch.optim.adamw import AdamW

from tangent_bench import corpus, models, registry
from tangent_bench.corpus._captions import FRAMES, paraphrase
from tangent_bench.language.tokens import WordPieces
from tangent_bench.models import ASSETS, Model
from tangent_bench.models._prompts import text_side
from tangent_bench.seeds import derive, generator
from tangent_bench.store import artefacts
from tangent_bench.tangent import products

if TYPE_CHECKING:
    from tangent_bench.images.task import Task
    from tangent_bench.models import Clip

KIND = "text tower"
FILE = ASSETS / "text" / "tangent-text.safetensors"
LOG_EVERY = 50
PARTS = 4  # of a batch, by length, so that short texts are not filled up to the longest
SHOWN = 2_000  # texts of a group whose agreement is said
_WORD = re.compile(r"[a-z]{3,}")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Distillation:
    """All that the text tower depends on, beside the code and the teacher.

    Attributes:
        seed: of initialisation, texts and order.
        families: of the corpus whose captions are read, and how often each is drawn.
        num_captions: of the corpus, before equal ones are left out.
        steps, batch_size: optimiser steps, texts in each.
        shares: parts of a batch that are captions, words and prompts of tasks.
        learning_rate, weight_decay: AdamW with betas (0.9, 0.98); linear decay to 0.
        warmup_steps: of `steps`.
        precision: of the passes, "float32" or "bfloat16" by autocast.
    """

    seed: int
    families: Mapping[str, int]
    num_captions: int
    steps: int
    batch_size: int
    shares: Sequence[float]
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    precision: str

    @classmethod
    def from_config(cls, entry: Mapping) -> Distillation:
        """The recipe in `entry`, the config's `text_tower`."""
        return cls(**{field.name: entry[field.name] for field in fields(cls)})


def captions(recipe: Distillation) -> list[str]:
    """Distinct captions of the corpus, in order of the alphabet."""
    found = set()
    for index in range(recipe.num_captions):
        rng = generator("captions of the text tower", recipe.seed, index)
        found.add(paraphrase(rng, corpus.phrase(recipe.seed, index, recipe.families)))
    return sorted(found)


def words(vocabulary: Sequence[str], seed: int) -> list[str]:
    """Whole words of a vocabulary and names of classes, each alone and in the frame of a caption.

    The classes are those of the real data sets (ImageNet's, say), whose prompts are not read.
    """
    found = {word for word in vocabulary if _WORD.fullmatch(word)}
    for task in _tasks(embedded=False):
        found.update(task.class_names)
    rng = generator("words of the text tower", seed)
    framed = []
    for word in sorted(found):
        framed.append(FRAMES[int(rng.integers(len(FRAMES)))].format(word))
    return sorted({*found, *framed})


def prompts() -> list[str]:
    """Prompts of all embedded tasks, of every class in every template."""
    found = set()
    for task in _tasks(embedded=True):
        for template in task.templates:
            found.update(template.format(name) for name in task.class_names)
    return sorted(found)


def _tasks(embedded: bool) -> list[Task]:
    """The tasks whose images come with the package, or those of real data sets."""
    modules = registry.every("tasks").values()
    return [module.TASK for module in modules if hasattr(module, "ORIGIN") != embedded]


def targets(embeddings: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
    """P (e − μ) of each group of texts, [N, D], of length 1; μ and P are of the first group.

    Args:
        embeddings: of the teacher, [N, E] for each group of texts.
        size: D.
    """
    first_NE = embeddings[0].astype(np.float64)
    mean_E = first_NE.mean(0)
    centred_NE = first_NE - mean_E
    _, directions_EE = np.linalg.eigh(centred_NE.T @ centred_NE)
    directions_ED = directions_EE[:, ::-1][:, :size]
    found = []
    for group_NE in embeddings:
        projected_ND = (group_NE - mean_E) @ directions_ED
        lengths_N1 = np.linalg.norm(projected_ND, axis=1, keepdims=True)
        found.append((projected_ND / lengths_N1).astype(np.float32))
    return found


class Teacher:
    """all-MiniLM-L6-v2, as it is found on this machine (extra `language`).

    Raises:
        ValueError: its weights or its tokenizer are not there.
    """

    def __init__(self) -> None:
        self.model = models.find("minilm")
        self.side = text_side(self.model, "pretrained", "cpu")

    def vocabulary(self) -> list[str]:
        """Its word pieces, whole words among them."""
        file = models.weights_file(self.model)
        assert file is not None  # or there would be no text side
        return WordPieces(file.with_name("tokenizer.json")).vocabulary()

    @torch.no_grad()
    def __call__(self, texts: Sequence[str], precision: str, batch_size: int = 512) -> np.ndarray:
        """Embeddings of length 1, [N, E] float32; a text is read as far as the model reads."""
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        parts = []
        started = time.monotonic()
        for first in range(0, len(texts), batch_size):
            tokens_BL = self.side.tokenize(
                [texts[k] for k in by_length[first : first + batch_size]]
            )
            with passes(precision):
                embeddings_BE = self.side.encoder.encode_text(tokens_BL)
            parts.append(normalize(embeddings_BE.float(), dim=-1))
            if first // batch_size % LOG_EVERY == 0:
                seconds = time.monotonic() - started
                log.info("teacher: %d of %d texts, %.0f s", first, len(texts), seconds)
        found_NE = torch.empty_like(torch.cat(parts))
        found_NE[by_length] = torch.cat(parts)
        return found_NE.numpy()


@contextmanager
def passes(precision: str) -> Iterator[None]:
    """Passes on a CPU in a `precision`: "float32", or "bfloat16" by autocast.

    PyTorch's fused attention takes ten times as long backwards in bfloat16 on a CPU.
    """
    if precision == "float32":
        with products.fast():
            yield
        return
    products.say_if_slow(precision, "cpu")
    with torch.autocast("cpu", getattr(torch, precision)), sdpa_kernel(SDPBackend.MATH):
        yield


def text_state(network: Clip) -> dict[str, Tensor]:
    """The weights of the text side, by name: all but the image tower and the scale."""
    return {
        name: value
        for name, value in network.state_dict().items()
        if not name.startswith(("visual.", "logit_scale")) and name != "attn_mask"
    }


def features(network: Clip, tokens_BL: Tensor) -> Tensor:
    """What open_clip's `encode_text` projects, [B, W], without the columns that no text reaches."""
    length = int((tokens_BL != 0).sum(1).max())
    tokens_BL = tokens_BL[:, :length]
    x_BLW = network.token_embedding(tokens_BL) + network.positional_embedding[:length]
    x_BLW = network.transformer(x_BLW, attn_mask=network.attn_mask[:length, :length])
    ends_B = tokens_BL.argmax(1)  # the token of a text's end has the largest number
    return network.ln_final(x_BLW[torch.arange(len(x_BLW)), ends_B])


class Distilled(NamedTuple):
    """A text tower.

    Attributes:
        weights: by name, half precision.
        losses: of every step.
        agreement: mean cosine of student and teacher on each group of texts, of the rounded
            weights, on 2,000 texts at most.
    """

    weights: dict[str, np.ndarray]
    losses: np.ndarray
    agreement: list[float]


def distil(
    recipe: Distillation,
    model: Model,
    groups: Sequence[Sequence[str]],
    teach: Callable[[Sequence[str], str], np.ndarray],
) -> Distilled:
    """Train the text tower of a model, from random weights, to say what a teacher says.

    Args:
        recipe: of the distillation.
        model: whose text tower it is.
        groups: of texts, one for each of the recipe's shares.
        teach: texts and a precision → embeddings of length 1, [N, E].
    """
    wanted = targets(
        [teach(texts, recipe.precision) for texts in groups], models.embedding_size(model)
    )
    network = models.create(model, init="random", seed=derive("text tower", recipe.seed) % 2**31)
    tokenize = models.tokenizer(model)
    losses = _train(recipe, network, [_tokens(tokenize, texts) for texts in groups], wanted)
    weights = {
        name: value.numpy().astype(np.float16) for name, value in text_state(network).items()
    }
    fill(network, weights)
    agreement = []
    for texts, wanted_ND in zip(groups, wanted, strict=True):
        every = max(1, len(texts) // SHOWN)
        agreement.append(_agreement(network, tokenize, texts[::every], wanted_ND[::every]))
    return Distilled(weights, losses, agreement)


def _train(
    recipe: Distillation, network: Clip, tokens: Sequence[Tensor], wanted: Sequence[np.ndarray]
) -> np.ndarray:
    """Train the text side on tokens [N, L] and targets [N, D] of each group; returns the losses."""
    network.train()
    trained = [network.get_parameter(name) for name in text_state(network)]
    for parameter in trained:
        parameter.requires_grad_(True)
    optimizer = AdamW(
        [
            {"params": [p for p in trained if p.ndim >= 2], "weight_decay": recipe.weight_decay},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    counts = _counts(recipe)
    losses = []
    started = time.monotonic()
    for step in range(recipe.steps):
        rise = min(1.0, (step + 1) / recipe.warmup_steps)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * min(rise, 1 - step / recipe.steps)
        rng = generator("texts of a step", recipe.seed, step)
        rows = [rng.integers(0, len(t), size=n) for t, n in zip(wanted, counts, strict=True)]
        tokens_BL = torch.cat([t[row] for t, row in zip(tokens, rows, strict=True)]).long()
        wanted_BD = np.concatenate([t[row] for t, row in zip(wanted, rows, strict=True)])
        by_length_B = (tokens_BL != 0).sum(1).argsort(stable=True)
        with passes(recipe.precision):
            parts = [features(network, tokens_BL[part]) for part in by_length_B.chunk(PARTS)]
            said_BD = torch.cat(parts) @ network.text_projection
        wanted_BD = torch.from_numpy(wanted_BD)[by_length_B]
        loss = (1 - cosine_similarity(said_BD.float(), wanted_BD)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(trained, 1.0)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % LOG_EVERY == 0:
            left = (time.monotonic() - started) / (step + 1) * (recipe.steps - step - 1) / 60
            recent = float(np.mean(losses[-LOG_EVERY:]))
            of = f"{step + 1}/{recipe.steps}"
            log.info("step %s  loss %.4f  %.0f minutes left", of, recent, left)
    network.eval().requires_grad_(False)
    return np.array(losses)


def _tokens(tokenize: Callable, texts: Sequence[str]) -> Tensor:
    pieces = [tokenize(list(texts[k : k + 10_000])).short() for k in range(0, len(texts), 10_000)]
    return torch.cat(pieces)


def _counts(recipe: Distillation) -> list[int]:
    """Texts of each group in a batch; the last takes what rounding leaves."""
    counts = [int(share * recipe.batch_size) for share in recipe.shares]
    counts[-1] += recipe.batch_size - sum(counts)
    return counts


@torch.no_grad()
def _agreement(
    network: Clip, tokenize: Callable, texts: Sequence[str], wanted_ND: np.ndarray
) -> float:
    """Mean cosine of student and teacher."""
    said_ND = network.encode_text(tokenize(list(texts)))
    return float(cosine_similarity(said_ND, torch.from_numpy(wanted_ND)).mean())


def load_into(network: Clip, file: Path | None = None) -> None:
    """Fill the text side of a network with a text tower, that which is shipped if None is named.

    Raises:
        ValueError: the file is missing, damaged, or of another architecture.
    """
    file = file or FILE
    tensors, _ = artefacts.load(file, KIND)
    shapes = {name: tuple(value.shape) for name, value in text_state(network).items()}
    if shapes != {name: value.shape for name, value in tensors.items()}:
        raise ValueError(
            f"{file} is the text tower of another architecture than this model's; give the model "
            f"the `text_cfg` of {ASSETS / 'tiny' / 'tangent-tiny.json'}."
        )
    fill(network, tensors)


def fill(network: Clip, tensors: Mapping[str, np.ndarray]) -> None:
    """Put weights of the text side into a network, by name."""
    state = {name: torch.from_numpy(value).float() for name, value in tensors.items()}
    network.load_state_dict(state, strict=False)
