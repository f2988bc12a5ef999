"""Directions of merging methods in a results folder: made of the vectors there, and encoded for the tangent side.

A direction is one of all tasks, which is a file, or one of each task by itself, which is made where it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tangent_bench.store import layout

if TYPE_CHECKING:
    import numpy as np

    from tangent_bench.measuring.results import Results
    from tangent_bench.merging import Merger
    from tangent_bench.methods import Data

SPLITS = {
    "none": "",
    "unlabelled train": "train",
    "labelled validation": "val",
    "unlabelled test": "test",
}


def merge(results: Results, merger: Merger, training: str, tasks: Sequence[str]) -> dict:
    """The direction of all tasks. Their vectors stay in their files, so that memory does not grow with the tasks.

    Raises:
        ValueError: a vector belongs to another θ0, or does not match the model.
    """
    from tangent_bench.tangent.vectors import Stored

    tower, vectors = results.network, {}
    for task in tasks:
        path = results.root / layout.vector(
            results.model, results.init, training, task, results.seed
        )
        vectors[task] = Stored(path)
        if vectors[task].about["theta0"] != tower.digest:
            raise ValueError(
                f"{path} was made from other weights of {results.model!r} than are there now; delete it and run again."
            )
    theta0 = {key: value.cpu() for key, value in tower.theta0.items()}
    return merger.prepare(vectors, theta0, results.seed, data(results, merger, tasks))


def data(results: Results, merger: Merger, tasks: Sequence[str]) -> Data | None:
    """What the method may look at, by its contract: images of one split, and labels if it says so."""
    import torch

    from tangent_bench.methods import Data

    split = SPLITS[merger.method.data]
    if not split:
        return None

    tower = results.network

    def labels(task: str, number: int) -> torch.Tensor:
        return torch.from_numpy(results.labels(task, split).labels[:number]).to(tower.device)

    return Data(
        network=tower.module,
        heads={task: torch.from_numpy(results.head(task)).to(tower.device) for task in tasks},
        images=lambda task, number: results.prepared(task, split)[:number].tensor(),
        labels=labels if merger.method.data.startswith("labelled") else None,
    )


def of_job(
    results: Results, training: str, merger: Merger, merges: str, tasks: Sequence[str]
) -> dict[str, dict]:
    """Source → direction of a method that is no fixed sum: of "all" tasks, or of "each"."""
    if not merges or merger.is_sum:
        return {}
    if merges == "all":
        return {merger.source(tasks): results.merged(training, merger.label)}
    vectors = {task: results.vector(training, task) for task in tasks}
    images = data(results, merger, tasks)
    theta0 = results.network.theta0
    return {
        merger.source([task]): merger.prepare({task: vector}, theta0, results.seed, images)
        for task, vector in vectors.items()
    }


def encode(
    results: Results,
    merger: Merger,
    training: str,
    tasks: Sequence[str],
    control: str,
    batch_size: int,
    each: bool,
) -> dict[str, np.ndarray]:
    """J d by "task/split/source": of the direction of all tasks on every task; with `each`, of the direction of each
    task on that task and on the control.
    """
    from tangent_bench.tangent import features

    whole = of_job(results, training, merger, "all", tasks)
    single = of_job(results, training, merger, "each", tasks) if each else {}
    asked: dict[str, Mapping[str, dict]] = {
        task: whole | {s: d for s, d in single.items() if s == merger.source([task])}
        for task in tasks
    }
    if single:
        asked[control] = single
    found, tower = {}, results.network
    for task, wanted in asked.items():
        for split in ("val", "test"):
            pictures = results.prepared(task, split)
            changes = features.changes(
                tower.module, tower.theta0, list(wanted.values()), pictures, batch_size
            )
            found |= {
                f"{task}/{split}/{s}": change for s, change in zip(wanted, changes, strict=True)
            }
    return found
