"""Opens the study of one job from a results folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tangent_bench import merging, registry
from tangent_bench.experiments import (
    AcrossInits,
    AcrossInitsStudy,
    AcrossModesStudy,
    EachMode,
    Experiment,
    ModelStudy,
    ModeStudy,
    Replicates,
    Study,
    TrainingStudy,
    scope_of,
)
from tangent_bench.measuring import directions
from tangent_bench.measuring.evaluation import Evaluator, NetworkEvaluator, TangentEvaluator
from tangent_bench.measuring.results import Results
from tangent_bench.measuring.selection import grid
from tangent_bench.store import artefacts, layout
from tangent_bench.store.layout import Mode


def study(
    results: Results,
    experiment: str,
    mode: Mode,
    config: Mapping,
    merger: merging.Merger | None = None,
) -> Study:
    """The study of one job.

    Args:
        results: the results folder.
        experiment: name of the experiment.
        mode: of the job.
        config: the part of the config that the rule passes.
        merger: one of the config's `methods`; None: its `method`.
    """
    merger = merger or merging.find(config["method"])
    return scope_of(experiment).study(Opening(results, experiment, mode, config, merger))


@dataclass(frozen=True)
class Opening:
    """Opens a study of each kind; a scope knows which one is its own.

    Attributes:
        results: the results folder.
        name: of the experiment.
        mode: of the job.
        config: the part of the config that the rule passes.
        merger: the method of merging.
    """

    results: Results
    name: str
    mode: Mode
    config: Mapping
    merger: merging.Merger

    def mode_study(self, scope: EachMode) -> ModeStudy:
        return ModeStudy(
            **self._common(),
            labels=self.results.labels,
            evaluator=self._evaluator(scope),
            merger=self.merger,
            coefficients=self._coefficients(scope.merges),
            control_threshold=self.config["control_threshold"],
            joint=layout.JOINT in layout.sources(self.config, self.mode.training),
        )

    def training_study(self) -> TrainingStudy:
        return TrainingStudy(**self._common(), labels=self.results.labels, results=self.results)

    def model_study(self) -> ModelStudy:
        return ModelStudy(**self._common(), labels=self.results.labels, results=self.results)

    def across_modes_study(self) -> AcrossModesStudy:
        others = {}
        for name in self.config["reads"]:
            for mode in scope_of(name).modes(self.config):
                others[name, mode] = self._left_by(name, mode, self.results)
        return AcrossModesStudy(
            **self._common(),
            labels=self.results.labels,
            coefficients=grid(**self.config["coefficients"]),
            others=others,
        )

    def across_inits_study(self, scope: AcrossInits) -> AcrossInitsStudy:
        inits = self.config["inits"]
        others = {}
        for name in scope.reads:
            for init in inits:
                others[name, init] = self._left_by(name, self.mode, self.results.at(init))
        return AcrossInitsStudy(
            **self._common(),
            # Images and their blocks are the same at every initialisation.
            labels=self.results.at(inits[0]).labels,
            coefficients=grid(**self.config["coefficients"]),
            others=others,
            method=self.merger.name,
        )

    def _common(self) -> dict[str, Any]:
        """What all studies have."""
        experiment: Experiment = registry.load("experiments", self.name).EXPERIMENT
        return {
            "experiment": self.name,
            "model": self.results.model,
            "init": self.results.init,
            "mode": self.mode,
            "seed": self.results.seed,
            "tasks": tuple(self.config["tasks"]),
            "control": self.config["control"],
            "num_replicates": self.config["bootstrap"]["replicates"],
            "settings": self.config.get(experiment.section, {}),
            "protocols": self.config.get("protocols", {}),
        }

    def _coefficients(self, merges: str) -> np.ndarray:
        """The method's own grid of α for a direction of all tasks, else the config's.

        The direction of a single task has the length of its vector, or nearly.
        """
        own = self.merger.method.coefficients if merges == "all" else None
        return grid(*own) if own else grid(**self.config["coefficients"])

    def _evaluator(self, scope: EachMode) -> Evaluator:
        if scope.runs_network(self.mode):
            return self._network_evaluator(scope)
        return TangentEvaluator(self.results.base, self._change, self.results.head)

    def _change(self, task: str, split: str, source: str) -> np.ndarray:
        """J τ of a vector, or J d of a direction that was merged."""
        training = self.mode.training
        label = self.merger.label
        if source.startswith(f"{label}("):
            return self.results.merged_change(training, task, split, label, source)
        return self.results.change(training, task, split, source)

    def _network_evaluator(self, scope: EachMode) -> NetworkEvaluator:
        from tangent_bench.tangent import written
        from tangent_bench.tangent.linearize import encode

        tower = self.results.network
        training = self.mode.training
        merged = directions.of_job(
            self.results, training, self.merger, scope.merges, self.config["tasks"]
        )
        sources = layout.sources(self.config, training)
        vectors = {source: self.results.vector(training, source) for source in sources}
        return NetworkEvaluator(
            encoder=partial(encode, tower.module),
            theta0=tower.theta0,
            vectors=vectors | merged,
            head=self.results.head,
            images=self.results.prepared,
            batch_size=self.config["evaluation"]["batch_size"],
            fast=written.encoder(tower.module),
            base=self.results.base,
        )

    def _left_by(self, experiment: str, mode: Mode, results: Results) -> Replicates:
        """The replicates of a job of another experiment."""
        path = results.root / layout.outcome(
            experiment, results.model, results.init, mode, results.seed, "safetensors"
        )
        tensors, _ = artefacts.load(path, "outcome")
        replicates = {}
        for name, values_R in tensors.items():
            kind, _, metric = name.partition("/")
            if kind == "replicates":
                replicates[metric] = values_R
        return replicates
