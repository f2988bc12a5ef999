"""A run with outcomes of addition in each method, to take models from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import open_clip
import pytest
import torch
from torch import Tensor

from tangent_bench import merging
from tangent_bench.experiments import task_addition
from tangent_bench.experiments._opening import study
from tangent_bench.export import Request, Wish
from tangent_bench.measuring import directions
from tangent_bench.measuring.results import Results
from tangent_bench.store import artefacts, layout, rows
from tangent_bench.store.layout import Mode
from tests.results_folder import CONFIG, CONTROL, TASKS, fill, own_model

MODES = ("standard-network", "standard-tangent")
METHODS = {
    "task_arithmetic": merging.find("task_arithmetic"),
    "weight_average": merging.find("weight_average"),
    "ties": merging.find("ties", {"keep": 0.4}),
    "lines+tsv_m": merging.find("lines+tsv_m"),
}


class Run(NamedTuple):
    """A results folder with the outcomes of addition, and the model that it is of."""

    root: Path
    custom: dict[str, Any]
    results: Results


def build(root: Path, folder_of_model: Path) -> Run:
    """A results folder in which every method was added, of a model of its own."""
    custom = own_model(folder_of_model)
    tower, _ = fill(root, custom)
    results = Results(root, "mine", "pretrained", 5, custom)
    for merger in METHODS.values():
        if not merger.is_sum:
            _merge(results, merger, tower.digest)
        for mode in MODES:
            _outcome(results, merger, mode)
    return Run(root, custom, results)


def _merge(results, merger, digest) -> None:
    """The direction of a method, and what it changes."""
    made = directions.merge(results, merger, "standard", TASKS)
    path = results.root / layout.merged("mine", "pretrained", "standard", merger.label, 5)
    artefacts.save(path, "vector", {k: v.numpy() for k, v in made.items()}, theta0=digest)
    found = directions.encode(results, merger, "standard", TASKS, CONTROL, 7, each=False)
    path = results.root / layout.merged_features("mine", "pretrained", "standard", merger.label, 5)
    artefacts.save(path, "features", found, theta0=digest)


def _outcome(results, merger, mode) -> None:
    """What a job of addition leaves."""
    made = study(results, "task_addition", Mode.parse(mode), CONFIG, merger)
    task_addition.run(made)
    label = "" if merger.name == CONFIG["method"] else merger.label
    place = ("task_addition", "mine", "pretrained", mode, 5)
    tensors, about = made.sidecar()
    file = results.root / layout.outcome(*place, "safetensors", label)
    artefacts.save(file, "outcome", tensors, **about)
    rows.write(file.with_suffix(".csv"), rows.frame(made.rows))


def asked(run: Run, method: str, out: Path, **further: Any) -> Request:
    """A request for a model of a results folder."""
    wish = Wish(**{"mode": "standard-network"} | further.pop("wish", {}))
    merger = METHODS.get(method) or merging.find(method)
    request = {"results": run.root, "wish": wish, "custom_models": run.custom}
    return Request(merger, out, **request | further)


def predicted(run: Run, label: str, mode: str, alpha: float, task: str) -> np.ndarray:
    """What the outcomes say of the test images of a task, at a coefficient."""
    folder = "" if label == "task_arithmetic" else label
    place = ("task_addition", "mine", "pretrained", mode, 5)
    arrays, about = artefacts.load(
        run.root / layout.outcome(*place, "safetensors", folder), "outcome"
    )
    points = json.loads(about["points"])[f"addition/{task}/test"]
    (number,) = [
        number
        for number, point in enumerate(points)
        if sum(point.values()) == pytest.approx(alpha * _sum(label))
    ]
    return arrays[f"predictions/addition/{task}/test"][number]


def _sum(label: str) -> float:
    """The coefficients of a point at α = 1, added up."""
    return 2.0 if label == "task_arithmetic" else 1.0


def classes(run: Run, task: str, encode: Callable[[Tensor], Tensor]) -> np.ndarray:
    """The classes that an encoder sees in the test images of a task."""
    images = run.results.prepared(task, "test").tensor()
    with torch.no_grad():
        logits = encode(images) @ torch.from_numpy(run.results.head(task)).T
    return logits.argmax(1).numpy()


def of_open_clip(run: Run, out: Path) -> torch.nn.Module:
    """The file as open_clip itself loads it."""
    open_clip.add_model_config(Path(run.custom["mine"]["config"]))
    return open_clip.create_model(run.custom["mine"]["architecture"], pretrained=str(out)).eval()
