"""Puts a finished pre-training into the package: `python -m tangent_bench.finetuning.shipping results/pretraining/tiny`.

Weights, the losses of every step, zero-shot accuracies and the model card; tests compare the shipped weights with all
of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tangent_bench import models, registry
from tangent_bench.store import artefacts
from tangent_bench.images.task import Images

ASSETS = models.ASSETS / "tiny"
TASKS = (
    "mnist", "street_numbers", "symbols", "scripts", "materials", "photographs", "terrain", "objects", "compositions",
)  # fmt: skip
EARLIER = (
    1.125,
    3.375,
    11.25,
    33.75,
)  # percent of the steps: image towers, in half precision to keep the repository small

_INTRODUCTION = """# Tiny ViT/8

An image–text model for tests and small experiments: open_clip's CLIP. Image tower: 32 px, patch 8, width 128, 4 layers,
4 heads (0.85 M parameters); text tower: width 128, 2 layers, 24 tokens of open_clip's tokenizer with its first 2,000
merges; embedding 256. Float32.

**Data**: generated pictures with captions (`tangent_bench/corpus`): glyphs of Computer Modern and STIX, outlines of
signs, shaded solids, textures, shaded relief, scenes, invented writing, layouts, fields. No photograph, no person, no
text from the web. One composition in 40 is held out. **Not for** anything outside this benchmark.

**Recipe** (`snakemake pretrain --cores all`): symmetric contrastive loss, AdamW with betas (0.9, 0.98), warm-up,
constant rate, linear cool-down, one thread.
"""


def zero_shot(network, tokenize, task: str, images: Images) -> float:
    """Share of images whose class the untouched model names, with the task's own prompts."""
    import torch

    from tangent_bench.images.pictures import prepare_images
    from tangent_bench.tangent import heads
    from tangent_bench.tangent.linearize import differentiable_attention

    about = registry.load("tasks", task).TASK
    head_KD = heads.build(network, tokenize, about.class_names, about.templates)
    visual = network.visual
    prepared = prepare_images(
        images.images, visual.image_size[0], visual.image_mean, visual.image_std
    )
    with torch.no_grad(), differentiable_attention():
        embeddings_ND = torch.cat([visual(batch) for batch in prepared.split(250)])
    return float(((embeddings_ND @ head_KD.T).argmax(1).numpy() == images.labels).mean())


def accuracies() -> dict[str, float]:
    """Zero-shot validation accuracy of the shipped weights on every task."""
    model = models.find("tiny")
    network, tokenize = models.create(model), models.tokenizer(model)
    return {
        task: zero_shot(network, tokenize, task, registry.load("tasks", task).load("val"))
        for task in TASKS
    }


def card(
    recipe: dict, sha256: str, losses: np.ndarray, zero: dict[str, float], record: dict
) -> str:
    """The model card as Markdown."""
    table = [
        "| key | value |",
        "| --- | --- |",
        *(f"| {key} | {value} |" for key, value in recipe.items()),
    ]
    zero_shot_table = [
        "| task | accuracy (%) |",
        "| --- | ---: |",
        *(f"| {t} | {100 * v:.1f} |" for t, v in zero.items()),
    ]
    lines = [
        _INTRODUCTION,
        *table,
        "",
        f"**Result**: mean loss of the first 20 steps {losses[:20].mean():.3f}, "
        f"of the last 100 {losses[-100:].mean():.3f}.",
        f"**Time**: {record['minutes']:.0f} minutes of one thread on {record['machine']}.",
        f"**Content sha256** (`tangent_bench.store.artefacts.digest`): `{sha256}`.",
        "",
        "Zero-shot accuracy on validation images:",
        "",
        *zero_shot_table,
        "",
        "Licence: MIT, as the code.",
        "",
    ]
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Copy weights and losses of `folder` into the package and write what describes them."""
    import json

    weights, about = artefacts.load(folder / "tangent-tiny.safetensors", "pretraining weights")
    sha256 = artefacts.save(
        ASSETS / "tangent-tiny.safetensors", "pretraining weights", weights, step=about["step"]
    )
    for percent in EARLIER:
        step = round(about["step"] * percent / 100)
        tower, _ = artefacts.load(
            folder / f"snapshots/step-{step:05d}.safetensors", "pretraining weights"
        )
        half = {
            k.removeprefix("visual."): v.astype(np.float16)
            for k, v in tower.items()
            if k.startswith("visual.")
        }
        artefacts.save(
            ASSETS / f"along/step-{round(percent)}.safetensors",
            "pretraining weights",
            half,
            step=step,
        )
    text = (folder / "losses.csv").read_text(encoding="utf-8")
    artefacts.write_text(ASSETS / "losses.csv", text)
    losses = np.array([float(line.split(",")[1]) for line in text.split()[1:]])
    record = json.loads((folder / "logs" / "pretrain.json").read_text(encoding="utf-8"))
    zero = accuracies()
    rows = [f"{task},val,{value:.6f}" for task, value in zero.items()]
    artefacts.write_text(ASSETS / "zero_shot.csv", "\n".join(["task,split,accuracy", *rows]) + "\n")
    facts = {
        "minutes": record["training_seconds"] / 60,
        "machine": f"{record['processor']}, {record['system']}",
    }
    artefacts.write_text(
        ASSETS / "CARD.md", card(record["params"]["recipe"], sha256, losses, zero, facts)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/pretraining/tiny"))
