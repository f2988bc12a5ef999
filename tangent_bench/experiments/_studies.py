"""Studies: one job of an experiment, what it can ask, and the rows that it has found.

There is a class for each scope (`_scopes`).
Shapes: P points, N images, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from tangent_bench.measuring import resampling
from tangent_bench.measuring.evaluation import Evaluator, Point
from tangent_bench.measuring.results import Labels
from tangent_bench.store import replicates as row_replicates
from tangent_bench.store.layout import Mode

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.measuring.results import Results
    from tangent_bench.merging import Merger
    from tangent_bench.store.rows import Row

Replicates = Mapping[str, np.ndarray]  # metric → [R]
MEANS = ("all", "own")  # what stands for the task in the row of a mean over tasks
EACH = "each"  # and for the sources, where it runs over single vectors
Compared = TypeVar("Compared", bound=Hashable)


@dataclass(kw_only=True)
class Study:
    """One job of an experiment: its coordinates, and what it has found.

    Attributes:
        experiment: name of the experiment.
        model: name of the model.
        init: initialisation, or `layout.EVERY`.
        mode: of the job.
        seed: of the fine-tuning.
        tasks: names of the tasks.
        control: name of the control.
        num_replicates: of the bootstrap.
        labels: (task, split) → Labels.
        settings: the experiment's own section of the config.
        protocols: training → family of the checkpoints that its vectors were read from; a training
            that was run here has none.
        rows: found so far.
        replicates: metric → [R], kept for paired differences between modes and initialisations.
        deviations: name of a row (`store/replicates.py`) → its replicates less its value, [R − 1];
            of means over tasks on test images, which claims and tables stand on.
        num_units: name of such a row → independent units that were resampled.
    """

    experiment: str
    model: str
    init: str
    mode: Mode
    seed: int
    tasks: tuple[str, ...]
    control: str
    num_replicates: int
    labels: Callable[[str, str], Labels]
    settings: Mapping[str, Any] = field(default_factory=dict)
    protocols: Mapping[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    replicates: dict[str, np.ndarray] = field(default_factory=dict)
    deviations: dict[str, np.ndarray] = field(default_factory=dict)
    num_units: dict[str, int] = field(default_factory=dict)
    _weights: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def weights(self, task: str, split: str) -> np.ndarray:
        """Bootstrap counts of the images, [R, N]; the same in every job."""
        if (task, split) not in self._weights:
            blocks_N = self.labels(task, split).blocks
            self._weights[task, split] = resampling.weights(
                blocks_N, self.num_replicates, task, split
            )
        return self._weights[task, split]

    def size(self, split: str, *tasks: str) -> int:
        """Number of images of the tasks together."""
        return sum(len(self.labels(task, split).labels) for task in tasks)

    def add(
        self,
        metric: str,
        values: np.ndarray | float,
        *,
        sources: str,
        task: str,
        split: str,
        num_samples: int,
        **coordinates: Any,
    ) -> None:
        """Adds a row; of an array [R] the first is the value and the rest give the interval.

        Args:
            metric: its name, as in `rows`.
            values: the estimate alone, or with its replicates.
            sources: the vectors that took part, joined by +.
            task: whose images were looked at, or "all", "own", "each".
            split: of those images.
            num_samples: how many they are.
            coordinates: further ones, or others than the study's own (training, evaluation, init).
        """
        from tangent_bench.store.rows import Row  # pandas: not while the Snakefile is parsed

        values_R = np.atleast_1d(np.asarray(values, dtype=np.float64))
        low, high = resampling.interval(values_R) if len(values_R) > 1 else (None, None)
        own: dict[str, Any] = {
            "training": self.mode.training,
            "evaluation": self.mode.evaluation,
            "init": self.init,
            "protocol": self.protocol(coordinates.get("training", self.mode.training)),
        }
        self.rows.append(
            Row(
                experiment=self.experiment,
                model=self.model,
                seed=self.seed,
                sources=sources,
                task=task,
                split=split,
                metric=metric,
                value=float(values_R[0]),
                low=low,
                high=high,
                num_samples=num_samples,
                **(own | coordinates),
            )
        )
        if split == "test" and (task in MEANS or sources == EACH) and len(values_R) > 1:
            self._keep(self.rows[-1], values_R)

    def _keep(self, row: Row, values_R: np.ndarray) -> None:
        """Keeps the replicates of a row for the sidecar."""
        name = row_replicates.name(asdict(row))
        self.deviations[name] = (values_R[1:] - values_R[0]).astype(np.float32)
        evaluated = self.tasks if row.task in MEANS else (row.task,)
        self.num_units[name] = self._fewest_units(row.split, evaluated)

    def _fewest_units(self, split: str, tasks: Sequence[str]) -> int:
        """Independent units of the task that has fewest, of the images that are looked at.

        They are the first `num_images`, where the experiment's section limits them.
        """
        limit = self.settings.get("num_images")
        counts = [len(np.unique(self.labels(task, split).blocks[:limit])) for task in tasks]
        return min(counts)

    def protocol(self, training: str) -> str:
        """The family of checkpoints that a row of this training stands on."""
        return self.protocols.get(training, "own")

    def sidecar(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and facts to store beside the rows.

        Arrays are predictions per image and replicates; facts are the points of the predictions,
        the digests of the order of their images, and how many units were resampled.
        """
        arrays = {f"replicates/{name}": values for name, values in self.replicates.items()}
        for name, values in self.deviations.items():
            arrays[f"{row_replicates.SIDECAR}{name}"] = values
        units = {row_replicates.UNITS: self.num_units}
        return arrays, {"points": json.dumps({}), "image_orders": {}, **units}


@dataclass(kw_only=True)
class ModeStudy(Study):
    """A study in one mode: it asks for predictions at points of weight space.

    Attributes:
        evaluator: what predicts.
        merger: the method of merging.
        coefficients: the grid of α.
        control_threshold: share of its accuracy that the control keeps in negation.
        joint: whether the training has a vector of all tasks together.
        predictions: label/task/split → class indices [P, N], kept for the sidecar.
        points: label/task/split → the points that they were predicted at.
    """

    evaluator: Evaluator
    merger: Merger
    coefficients: np.ndarray
    control_threshold: float
    joint: bool = False
    predictions: dict[str, np.ndarray] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)

    def accuracy(
        self, task: str, split: str, points: Sequence[Point], keep: str = ""
    ) -> np.ndarray:
        """Accuracy at each point, [R, P].

        Args:
            task: whose images are looked at.
            split: of these images.
            points: of weight space.
            keep: label under which the predictions go into the sidecar; "": they do not.
        """
        predictions_PN = self.evaluator.predict(task, split, points)
        if keep:
            name = f"{keep}/{task}/{split}"
            self.predictions[name] = predictions_PN
            self.points[name] = list(points)
        correct_PN = predictions_PN == self.labels(task, split).labels
        return resampling.accuracy(correct_PN, self.weights(task, split))

    def hits(self, task: str, split: str, points: Sequence[Point]) -> np.ndarray:
        """Accuracy at each point without replicates, [P]."""
        predictions_PN = self.evaluator.predict(task, split, points)
        return (predictions_PN == self.labels(task, split).labels).mean(1)

    @property
    def merged_by(self) -> dict[str, str]:
        """The coordinates of rows that say how was merged."""
        return {"method": self.merger.name, "params_id": self.merger.params_id}

    def sidecar(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        kept, facts = super().sidecar()
        arrays = {f"predictions/{name}": values for name, values in self.predictions.items()}
        orders = {}
        for name in self.predictions:
            _, task, split = name.split("/")
            orders[f"{task}/{split}"] = self.labels(task, split).digest
        facts |= {"points": json.dumps(self.points), "image_orders": orders}
        return arrays | kept, facts


@dataclass(kw_only=True)
class ModelStudy(Study):
    """A study of a model.

    Attributes:
        results: the results folder; its files are there if the experiment `opens` them.
    """

    results: Results


@dataclass(kw_only=True)
class TrainingStudy(ModelStudy):
    """A study of one training's vectors."""

    def vector(self, task: str) -> Mapping[str, Tensor]:
        """τ of a task."""
        return self.results.vector(self.mode.training, task)

    @property
    def theta0(self) -> Mapping[str, Tensor]:
        """The parameters that all vectors start from."""
        return self.results.network.theta0


@dataclass(kw_only=True)
class ComparisonStudy(Study, Generic[Compared]):
    """A study of what other experiments left in several modes, or at several initialisations.

    Attributes:
        coefficients: the grid of α.
        others: (experiment, mode or initialisation) → metric → [R].
    """

    coefficients: np.ndarray
    others: Mapping[tuple[str, Compared], Replicates]

    def left_by(self, experiment: str) -> dict[Compared, Replicates]:
        """What one experiment left: mode or initialisation → metric → [R]."""
        return {key: kept for (name, key), kept in self.others.items() if name == experiment}


@dataclass(kw_only=True)
class AcrossModesStudy(ComparisonStudy[Mode]):
    """A comparison of modes."""

    def protocol(self, training: str) -> str:
        """All families of checkpoints that the compared modes stand on."""
        compared = {mode.training for _, mode in self.others} - {"none"}
        families = set()
        for name in compared or {training}:
            families.add(super().protocol(name))
        return "+".join(sorted(families))


@dataclass(kw_only=True)
class AcrossInitsStudy(ComparisonStudy[str]):
    """A comparison of initialisations.

    Attributes:
        method: name of the method of merging.
    """

    method: str
