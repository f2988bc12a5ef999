"""What methods reached, read from the outcomes in a results folder.

Those of `task_addition` and `task_negation` are read. A place is a model, an initialisation and a
mode; in each place every method has an outcome for each seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tangent_bench import registry
from tangent_bench.judging.comparison import Tuned
from tangent_bench.store import artefacts, layout

ADDITION = "task_addition"
NEGATION = "task_negation"
# Names of the replicates in the outcomes: of a task, by experiment, and of the control.
METRICS = {ADDITION: "accuracy_tuned", NEGATION: "target_accuracy_tuned"}
CONTROL = "control_accuracy_tuned"


class Place(NamedTuple):
    """Where methods meet; `mode` as in the config."""

    model: str
    init: str
    mode: str

    def __str__(self) -> str:
        extra = "" if self.init == "pretrained" else f" ({self.init})"
        return f"{self.model}{extra}, {self.mode}"


def places(root: Path, experiment: str = ADDITION) -> list[Place]:
    """Returns all places of a results folder in which an experiment merged vectors.

    Args:
        root: the results folder.
        experiment: `ADDITION` or `NEGATION`.
    """
    folders = sorted((root / "outcomes" / experiment).glob("*/*/*/"))
    return [Place(*folder.parts[-3:]) for folder in folders if folder.is_dir()]


def labels(root: Path, place: Place, experiment: str = ADDITION) -> list[str]:
    """Returns the methods that have outcomes in a place of the results folder `root`.

    The config's `method` comes first, if the rows of this `experiment` are there.
    """
    folder = _folder(root, place, experiment)
    others = [path.name for path in folder.iterdir() if _has_rows(path)]
    return [*_usual(folder), *sorted(others)]


def read(
    root: Path,
    place: Place,
    label: str,
    experiment: str = ADDITION,
    seeds: Sequence[int] | None = None,
) -> Tuned:
    """Reads what a method reached.

    Args:
        root: the results folder.
        place: where the method was evaluated.
        label: the method's label.
        experiment: `ADDITION` or `NEGATION`.
        seeds: the seeds to read, in this order; None: all, in ascending order.

    Raises:
        ValueError: it has no outcomes there, or its seeds resampled other images.
    """
    files = _files(root, place, label, experiment, seeds)
    prefix = f"replicates/{METRICS[experiment]}/"
    accuracy: dict[str, list[np.ndarray]] = {}
    for file in files.values():
        tensors, _ = artefacts.load(file, "outcome")
        for key, replicates in tensors.items():
            if key.startswith(prefix):
                accuracy.setdefault(key.removeprefix(prefix), []).append(replicates)
    for task, replicates in accuracy.items():
        if len(replicates) < len(files) or len({values.shape for values in replicates}) > 1:
            raise ValueError(
                f"{label} in {place}: its seeds differ in tasks or replicates ({task}); "
                "build them again."
            )
    tables = [file.with_suffix(".csv") for file in files.values()]
    coefficients, at_edge = _selected(tables)
    stacked = {task: np.array(replicates) for task, replicates in accuracy.items()}
    return Tuned(label, stacked, coefficients, at_edge)


class Selection(NamedTuple):
    """What validation images chose for one method and seed.

    Attributes:
        coefficients: the tasks that were added, joined by "+" → α; all of them come first.
        grid: the least and the largest α that were tried; None if the rows do not say.
    """

    coefficients: dict[str, float]
    grid: tuple[float, float] | None


def selection(root: Path, place: Place, label: str, seed: int) -> Selection:
    """Reads which coefficients addition selected.

    Args:
        root: the results folder.
        place: where the method was evaluated.
        label: the method's label.
        seed: of the fine-tuning.

    Raises:
        ValueError: it has no outcome there.
    """
    from tangent_bench.store.rows import read as read_rows

    file = _files(root, place, label, ADDITION, [seed])[seed]
    table = read_rows(file.with_suffix(".csv"))
    chosen = table[table["metric"] == "selected_coefficient"]
    subsets = table[(table["metric"] == METRICS[ADDITION]) & (table["task"] == "own")]
    coefficients = dict(zip(chosen["sources"], chosen["value"], strict=True))
    coefficients |= dict(zip(subsets["sources"], subsets["coefficient"], strict=True))
    tried = table.loc[(table["metric"] == "accuracy") & (table["split"] == "val"), "coefficient"]
    grid = (float(tried.min()), float(tried.max())) if len(tried) else None
    return Selection({tasks: float(alpha) for tasks, alpha in coefficients.items()}, grid)


def seeds_of(root: Path, place: Place, label: str, experiment: str = ADDITION) -> list[int]:
    """Returns the seeds at which a method has outcomes.

    Args:
        root: the results folder.
        place: where the method was evaluated.
        label: the method's label.
        experiment: `ADDITION` or `NEGATION`.
    """
    return list(_files(root, place, label, experiment))


def image_orders(root: Path, place: Place, label: str) -> dict[str, str]:
    """Returns task/split → digest of the images that a method was evaluated on, in their order.

    Args:
        root: the results folder.
        place: where the method was evaluated.
        label: the method's label.
    """
    first = next(iter(_files(root, place, label, ADDITION).values()))
    return artefacts.load(first, "outcome")[1].get("image_orders", {})


def control(root: Path, place: Place, label: str, seeds: Sequence[int] | None = None) -> np.ndarray:
    """Returns the mean control accuracy of a method's negations, [S, 1 + R].

    Args:
        root: the results folder.
        place: where the method was evaluated.
        label: the method's label.
        seeds: the seeds to read; None: all.
    """
    files = _files(root, place, label, NEGATION, seeds).values()
    return np.array([artefacts.load(file, "outcome")[0][f"replicates/{CONTROL}"] for file in files])


def num_units(root: Path, place: Place, tasks: Iterable[str]) -> dict[str, int]:
    """Returns the number of independent test images of each of the tasks.

    Args:
        root: the results folder.
        place: its model and initialisation have the base features.
        tasks: names of tasks.
    """
    counts = {}
    for task in tasks:
        path = root / layout.base(place.model, place.init, task)
        tensors, _ = artefacts.load(path, "base features")
        counts[task] = len(np.unique(tensors["test/blocks"]))
    return counts


def _folder(root: Path, place: Place, experiment: str) -> Path:
    folder = root / "outcomes" / experiment / place.model / place.init / place.mode
    if not folder.is_dir():
        raise ValueError(
            f"{folder} is not there; build it first, with `make regress` or the preset of that "
            "folder."
        )
    return folder


def _has_rows(path: Path) -> bool:
    return path.is_dir() and any(path.glob("seed-*.csv"))


def _usual(folder: Path) -> list[str]:
    """Returns the method whose outcomes lie in the folder itself."""
    from tangent_bench.store.rows import read as read_rows

    first = min(folder.glob("seed-*.csv"), default=None)
    return sorted(set(read_rows(first)["method"]) - {""}) if first else []


def _files(
    root: Path, place: Place, label: str, experiment: str, seeds: Sequence[int] | None = None
) -> dict[int, Path]:
    """Returns seed → sidecar of the outcome."""
    sidecars = _sidecars(_folder(root, place, experiment), label)
    if not sidecars:
        known = labels(root, place, experiment)
        hint = registry.did_you_mean(label, known)
        raise ValueError(
            f"There is no outcome of {label!r} in {place} under {root}; there are "
            f"{', '.join(known) or 'none'}.{hint}"
        )
    for seed in seeds or []:
        if seed not in sidecars:
            raise ValueError(
                f"{label} in {place} has no outcome of seed {seed}; it has {sorted(sidecars)}."
            )
    return {seed: sidecars[seed] for seed in seeds or sorted(sidecars)}


def _sidecars(folder: Path, label: str) -> dict[int, Path]:
    """Returns seed → sidecar, from the method's own folder or from the place's."""
    if (folder / label).is_dir():
        folder = folder / label
    elif label not in _usual(folder):
        return {}
    return {int(re.sub(r"\D", "", file.stem)): file for file in folder.glob("seed-*.safetensors")}


def _selected(files: Sequence[Path]) -> tuple[list[float], int]:
    """Returns each seed's selected coefficient, and how many seeds are at the grid's edge."""
    from tangent_bench.store.rows import read as read_rows

    coefficients = []
    num_at_edge = 0
    for file in files:
        table = read_rows(file)
        chosen = table.loc[table["metric"] == "selected_coefficient", "value"]
        edge = table.loc[table["metric"] == "selected_at_edge", "value"]
        coefficients.append(float(chosen.mean()))
        num_at_edge += bool(edge.max())
    return coefficients, num_at_edge
