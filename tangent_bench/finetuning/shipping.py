"""Puts a finished pre-training into the package: `tangent-bench ship results/pretraining/small`.

`tangent-bench ship results/pretraining/text` is for the text tower, which all of them have.

The package gets weights in half precision, the losses of every step, zero-shot accuracies and the
model card; tests compare the shipped weights with all of them. θ0 is what was shipped, so the
accuracies are those of the rounded weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tangent_bench import corpus, models, registry
from tangent_bench.finetuning import distillation
from tangent_bench.finetuning.pretraining import PretrainingRecipe
from tangent_bench.finetuning.stretches import KIND
from tangent_bench.images.task import Images
from tangent_bench.models import Model, _open_clip
from tangent_bench.store import artefacts

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.models import Clip

Arrays = Mapping[str, np.ndarray]

MAX_BYTES = 40_000_000  # of all files that are shipped, of all models together
TASKS = (
    "mnist",
    "street_numbers",
    "icons",
    "pictograms",
    "letters",
    "scripts",
    "terrain",
    "objects",
    "compositions",
)
# Percent of the steps whose image towers are shipped, of a model that has towers along its way.
EARLIER = (1.125, 3.375, 11.25, 33.75)
IMAGE_TOWER = "visual."  # begins the names of its weights


class Shipped(NamedTuple):
    """What a card tells of a model.

    Attributes:
        model: as the plug-in has it.
        weights: as they are shipped.
        recipe: of the pre-training, the config's `pretraining`.
        losses: of every step.
        zero_shot: task → accuracy on validation images.
        hours: of training.
        machine: on which it was trained.
    """

    model: Model
    weights: Arrays
    recipe: Mapping[str, Any]
    losses: np.ndarray
    zero_shot: Mapping[str, float]
    hours: float
    machine: str


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


def accuracies(model: Model, tasks: Sequence[str] = TASKS) -> dict[str, float]:
    """Zero-shot validation accuracy of a model on every task."""
    network = models.create(model)
    tokenize = models.tokenizer(model)
    shares = {}
    for task in tasks:
        shares[task] = zero_shot(network, tokenize, task, registry.load("tasks", task).load("val"))
    return shares


def halved(weights: Arrays, owner: str) -> dict[str, np.ndarray]:
    """Weights in half precision.

    Args:
        weights: in any precision.
        owner: whose they are, for the error.

    Raises:
        ValueError: a weight is no finite number, or beyond half precision.
    """
    half = {}
    for name, value in weights.items():
        with np.errstate(over="ignore"):
            half[name] = value.astype(np.float16)
        if not np.isfinite(half[name]).all():
            raise ValueError(
                f"{owner}: {name} has weights beyond the range of half precision; look at the "
                "losses of its pre-training."
            )
    return half


def card(shipped: Shipped) -> str:
    """The model card as Markdown."""
    losses = shipped.losses
    lines = [
        *_introduction(shipped.model, shipped.weights),
        *_data(shipped.recipe["families"]),
        *_recipe(shipped.recipe),
        f"**Result**: mean loss of the first 20 steps {losses[:20].mean():.3f}, "
        f"of the last 100 {losses[-100:].mean():.3f}.",
        f"**Time**: {shipped.hours:.1f} hours on {shipped.machine}.",
        "**Content sha256** (`tangent_bench.store.artefacts.digest`): "
        f"`{artefacts.digest(dict(shipped.weights))}`.",
        "",
        *_accuracies(shipped.zero_shot),
        "Licence: MIT, as the code.",
        "",
    ]
    return "\n".join(lines)


def _introduction(model: Model, weights: Arrays) -> list[str]:
    """What the model is, in the numbers of its JSON file."""
    about = _open_clip.description(model.architecture, model.config)
    image = about["vision_cfg"]
    text = about["text_cfg"]
    image_weights = [value for name, value in weights.items() if name.startswith(IMAGE_TOWER)]
    millions = sum(value.size for value in image_weights) / 1e6
    return [
        f"# {model.title}",
        "",
        "An image–text model for tests and small experiments: open_clip's CLIP, in half "
        "precision. Image tower:",
        f"{image['image_size']} px, patch {image['patch_size']}, width {image['width']}, "
        f"{image['layers']} layers, {millions:.2f} M parameters; text tower:",
        f"width {text['width']}, {text['layers']} layers, {text['context_length']} tokens of "
        f"open_clip's tokenizer with its first 2,000 merges, frozen ([card](../text/CARD.md)) but "
        f"for its projection; embedding {about['embed_dim']}.",
        "",
    ]


def _data(families: Mapping[str, int]) -> list[str]:
    """The families of the corpus, as often as they were drawn."""
    lines = [
        "**Data**: pictures from programs, with captions (`tangent_bench/corpus`), and real icons "
        "and letters of no task",
        "([whose they are](../../../typefaces/assets/LICENCES.md)). No photograph, no person. "
        f"One composition in {corpus.HELD_OUT_MODULUS} is held out. **Not for** "
        "anything outside this benchmark.",
        "",
        "| family | share (%) | what it shows |",
        "| --- | ---: | --- |",
    ]
    total = sum(families.values())
    for name, times in families.items():
        shows = (corpus.family(name).__doc__ or "").split("\n\n")[0].replace("\n", " ")
        lines.append(f"| {name} | {100 * times / total:.0f} | {shows} |")
    return [*lines, ""]


def _recipe(entry: Mapping[str, Any]) -> list[str]:
    names = [field.name for field in fields(PretrainingRecipe)]
    return [
        "**Recipe** (`snakemake pretrain --cores all`): symmetric contrastive loss, AdamW with "
        "betas (0.9, 0.98), warm-up,",
        "constant rate, linear cool-down.",
        "",
        "| key | value |",
        "| --- | --- |",
        *(f"| {name} | {entry[name]} |" for name in sorted(names)),
        "",
    ]


def _accuracies(zero: Mapping[str, float]) -> list[str]:
    return [
        "Zero-shot accuracy on validation images:",
        "",
        "| task | accuracy (%) |",
        "| --- | ---: |",
        *(f"| {task} | {100 * value:.1f} |" for task, value in zero.items()),
        "",
    ]


def main(folder: Path, assets: Path = models.ASSETS, tasks: Sequence[str] = TASKS) -> None:
    """Copy weights and losses of a pre-training into the package, and write what describes them.

    Args:
        folder: of the pre-training, named as the model's plug-in.
        assets: of the package, with a folder for each model.
        tasks: whose zero-shot accuracies are measured.

    Raises:
        ValueError: there is no such plug-in, or the pre-training is not finished.
    """
    name = folder.resolve().name
    if name == "text":
        _ship_text(folder, assets)
        return
    model = models.find(name)
    weights, about = artefacts.load(folder / f"tangent-{name}.safetensors", KIND)
    file = assets / name / f"tangent-{name}.safetensors"
    half = halved(weights, model.title)
    artefacts.save(file, KIND, half, step=about["step"])
    if model.along:
        for percent in EARLIER:
            _ship_tower(folder, assets / name, percent, round(about["step"] * percent / 100))
    zero = accuracies(replace(model, weights=str(file), sealed=True), tasks)
    rows = [f"{task},val,{value:.6f}" for task, value in zero.items()]
    text = "\n".join(["task,split,accuracy", *rows]) + "\n"
    artefacts.write_text(assets / name / "zero_shot.csv", text)
    losses = _ship_losses(folder, assets / name)
    record = json.loads((folder / "logs/pretrain_model.json").read_text(encoding="utf-8"))
    shipped = Shipped(model, half, record["params"]["recipe"], losses, zero, *_effort(record))
    artefacts.write_text(assets / name / "CARD.md", card(shipped))


def _ship_text(folder: Path, assets: Path) -> None:
    """The text tower, and its card."""
    weights, about = artefacts.load(folder / "tangent-text.safetensors", distillation.KIND)
    facts = {"texts": about["texts"], "agreement": about["agreement"]}
    artefacts.save(
        assets / "text" / "tangent-text.safetensors",
        distillation.KIND,
        weights,
        step=about["step"],
        **facts,
    )
    record = json.loads((folder / "logs/distil_text.json").read_text(encoding="utf-8"))
    rows = zip(("captions", "words", "prompts"), about["texts"], about["agreement"], strict=True)
    lines = [
        "# Text tower",
        "",
        "open_clip's text transformer (width 256, 2 layers), a student of all-MiniLM-L6-v2 "
        "(https://hf.co/sentence-transformers, Apache-2.0),",
        "from its own sentence embeddings (`tangent_bench/finetuning/distillation.py`). All "
        "embedded models have it, frozen but for its",
        "projection. Half precision.",
        "",
        "| texts | how many | cosine with the teacher |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {num:,} | {cosine:.3f} |" for name, num, cosine in rows),
        "",
        "Captions are those of the pre-training corpus, words those of the teacher's vocabulary "
        "and of the classes of real data sets, prompts",
        "those of all embedded tasks. No image was looked at.",
        "",
        "| key | value |",
        "| --- | --- |",
        *(f"| {key} | {value} |" for key, value in sorted(record["params"]["recipe"].items())),
        "",
        f"**Content sha256**: `{artefacts.digest(dict(weights))}`.",
        "",
        "Licence: MIT, as the code.",
        "",
    ]
    artefacts.write_text(assets / "text" / "CARD.md", "\n".join(lines))


def _effort(record: Mapping[str, Any]) -> tuple[float, str]:
    """Hours of training, and the machine."""
    processor = record.get("gpu") or f"one thread of {record['processor']}"
    return record["training_seconds"] / 3600, f"{processor}, {record['system']}"


def _ship_tower(folder: Path, assets: Path, percent: float, step: int) -> None:
    """The image tower of an earlier step."""
    snapshot, _ = artefacts.load(folder / f"snapshots/step-{step:05d}.safetensors", KIND)
    tower = {}
    for key, value in snapshot.items():
        if key.startswith(IMAGE_TOWER):
            tower[key.removeprefix(IMAGE_TOWER)] = value
    file = assets / f"along/step-{round(percent)}.safetensors"
    artefacts.save(file, KIND, halved(tower, f"Step {step}"), step=step)


def _ship_losses(folder: Path, assets: Path) -> np.ndarray:
    text = (folder / "losses.csv").read_text(encoding="utf-8")
    artefacts.write_text(assets / "losses.csv", text)
    return np.array([float(line.split(",")[1]) for line in text.split()[1:]])
