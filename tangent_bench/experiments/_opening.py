"""Opens the study of one job: what an experiment may ask, from a results folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from tangent_bench import merging, registry
from tangent_bench.experiments import Experiment, Study
from tangent_bench.measuring import directions
from tangent_bench.measuring.evaluation import NetworkEvaluator, TangentEvaluator
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
    """The study of one job; `config` is the part of the config that the rule passes, `merger` one of its `methods`, or
    its `method`.
    """
    about = registry.load("experiments", experiment).EXPERIMENT
    merger = merger or merging.find(config["method"])
    scope = about.scope
    needs_network = scope == "mode" and mode.evaluation == "network" and mode.training != "none"
    evaluator = None
    if scope == "mode":
        evaluator = (
            _network_evaluator(
                results,
                mode,
                config,
                directions.of_job(results, mode.training, merger, about.merges, config["tasks"]),
            )
            if needs_network
            else _tangent_evaluator(results, mode, merger)
        )
    return Study(
        experiment=experiment,
        model=results.model,
        init=results.init,
        mode=mode,
        seed=results.seed,
        tasks=tuple(config["tasks"]),
        control=config["control"],
        coefficients=_coefficients(merger, about, config),
        control_threshold=config["control_threshold"],
        num_replicates=config["bootstrap"]["replicates"],
        merger=merger,
        evaluator=evaluator,
        # Images and their blocks are the same at every initialisation.
        labels=results.at(config["inits"][0]).labels if scope == "inits" else results.labels,
        joint=mode.training in config["joint_training"]["trainings"],
        vectors=lambda source: results.vector(mode.training, source),
        theta0=lambda: results.network.theta0,
        others=_others(results, about, mode, config),
        settings=config.get(about.section, {}),
        protocols=config.get("protocols", {}),
        results=results if about.opens else None,
    )


def _coefficients(merger: merging.Merger, about: Experiment, config: Mapping) -> np.ndarray:
    """The method's own grid for a direction of all tasks; one of a single task has the length of its vector, or nearly,
    so that the config's grid will do.
    """
    own = merger.method.coefficients if about.merges == "all" else None
    return grid(*own) if own else grid(**config["coefficients"])


def _tangent_evaluator(results: Results, mode: Mode, merger: merging.Merger) -> TangentEvaluator:
    def change(task: str, split: str, source: str) -> np.ndarray:
        if source.startswith(f"{merger.label}("):
            return results.merged_change(mode.training, task, split, merger.label, source)
        return results.change(mode.training, task, split, source)

    return TangentEvaluator(results.base, change, results.head)


def _network_evaluator(
    results: Results, mode: Mode, config: Mapping, merged: Mapping[str, dict]
) -> NetworkEvaluator:
    from tangent_bench.tangent import vision
    from tangent_bench.tangent.linearize import encode

    tower = results.network
    fast = partial(vision.encode, tower.module) if vision.supports(tower.module) else None
    joint = [layout.JOINT] if mode.training in config["joint_training"]["trainings"] else []
    sources = [*config["tasks"], *joint]
    return NetworkEvaluator(
        encoder=lambda theta, images_BCHW: encode(tower.module, theta, images_BCHW),
        theta0=tower.theta0,
        vectors={source: results.vector(mode.training, source) for source in sources}
        | dict(merged),
        head=results.head,
        images=results.prepared,
        batch_size=config["evaluation"]["batch_size"],
        fast=fast,
        base=results.base,
    )


def _others(results: Results, about: Experiment, mode: Mode, config: Mapping) -> dict:
    """Replicates by metric, of all outcomes that a comparison reads: by (experiment, mode) or (experiment, init)."""
    if about.scope == "inits":
        inits = config["inits"]
        return {
            (name, init): _replicates(results.at(init), name, mode)
            for name in about.reads
            for init in inits
        }
    return {
        (name, other): _replicates(results, name, other)
        for name in config.get("reads", about.reads)  # a run need not have all that can be compared
        for other in map(Mode.parse, config["modes"])
        if other.training != "none"
        or not registry.load("experiments", name).EXPERIMENT.needs_vectors
    }


def _replicates(results: Results, experiment: str, mode: Mode) -> dict[str, np.ndarray]:
    path = results.root / layout.outcome(
        experiment, results.model, results.init, mode, results.seed, "safetensors"
    )
    tensors, _ = artefacts.load(path, "outcome")
    return {
        k.removeprefix("replicates/"): v for k, v in tensors.items() if k.startswith("replicates/")
    }
