"""Experiments: one file for each. A module has `EXPERIMENT` and `run(study)`, which adds rows to the study.

A study is one job: an experiment in one mode (or over one training's vectors, or over all modes together), for one
model, initialisation (or all of them) and seed.
Shapes: P points, N images, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench import registry
from tangent_bench.measuring import resampling
from tangent_bench.measuring.evaluation import Evaluator, Point
from tangent_bench.measuring.results import Labels
from tangent_bench.store.layout import Mode
from tangent_bench.store.rows import Row

if TYPE_CHECKING:
    from tangent_bench.measuring.results import Results
    from tangent_bench.merging import Merger

SCOPES = ("mode", "training", "model", "together", "inits")


@dataclass(frozen=True)
class Experiment:
    """What an experiment needs and where it runs.

    Attributes:
        title: one line for people.
        scope: "mode" (a job for each training × evaluation), "training" (a job for each training's vectors), "model"
            (one job, without vectors), "together" (one job that reads what other experiments left in all modes), or
            "inits" (a job for each training × evaluation that reads what they left at all initialisations).
        needs_vectors: False if it also runs in the mode without vectors (zero-shot).
        reads: for "together" and "inits": the experiments whose outcomes it compares.
        opens: for "training" and "model": whether the job opens the network, images, heads and features.
        merges: for "mode": what it moves along, the merged direction of "all" tasks or that of "each"; such experiments
            are run for every one of the config's `methods` as well.
        section: the section of the config that is its own, "" for none.
        reference: where it is defined.
        selected_on_test: number of coefficients that its cost assumes to be selected by some replicate, and so looked
            at on test; it depends on the data, and the fewer the more images there are. As on the tiny preset.
    """

    title: str
    scope: str
    reference: str
    needs_vectors: bool = True
    reads: tuple[str, ...] = ()
    opens: bool = False
    merges: str = ""
    section: str = ""
    selected_on_test: int = 0


@dataclass
class Study:
    """One job of an experiment: its coordinates, what it can ask, and what it has found.

    Attributes:
        merger: the method of merging, for experiments that merge.
        labels: (task, split) → Labels.
        vectors: source → τ, or None where only features are known.
        settings: the experiment's own section of the config.
        results: the results folder, for experiments that open it (`results.Results`: network, prepared, head, base,
            change).
        protocols: training → family of the checkpoints that its vectors were read from; none if it was run here.
        others: what a comparison reads: (experiment, mode), or (experiment, init) for the scope "inits", → metric →
            array [R].
        replicates: metric → array [R], kept for paired differences between modes and initialisations.
    """

    experiment: str
    model: str
    init: str
    mode: Mode
    seed: int
    tasks: tuple[str, ...]
    control: str
    coefficients: np.ndarray
    control_threshold: float
    num_replicates: int
    merger: Merger
    evaluator: Evaluator | None
    labels: Callable[[str, str], Labels] | None
    joint: bool = False
    vectors: Callable[[str], Mapping] | None = None
    theta0: Callable[[], Mapping] | None = None
    settings: Mapping = field(default_factory=dict)
    protocols: Mapping[str, str] = field(default_factory=dict)
    results: Results | None = None
    others: Mapping[tuple[str, Mode | str], Mapping[str, np.ndarray]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    replicates: dict[str, np.ndarray] = field(default_factory=dict)
    predictions: dict[str, np.ndarray] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    _weights: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def weights(self, task: str, split: str) -> np.ndarray:
        """Bootstrap counts of the images, [R, N]; the same in every job."""
        if (task, split) not in self._weights:
            blocks = self.labels(task, split).blocks
            self._weights[task, split] = resampling.weights(
                blocks, self.num_replicates, task, split
            )
        return self._weights[task, split]

    def accuracy(
        self, task: str, split: str, points: Sequence[Point], keep: str = ""
    ) -> np.ndarray:
        """Accuracy at each point, [R, P]. With `keep`, the predictions go into the sidecar under that label."""
        predictions_PN = self.evaluator.predict(task, split, points)
        if keep:
            name = f"{keep}/{task}/{split}"
            self.predictions[name], self.points[name] = predictions_PN, list(points)
        return resampling.accuracy(
            predictions_PN == self.labels(task, split).labels, self.weights(task, split)
        )

    def hits(self, task: str, split: str, points: Sequence[Point]) -> np.ndarray:
        """Accuracy at each point without replicates, [P]."""
        return (
            self.evaluator.predict(task, split, points) == self.labels(task, split).labels
        ).mean(1)

    def add(
        self,
        metric: str,
        values: np.ndarray | float,
        *,
        sources: str,
        task: str,
        split: str,
        num_samples: int,
        **where,
    ) -> None:
        """Add a row; of an array [R] the first is the value and the rest give the interval.

        Args:
            metric: its name, as in `rows`.
            values: the estimate alone, or with its replicates.
            sources: the vectors that took part, joined by +.
            task: whose images were looked at, or "all", "own", "each".
            split: of those images.
            num_samples: how many they are.
            where: further coordinates, or others than the study's own (training, evaluation, init).
        """
        values = np.atleast_1d(np.asarray(values, dtype=np.float64))
        low, high = resampling.interval(values) if len(values) > 1 else (None, None)
        own = {
            "training": self.mode.training,
            "evaluation": self.mode.evaluation,
            "init": self.init,
        }
        own["protocol"] = self.protocol(where.get("training", self.mode.training))
        self.rows.append(
            Row(
                experiment=self.experiment,
                model=self.model,
                seed=self.seed,
                sources=sources,
                task=task,
                split=split,
                metric=metric,
                value=float(values[0]),
                low=low,
                high=high,
                num_samples=num_samples,
                **own | where,
            )  # fmt: skip
        )

    def protocol(self, training: str) -> str:
        """The checkpoint family that a row stands on: of its training, or all of them where modes are compared."""
        compared = {mode.training for _, mode in self.others if isinstance(mode, Mode)} - {"none"}
        return "+".join(
            sorted({self.protocols.get(each, "own") for each in compared or {training}})
        )

    @property
    def merged_by(self) -> dict[str, str]:
        """The coordinates of rows that say how was merged."""
        return {"method": self.merger.name, "params_id": self.merger.params_id}

    def size(self, split: str, *tasks: str) -> int:
        """Number of images of the tasks together."""
        return sum(len(self.labels(task, split).labels) for task in tasks)

    def sidecar(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and facts to store beside the rows: predictions per image, replicates, points, digests of image
        orders.
        """
        arrays = {f"predictions/{k}": v for k, v in self.predictions.items()}
        arrays |= {f"replicates/{k}": v for k, v in self.replicates.items()}
        names = [k.split("/") for k in self.predictions]
        digests = {f"{task}/{split}": self.labels(task, split).digest for _, task, split in names}
        return arrays, {"points": json.dumps(self.points), "image_orders": digests}


def tuned(values_RA: np.ndarray, index_R: np.ndarray) -> np.ndarray:
    """values[r, index[r]] for each replicate: a statistic at the coefficient that the replicate itself selected."""
    return values_RA[np.arange(len(index_R)), index_R]


def crossed(config: Mapping, merger: Merger) -> list[str]:
    """The experiments of a config that are run for one of its `methods` as well.

    None is for the config's own `method`, with which they have been run.
    """
    if merger.label == config["method"]:
        return []
    return [
        name
        for name in config["method_experiments"]
        if name in config["experiments"]
        and merger.crosses(registry.load("experiments", name).EXPERIMENT.merges)
    ]
