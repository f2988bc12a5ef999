"""A results folder of a small model, two tasks and a control, written by the plain functions of the
library.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from tangent_bench import models
from tangent_bench.models._tower import image_tower
from tangent_bench.store import artefacts, layout
from tests import small

TASKS, CONTROL, NUM = ("one", "two"), "held", 24
CONFIG = {
    "tasks": list(TASKS),
    "control": CONTROL,
    "coefficients": {"first": 0.0, "last": 1.0, "count": 3},
    "control_threshold": 0.95,
    "bootstrap": {"replicates": 100},
    "method": "task_arithmetic",
    "joint_training": {"trainings": []},
    "evaluation": {"batch_size": 10},
    "modes": ["none-network", "standard-network", "standard-tangent"],
}


def own_model(folder: Path) -> dict:
    """The config's entry of a model of the user's own, with weights in `folder`."""
    model = small.clip_model(folder)
    save_file(models.create(model, "random", 1).state_dict(), folder / "weights.safetensors")
    entry = {"architecture": model.architecture, "config": model.config, "merges": model.merges}
    return {"mine": {**entry, "weights": str(folder / "weights.safetensors")}}


def fill(root, custom):
    """Every artefact of two tasks and a control, by the plain functions of the library."""
    from tangent_bench.tangent import features

    tower = image_tower(models.find("mine", custom), "pretrained", 0)
    tau = {t: small.direction(tower.theta0, t, size=0.1) for t in TASKS}
    for task in (*TASKS, CONTROL):
        labels, base, change = np.arange(NUM) % 4, {}, {}
        head = 10 * small.normal("head", task, shape=(4, 6)).float().numpy()
        artefacts.save(root / layout.head("mine", "pretrained", task), "head", {"head": head})
        for split in ("val", "test"):
            images = small.pixels(NUM, 32, task, split)
            tensors = {"images": images, "labels": labels, "blocks": np.arange(NUM)}
            artefacts.save(
                root / layout.data(task, split), "images", tensors, class_names=list("abcd")
            )
            prepared = tower.prepare(images)
            base[split] = features.base(tower.module, tower.theta0, prepared, 7)
            base |= {f"{split}/labels": labels, f"{split}/blocks": np.arange(NUM)}
            found = features.changes(tower.module, tower.theta0, list(tau.values()), prepared, 7)
            change |= {f"{split}/{t}": f for t, f in zip(TASKS, found, strict=True)}
        facts = {"num_classes": 4, "images": {"val": "v", "test": "t"}, "theta0": tower.digest}
        artefacts.save(
            root / layout.base("mine", "pretrained", task), "base features", base, **facts
        )
        path = root / layout.features("mine", "pretrained", "standard", task, 5)
        artefacts.save(path, "features", change, theta0=tower.digest, vectors=list(TASKS))
    for task in TASKS:
        vector = {k: v.numpy() for k, v in tau[task].items()}
        save_vector(root, task, vector, tower.digest)
    return tower, tau


def save_vector(root, task, vector, digest):
    artefacts.save(
        root / layout.vector("mine", "pretrained", "standard", task, 5),
        "vector",
        vector,
        theta0=digest,
    )
