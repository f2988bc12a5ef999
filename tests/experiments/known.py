"""Studies whose accuracies are known beforehand: an evaluator that answers from formulas."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from tangent_bench import merging
from tangent_bench.experiments import (
    AcrossInits,
    AcrossInitsStudy,
    AcrossModes,
    AcrossModesStudy,
    EachMode,
    EachModel,
    EachTraining,
    ModelStudy,
    ModeStudy,
    Scope,
    Study,
    TrainingStudy,
    scope_of,
)
from tangent_bench.images.inputs import Pixels
from tangent_bench.measuring.results import Labels
from tangent_bench.measuring.selection import grid
from tangent_bench.models._tower import Tower
from tangent_bench.store.layout import Mode
from tangent_bench.tangent import features
from tangent_bench.tangent.linearize import parameters
from tests import small

TASKS, CONTROL, NUM, CLASSES = ("a", "b", "c"), "control", {"val": 40, "test": 200}, 4


def labels(task: str, split: str) -> Labels:
    order = np.arange(NUM[split], dtype=np.int64)
    return Labels(order % CLASSES, order, CLASSES, f"digest of {task}/{split}")


class Known:
    """Predicts as many images right as `accuracy(task, split, point)` says, and writes down what it
    was asked.
    """

    def __init__(self, accuracy: Callable[[str, str, dict], float]) -> None:
        self.accuracy, self.asked = accuracy, []

    def predict(self, task, split, points, limit=None):
        truth, rows = labels(task, split).labels, []
        for point in points:
            self.asked.append((task, split, tuple(sorted(point.items()))))
            right = round(self.accuracy(task, split, dict(point)) * len(truth))
            # Right ones are spread over the images, so that their resampling is fair.
            place = np.argsort(np.argsort((np.arange(len(truth)) * 37) % len(truth)))
            rows.append(np.where(place < right, truth, (truth + 1) % CLASSES))
        return np.stack(rows).astype(np.uint16)[:, :limit]

    def embeddings(self, task, split, points, limit=None):
        """Random ones, to which each vector adds random ones of its own."""
        shape = (len(labels(task, split).labels[:limit]), 6)
        for point in points:
            self.asked.append((task, split, tuple(sorted(point.items()))))
            found = small.normal("f0", task, split, shape=shape).numpy()
            for source, coefficient in point.items():
                moved = small.normal("change", task, split, source, shape=shape).numpy()
                found = found + coefficient * moved
            yield found


@cache
def _tower() -> Tower:
    """A small transformer in float32."""
    with tempfile.TemporaryDirectory() as folder:
        network = small.vit(Path(folder), torch.float32)
    inputs = Pixels(32, (0.5,) * 3, (0.25,) * 3)
    return Tower(network, parameters(network), "digest of θ0", inputs)


class Folder:
    """A results folder in memory, as experiments that open one see it: a small network, three tasks
    and a control.
    """

    def __init__(self) -> None:
        self.network = _tower()

    def random_network(self, seed: int) -> Tower:
        theta = {
            key: small.normal("random", seed, key, shape=v.shape).float()
            for key, v in self.network.theta0.items()
        }
        return replace(self.network, theta0=theta, digest=f"digest of random {seed}")

    def prepared(self, task: str, split: str):
        return self.network.prepare(small.pixels(NUM[split], 32, task, split))

    def head(self, task: str) -> np.ndarray:
        return small.normal("head", task, shape=(CLASSES, 6)).float().numpy()

    def vector(self, training: str, source: str) -> dict:
        return small.direction(self.network.theta0, training, source, size=0.02)

    def base(self, task: str, split: str) -> np.ndarray:
        return features.base(
            self.network.module, self.network.theta0, self.prepared(task, split), 50
        )

    def change(self, training: str, task: str, split: str, source: str) -> np.ndarray:
        tower, tau = self.network, self.vector(training, source)
        return features.changes(tower.module, tower.theta0, [tau], self.prepared(task, split), 50)[
            0
        ]


# Settings of experiments that have a section in the config, small enough for a test of seconds.
_DISENTANGLEMENT = {
    "pairs": [],
    "num_images": 50,
    "wide": {"first": -3.0, "last": 3.0, "count": 5},
    "unit": {"first": 0.0, "last": 1.0, "count": 3},
}
SETTINGS: dict[str, dict] = {
    "ntk_theory": {
        "train_points": 8,
        "test_points": 6,
        "hidden_layers": 2,
        "widths": [16, 32, 64],
        "initialisations": 3,
        "learning_rate": 1.0,
        "steps": 10,
    },
    "cost_growth": {
        "rounds": 3,
        "memory_rounds": 2,
        "batch_size": 4,
        "base": {"tasks": 2, "coefficients": 2, "images": 4, "width": 32, "depth": 1},
        "values": {
            "tasks": [1, 2],
            "coefficients": [1, 2],
            "images": [4, 8],
            "width": [32, 64],
            "depth": [1, 2],
        },
    },
    "kernel_gap": {
        "num_images": 40,
        "path": [0.5, 1.0],
        "ntk_images": 6,
        "ntk_directions": 2,
        "regression_images": 20,
        "regression_directions": 1,
        "ridges": [0.01, 1.0],
        "batch_size": 16,
    },
    "ntk_localization": {
        "kernel_point": "theta0",
        "num_images": 12,
        "outputs": "embedding",
        "probes": 2,
        "choice": "label_energy",
        "label_energy": 0.9,
        "null_draws": 3,
    },
    "task_analogies": {"quadruples": [["a", "b", "c", CONTROL]]},
    "vector_localization": {"num_images": 50, "coefficients": [0.5, 1.0]},
    "disentanglement": _DISENTANGLEMENT,
    "disentanglement_comparison": _DISENTANGLEMENT,
    "pretraining_ablation": _DISENTANGLEMENT,
}


def study(experiment: str, accuracy=None, mode: str = "standard-network", **changed) -> Study:
    """The study of an experiment, of the kind that its scope opens."""
    about = {
        "experiment": experiment,
        "model": "tiny",
        "init": "pretrained",
        "mode": Mode.parse(mode),
        "seed": 3,
        "tasks": TASKS,
        "control": CONTROL,
        "num_replicates": 60,
        "labels": labels,
        "settings": SETTINGS.get(experiment, {}),
    }
    kind, own = _kind(scope_of(experiment), accuracy)
    return kind(**(about | own | changed))


def _kind(scope: Scope, accuracy) -> tuple[type[Study], dict]:
    """The class of a scope's studies, and what is its own."""
    coefficients = grid(0.0, 1.0, 11)
    match scope:
        case EachMode():
            return ModeStudy, {
                "evaluator": Known(accuracy),
                "merger": merging.find("task_arithmetic"),
                "coefficients": coefficients,
                "control_threshold": 0.95,
            }
        case EachTraining():
            return TrainingStudy, {"results": Folder()}
        case EachModel():
            return ModelStudy, {"results": Folder()}
        case AcrossModes():
            return AcrossModesStudy, {"coefficients": coefficients, "others": {}}
        case AcrossInits():
            return AcrossInitsStudy, {
                "coefficients": coefficients,
                "others": {},
                "method": "task_arithmetic",
            }
    raise AssertionError(scope)


def pick(table, **where):
    """The rows with these coordinates; None means empty."""
    for column, value in where.items():
        found = table[column]
        table = table[
            found.isna()
            if value is None
            else np.isclose(found, value)
            if isinstance(value, float)
            else found == value
        ]
    return table


def one(table, **where):
    """The value of the only row with these coordinates."""
    found = pick(table, **where)
    assert len(found) == 1, (where, found)
    return float(found["value"].iloc[0])
