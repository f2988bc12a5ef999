"""What methods reached, read from the outcomes of `task_addition` and `task_negation` in a results folder.

A place is a model, an initialisation and a mode; in each of them every method has an outcome for each seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tangent_bench.judging.comparison import Tuned
from tangent_bench.store import artefacts, layout

ADDITION, NEGATION = "task_addition", "task_negation"
# What the replicates of a task are called, and those of the control, in the outcomes of each.
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
    """All places of a results folder in which vectors were merged."""
    folders = sorted((root / "outcomes" / experiment).glob("*/*/*/"))
    return [Place(*folder.parts[-3:]) for folder in folders if folder.is_dir()]


def labels(root: Path, place: Place, experiment: str = ADDITION) -> list[str]:
    """The methods that have outcomes there, the config's `method` first, as far as its rows are there."""
    folder = _folder(root, place, experiment)
    return [
        *_usual(folder),
        *sorted(f.name for f in folder.iterdir() if f.is_dir() and any(f.glob("seed-*.csv"))),
    ]


def read(
    root: Path,
    place: Place,
    label: str,
    experiment: str = ADDITION,
    seeds: Sequence[int] | None = None,
) -> Tuned:
    """A method at these seeds, or at all that it has, in order.

    Raises:
        ValueError: it has no outcomes there, or its seeds resampled other images.
    """
    files = _files(root, place, label, experiment, seeds)
    accuracy: dict[str, list[np.ndarray]] = {}
    for seed in files:
        tensors, _ = artefacts.load(files[seed], "outcome")
        start = f"replicates/{METRICS[experiment]}/"
        for key in (k for k in tensors if k.startswith(start)):
            accuracy.setdefault(key.removeprefix(start), []).append(tensors[key])
    uneven = [
        task
        for task, found in accuracy.items()
        if len({v.shape for v in found}) > 1 or len(found) < len(files)
    ]
    if uneven:
        raise ValueError(
            f"{label} in {place}: its seeds differ in tasks or replicates ({uneven[0]}); build them again."
        )
    coefficients, at_edge = _selected([file.with_suffix(".csv") for file in files.values()])
    return Tuned(
        label, {task: np.array(found) for task, found in accuracy.items()}, coefficients, at_edge
    )


def seeds_of(root: Path, place: Place, label: str, experiment: str = ADDITION) -> list[int]:
    """The seeds at which a method has outcomes."""
    return list(_files(root, place, label, experiment))


def image_orders(root: Path, place: Place, label: str) -> dict[str, str]:
    """Digests of the images, in their order, that a method was evaluated on: task/split → digest."""
    first = next(iter(_files(root, place, label, ADDITION).values()))
    return artefacts.load(first, "outcome")[1].get("image_orders", {})


def control(root: Path, place: Place, label: str, seeds: Sequence[int] | None = None) -> np.ndarray:
    """Mean control accuracy of a method's negations, [S, 1 + R]."""
    files = _files(root, place, label, NEGATION, seeds).values()
    return np.array([artefacts.load(file, "outcome")[0][f"replicates/{CONTROL}"] for file in files])


def num_units(root: Path, place: Place, tasks: Iterable[str]) -> dict[str, int]:
    """Independent test images of each task."""
    found = {}
    for task in tasks:
        tensors, _ = artefacts.load(
            root / layout.base(place.model, place.init, task), "base features"
        )
        found[task] = len(np.unique(tensors["test/blocks"]))
    return found


def _folder(root: Path, place: Place, experiment: str) -> Path:
    folder = root / "outcomes" / experiment / place.model / place.init / place.mode
    if not folder.is_dir():
        raise ValueError(
            f"{folder} is not there; build it first, with `make regress` or the preset of that folder."
        )
    return folder


def _usual(folder: Path) -> list[str]:
    """The method of the outcomes that lie in the folder itself."""
    from tangent_bench.store.rows import read as read_rows

    first = min(folder.glob("seed-*.csv"), default=None)
    return sorted(set(read_rows(first)["method"]) - {""}) if first else []


def _files(
    root: Path, place: Place, label: str, experiment: str, seeds: Sequence[int] | None = None
) -> dict[int, Path]:
    """Seed → sidecar."""
    folder = _folder(root, place, experiment)
    own = (
        folder / label if (folder / label).is_dir() else folder if label in _usual(folder) else None
    )
    found = (
        {int(re.sub(r"\D", "", f.stem)): f for f in own.glob("seed-*.safetensors")} if own else {}
    )
    if not found:
        known = ", ".join(labels(root, place, experiment)) or "none"
        raise ValueError(
            f"There is no outcome of {label!r} in {place} under {root}; there are {known}."
        )
    if missing := [seed for seed in seeds or [] if seed not in found]:
        raise ValueError(
            f"{label} in {place} has no outcome of seed {missing[0]}; it has {sorted(found)}."
        )
    return {seed: found[seed] for seed in seeds or sorted(found)}


def _selected(files: Sequence[Path]) -> tuple[list[float], int]:
    from tangent_bench.store.rows import read as read_rows

    tables = [read_rows(file) for file in files]
    both = [
        [t.loc[t["metric"] == m, "value"] for t in tables]
        for m in ("selected_coefficient", "selected_at_edge")
    ]
    return [float(v.mean()) for v in both[0]], sum(bool(v.max()) for v in both[1])
