"""What the made-up rows of a run have in common: model, seed, tasks and one source of noise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tangent_bench.seeds import generator
from tangent_bench.store.rows import Row

TASKS = (
    "mnist",
    "street_numbers",
    "icons",
    "pictograms",
    "letters",
    "scripts",
    "terrain",
    "objects",
)
CONTROL = "compositions"
MODES = (("standard", "network"), ("standard", "tangent"), ("linear", "tangent"))
NO_MODE = "none", "none"
GRID = [round(0.05 * i, 2) for i in range(21)]
NUM_TEST, NUM_VAL = 1200, 500
ZERO_SHOT = 0.46  # the mean over tasks
SINGLE = {"standard-network": 0.92, "standard-tangent": 0.80, "linear-tangent": 0.88}


class Maker:
    """A model and a fine-tuning seed.

    Attributes:
        zero: zero-shot accuracy by task.
    """

    def __init__(self, model: str, seed: int, tasks: tuple[str, ...]) -> None:
        self.model, self.seed, self.tasks = model, seed, tasks
        self.rng = generator("synthetic", model, seed)
        spread = generator("synthetic", "tasks")
        self.zero = {task: float(spread.uniform(0.2, 0.75)) for task in (*TASKS, *tasks)}

    def noise(self, size: float = 0.01) -> float:
        return float(self.rng.uniform(-size, size))

    def of(self, experiment: str, mode: tuple[str, str] = NO_MODE) -> Callable[..., Row]:
        """A maker of rows: metric, value and coordinates → row."""
        return partial(self._row, experiment, mode)

    def _row(
        self, experiment: str, mode: tuple[str, str], metric: str, value: float, **at: Any
    ) -> Row:
        """A row with an interval of the size that so many images give; `width` 0 leaves it out."""
        width, split = at.pop("width", None), at.pop("split", "test")
        num_tasks = len(self.tasks) if at["task"] in ("all", "own") else 1
        images = (NUM_TEST if split == "test" else NUM_VAL) * num_tasks
        half = 1.96 * np.sqrt(max(value * (1 - value), 0.01) / images) if width is None else width
        bounds = {"low": value - half, "high": value + half} if half else {}
        return Row(
            experiment=experiment,
            model=self.model,
            init="pretrained",
            training=mode[0],
            evaluation=mode[1],
            split=split,
            seed=self.seed,
            metric=metric,
            value=float(value),
            num_samples=images,
            **bounds,
            **at,
        )
