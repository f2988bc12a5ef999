"""Directions of merging methods: made of a results folder's vectors, encoded for the tangent side.

A direction is one of all tasks, which is a file, or one of each task by itself, which is made where
it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tangent_bench.store import layout

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from tangent_bench.measuring.results import Results
    from tangent_bench.merging import Merger
    from tangent_bench.methods import Data

# What a method looks at while it merges → the split that it is.
SPLITS = {
    "none": "",
    "unlabelled train": "train",
    "labelled validation": "val",
    "unlabelled test": "test",
}


def merge(
    results: Results, merger: Merger, training: str, tasks: Sequence[str]
) -> dict[str, Tensor]:
    """The direction of all tasks.

    Their vectors stay in their files, so that memory does not grow with the tasks.

    Args:
        results: the results folder.
        merger: the method.
        training: that made the vectors.
        tasks: whose vectors they are.

    Raises:
        ValueError: a vector belongs to another θ0, or does not match the model.
    """
    from tangent_bench.tangent.vectors import Stored

    tower = results.network
    vectors = {}
    for task in tasks:
        relative = layout.vector(results.model, results.init, training, task, results.seed)
        path = results.root / relative
        vectors[task] = Stored(path)
        if vectors[task].about["theta0"] != tower.digest:
            raise ValueError(
                f"{path} was made from other weights of {results.model!r} than are there now; "
                "delete it and run again."
            )
    theta0 = {key: value.cpu() for key, value in tower.theta0.items()}
    return merger.prepare(vectors, theta0, results.seed, data(results, merger, tasks))


def data(results: Results, merger: Merger, tasks: Sequence[str]) -> Data | None:
    """The images that the method may look at, by its contract; labels only if it says so."""
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
) -> dict[str, dict[str, Tensor]]:
    """Source → direction of a method that is not a fixed sum.

    Args:
        results: the results folder.
        training: that made the vectors.
        merger: the method.
        merges: "all" for the direction of all tasks, "each" for that of each, "" for none.
        tasks: whose vectors they are.
    """
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
    """J d by "task/split/source".

    It is that of the direction of all tasks on every task; with `each`, also that of the direction
    of each task on that task and on the control.

    Args:
        results: the results folder.
        merger: the method.
        training: that made the vectors.
        tasks: whose vectors they are.
        control: name of the control.
        batch_size: images that pass the network at a time.
        each: whether each task has a direction of its own.
    """
    from tangent_bench.tangent import features

    whole = of_job(results, training, merger, "all", tasks)
    single = of_job(results, training, merger, "each", tasks) if each else {}
    directions: dict[str, dict[str, dict[str, Tensor]]] = {}
    for task in tasks:
        source = merger.source([task])
        own = {source: single[source]} if source in single else {}
        directions[task] = whole | own
    if single:
        directions[control] = single
    tower = results.network
    encoded = {}
    for task, of_task in directions.items():
        for split in ("val", "test"):
            pictures = results.prepared(task, split)
            changes = features.changes(
                tower.module, tower.theta0, list(of_task.values()), pictures, batch_size
            )
            for source, change_ND in zip(of_task, changes, strict=True):
                encoded[f"{task}/{split}/{source}"] = change_ND
    return encoded
