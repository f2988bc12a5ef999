"""Scopes: what one job of an experiment covers, in which modes it runs and which files it reads.

Rules, the plan and the config's checks ask the scope of an experiment; none of them knows its kind.
Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from tangent_bench import registry
from tangent_bench.store import layout
from tangent_bench.store.layout import Mode

if TYPE_CHECKING:
    from tangent_bench.experiments import _studies
    from tangent_bench.experiments._opening import Opening

NO_VECTORS = "none"  # the training of a mode without vectors


@dataclass(frozen=True)
class Coordinates:
    """Where one job of an experiment stands.

    Attributes:
        model: name in the config.
        init: initialisation, or `layout.EVERY` in a job that compares initialisations.
        mode: of the job; a part that the scope has no use for is "none", or "all".
        seed: of the fine-tuning.
    """

    model: str
    init: str
    mode: Mode
    seed: int | str


@dataclass(frozen=True)
class Scope(ABC):
    """What one job covers.

    Attributes:
        merges: the direction that it moves along: the merged one of "all" tasks, that of "each", or
            "" for none. What merges is run for every one of the config's `methods` as well.
        reads: the experiments whose outcomes a comparison reads; of others none.
        min_inits: how many initialisations a run must have.
    """

    min_inits: ClassVar[int] = 1
    merges: str = field(default="", init=False)
    reads: tuple[str, ...] = field(default=(), init=False)

    @abstractmethod
    def modes(self, config: Mapping) -> list[Mode]:
        """The modes that have jobs."""

    def models(self, config: Mapping) -> list[str]:
        """The models that have jobs."""
        return list(config["models"])

    def inits(self, config: Mapping) -> list[str]:
        """The initialisations that have jobs."""
        return list(config["inits"])

    def seeds(self, config: Mapping) -> list[int]:
        """The fine-tuning seeds that have jobs."""
        return list(config["seeds"])

    @abstractmethod
    def inputs(self, config: Mapping, at: Coordinates) -> list[str]:
        """The files that a job reads, relative to the results folder."""

    def settings(self, config: Mapping, mode: Mode) -> dict[str, Any]:
        """What of the config a job reads that jobs of other scopes do not."""
        return {}

    def runs_network(self, mode: Mode) -> bool:
        """Whether a job passes images through a network."""
        return False

    def loads_network(self, mode: Mode) -> bool:
        """Whether a job loads PyTorch and the model."""
        return self.runs_network(mode)

    @abstractmethod
    def study(self, opening: Opening) -> _studies.Study:
        """Opens the study of a job."""


@dataclass(frozen=True)
class EachMode(Scope):
    """A job for each training × evaluation.

    Attributes:
        merges: see `Scope`.
        needs_vectors: False for an experiment that also runs without vectors (zero-shot).
    """

    merges: str = ""
    needs_vectors: bool = True

    def modes(self, config: Mapping) -> list[Mode]:
        return [mode for mode in _modes(config) if has_vectors(mode) or not self.needs_vectors]

    def inputs(self, config: Mapping, at: Coordinates) -> list[str]:
        """f0, labels and heads; and vectors with images, or features, which need neither."""
        files = [*_base(config, at), *_heads(config, at)]
        if self.runs_network(at.mode):
            return [*files, *_vectors(config, at), *_images(config)]
        if has_vectors(at.mode):
            return [*files, *_features(config, at)]
        return files

    def settings(self, config: Mapping, mode: Mode) -> dict[str, Any]:
        return {"evaluation": config["evaluation"]} if self.runs_network(mode) else {}

    def runs_network(self, mode: Mode) -> bool:
        return mode.evaluation == "network" and has_vectors(mode)

    def study(self, opening: Opening) -> _studies.ModeStudy:
        return opening.mode_study(self)


@dataclass(frozen=True)
class EachTraining(Scope):
    """A job for each training's vectors.

    Attributes:
        opens: whether a job opens images, heads and features beside the vectors.
    """

    opens: bool = False

    def modes(self, config: Mapping) -> list[Mode]:
        return [Mode(training, "none") for training in config["trainings"]]

    def inputs(self, config: Mapping, at: Coordinates) -> list[str]:
        vectors = _vectors(config, at)
        if not self.opens:
            return vectors
        opened = [*_base(config, at), *_heads(config, at), *_images(config)]
        return [*opened, *vectors, *_features(config, at)]

    def runs_network(self, mode: Mode) -> bool:
        return self.opens

    def loads_network(self, mode: Mode) -> bool:
        return True

    def study(self, opening: Opening) -> _studies.TrainingStudy:
        return opening.training_study()


@dataclass(frozen=True)
class EachModel(Scope):
    """A job for each model, without vectors; the fine-tuning seed changes nothing in it.

    Attributes:
        opens: whether a job opens the network, images and heads.
    """

    opens: bool = False

    def modes(self, config: Mapping) -> list[Mode]:
        return [Mode(NO_VECTORS, "none")]

    def seeds(self, config: Mapping) -> list[int]:
        return list(config["seeds"][:1])

    def inputs(self, config: Mapping, at: Coordinates) -> list[str]:
        if not self.opens:
            return []
        return [*_base(config, at), *_heads(config, at), *_images(config)]

    def runs_network(self, mode: Mode) -> bool:
        return self.opens

    def study(self, opening: Opening) -> _studies.ModelStudy:
        return opening.model_study()


@dataclass(frozen=True)
class Once(EachModel):
    """A single job, about none of the models; its rows stand under the first one's name."""

    def models(self, config: Mapping) -> list[str]:
        return list(config["models"][:1])

    def inits(self, config: Mapping) -> list[str]:
        return list(config["inits"][:1])


@dataclass(frozen=True)
class AcrossModes(Scope):
    """A job that compares what other experiments left in all modes.

    Attributes:
        reads: these experiments; a run need not have all of them.
    """

    reads: tuple[str, ...]

    def modes(self, config: Mapping) -> list[Mode]:
        return [Mode("all", "none")]

    def inputs(self, config: Mapping, at: Coordinates) -> list[str]:
        files = _base(config, at)
        for experiment in self.compared(config):
            for mode in of(experiment).modes(config):
                files.append(_sidecar(experiment, replace(at, mode=mode)))
        return files

    def compared(self, config: Mapping) -> list[str]:
        """The experiments of `reads` that the config has; all of them if it has none."""
        present = [name for name in self.reads if name in config["experiments"]]
        return present or list(self.reads)

    def settings(self, config: Mapping, mode: Mode) -> dict[str, Any]:
        return {"modes": config["modes"], "reads": self.compared(config)}

    def study(self, opening: Opening) -> _studies.AcrossModesStudy:
        return opening.across_modes_study()


@dataclass(frozen=True)
class AcrossInits(Scope):
    """A job for each training × evaluation that compares what is left at all initialisations.

    Attributes:
        reads: the experiments that left it.
    """

    min_inits: ClassVar[int] = 2
    reads: tuple[str, ...]

    def modes(self, config: Mapping) -> list[Mode]:
        return list(filter(has_vectors, _modes(config)))

    def inits(self, config: Mapping) -> list[str]:
        return [layout.EVERY]

    def inputs(self, config: Mapping, at: Coordinates) -> list[str]:
        """Labels, which are the same at every initialisation, are read at the first."""
        files = _base(config, replace(at, init=config["inits"][0]))
        for experiment in self.reads:
            for init in config["inits"]:
                files.append(_sidecar(experiment, replace(at, init=init)))
        return files

    def settings(self, config: Mapping, mode: Mode) -> dict[str, Any]:
        return {"inits": config["inits"]}

    def study(self, opening: Opening) -> _studies.AcrossInitsStudy:
        return opening.across_inits_study(self)


def of(experiment: str) -> Scope:
    """The scope of an experiment."""
    return registry.load("experiments", experiment).EXPERIMENT.scope


def has_vectors(mode: Mode) -> bool:
    """Whether a mode has vectors, unlike zero-shot."""
    return mode.training != NO_VECTORS


def _modes(config: Mapping) -> Iterator[Mode]:
    return map(Mode.parse, config["modes"])


def evaluated(config: Mapping) -> list[str]:
    """The tasks that models are evaluated on: those of the config, and the control."""
    return [*config["tasks"], config["control"]]


def _sidecar(experiment: str, at: Coordinates) -> str:
    return layout.outcome(experiment, at.model, at.init, at.mode, at.seed, "safetensors")


def _base(config: Mapping, at: Coordinates) -> list[str]:
    return [layout.base(at.model, at.init, task) for task in evaluated(config)]


def _heads(config: Mapping, at: Coordinates) -> list[str]:
    kind = config["heads"]
    return [layout.head(at.model, at.init, task, kind) for task in evaluated(config)]


def _images(config: Mapping) -> list[str]:
    return [layout.data(task, split) for task in evaluated(config) for split in ("val", "test")]


def _vectors(config: Mapping, at: Coordinates) -> list[str]:
    sources = layout.sources(config, at.mode.training)
    return [layout.vector(at.model, at.init, at.mode.training, name, at.seed) for name in sources]


def _features(config: Mapping, at: Coordinates) -> list[str]:
    training = at.mode.training
    return [
        layout.features(at.model, at.init, training, task, at.seed) for task in evaluated(config)
    ]
