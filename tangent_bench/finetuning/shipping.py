"""Puts a finished pre-training into the package: `tangent-bench ship results/pretraining/tiny`.

The package gets weights, the losses of every step, zero-shot accuracies and the model card; tests
compare the shipped weights with all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench import models, registry
from tangent_bench.images.task import Images
from tangent_bench.store import artefacts

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.models import Clip

ASSETS = models.ASSETS / "tiny"
KIND = "pretraining weights"
TASKS = (
    "mnist",
    "street_numbers",
    "symbols",
    "scripts",
    "materials",
    "photographs",
    "terrain",
    "objects",
    "compositions",
)
# Percent of the steps whose image towers are shipped, in half precision to keep the repository
# small.
EARLIER = (1.125, 3.375, 11.25, 33.75)

_INTRODUCTION = """# Tiny ViT/8

An image–text model for tests and small experiments: open_clip's CLIP. Image tower: 32 px, patch \
8, width 128, 4 layers,
4 heads (0.85 M parameters); text tower: width 128, 2 layers, 24 tokens of open_clip's tokenizer \
with its first 2,000
merges; embedding 256. Float32.

**Data**: generated pictures with captions (`tangent_bench/corpus`): glyphs of Computer Modern \
and STIX, outlines of
signs, shaded solids, textures, shaded relief, scenes, invented writing, layouts, fields. No \
photograph, no person, no
text from the web. One composition in 40 is held out. **Not for** anything outside this benchmark.

**Recipe** (`snakemake pretrain --cores all`): symmetric contrastive loss, AdamW with betas \
(0.9, 0.98), warm-up,
constant rate, linear cool-down, one thread.
"""


def zero_shot(
    network: Clip, tokenize: Callable[[list[str]], Tensor], task: str, images: Images
) -> float:
    """Share of images whose class the untouched model names, with the task's own prompts.

    Args:
        network: open_clip's model.
        tokenize: its tokenizer.
        task: name of a task.
        images: of that task, with their labels.
    """
    import torch

    from tangent_bench.images.pictures import prepare_images
    from tangent_bench.tangent import heads
    from tangent_bench.tangent.linearize import differentiable_attention

    classes = registry.load("tasks", task).TASK
    head_KD = heads.build(network, tokenize, classes.class_names, classes.templates)
    visual = network.visual
    side = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
    prepared = prepare_images(images.images, side, visual.image_mean, visual.image_std)
    with torch.no_grad(), differentiable_attention():
        embeddings_ND = torch.cat([visual(batch) for batch in prepared.split(250)])
    return float(((embeddings_ND @ head_KD.T).argmax(1).numpy() == images.labels).mean())


def accuracies() -> dict[str, float]:
    """Zero-shot validation accuracy of the shipped weights on every task."""
    model = models.find("tiny")
    network = models.create(model)
    tokenize = models.tokenizer(model)
    shares = {}
    for task in TASKS:
        shares[task] = zero_shot(network, tokenize, task, registry.load("tasks", task).load("val"))
    return shares


def card(
    recipe: Mapping[str, object],
    sha256: str,
    losses: np.ndarray,
    zero: Mapping[str, float],
    record: Mapping[str, float | str],
) -> str:
    """The model card as Markdown.

    Args:
        recipe: key → value, for a table.
        sha256: content digest of the weights.
        losses: of every step.
        zero: task → zero-shot accuracy.
        record: "minutes" of training and the "machine".
    """
    recipe_rows = [f"| {key} | {value} |" for key, value in recipe.items()]
    accuracy_rows = [f"| {task} | {100 * value:.1f} |" for task, value in zero.items()]
    lines = [
        _INTRODUCTION,
        "| key | value |",
        "| --- | --- |",
        *recipe_rows,
        "",
        f"**Result**: mean loss of the first 20 steps {losses[:20].mean():.3f}, "
        f"of the last 100 {losses[-100:].mean():.3f}.",
        f"**Time**: {record['minutes']:.0f} minutes of one thread on {record['machine']}.",
        f"**Content sha256** (`tangent_bench.store.artefacts.digest`): `{sha256}`.",
        "",
        "Zero-shot accuracy on validation images:",
        "",
        "| task | accuracy (%) |",
        "| --- | ---: |",
        *accuracy_rows,
        "",
        "Licence: MIT, as the code.",
        "",
    ]
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Copy weights and losses of `folder` into the package and write what describes them."""
    weights, about = artefacts.load(folder / "tangent-tiny.safetensors", KIND)
    file = ASSETS / "tangent-tiny.safetensors"
    sha256 = artefacts.save(file, KIND, weights, step=about["step"])
    for percent in EARLIER:
        _ship_tower(folder, percent, round(about["step"] * percent / 100))
    losses = _ship_losses(folder)
    accuracy = accuracies()
    rows = [f"{task},val,{value:.6f}" for task, value in accuracy.items()]
    artefacts.write_text(ASSETS / "zero_shot.csv", "\n".join(["task,split,accuracy", *rows]) + "\n")
    record = json.loads((folder / "logs" / "pretrain_model.json").read_text(encoding="utf-8"))
    facts = {
        "minutes": record["training_seconds"] / 60,
        "machine": f"{record['processor']}, {record['system']}",
    }
    text = card(record["params"]["recipe"], sha256, losses, accuracy, facts)
    artefacts.write_text(ASSETS / "CARD.md", text)


def _ship_tower(folder: Path, percent: float, step: int) -> None:
    """The image tower of an earlier step, in half precision."""
    snapshot, _ = artefacts.load(folder / f"snapshots/step-{step:05d}.safetensors", KIND)
    tower = {}
    for key, value in snapshot.items():
        if key.startswith("visual."):
            tower[key.removeprefix("visual.")] = value.astype(np.float16)
    file = ASSETS / f"along/step-{round(percent)}.safetensors"
    artefacts.save(file, KIND, tower, step=step)


def _ship_losses(folder: Path) -> np.ndarray:
    text = (folder / "losses.csv").read_text(encoding="utf-8")
    artefacts.write_text(ASSETS / "losses.csv", text)
    return np.array([float(line.split(",")[1]) for line in text.split()[1:]])
