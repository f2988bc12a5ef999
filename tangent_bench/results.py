"""A results folder, opened: artefacts by their coordinates, verified when they are read; and the study of one job.

Torch is imported only where a network is needed: the tangent side is NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np

from tangent_bench import artefacts, devices, directions, layout, merging, models, registry
from tangent_bench.evaluation import NetworkEvaluator, TangentEvaluator
from tangent_bench.experiments import Experiment, Labels, Study
from tangent_bench.image_store import Store, open_images
from tangent_bench.layout import Mode
from tangent_bench.pictures import Pictures, normalise
from tangent_bench.selection import grid


class Results:
    """Artefacts of one model, initialisation and seed under `root`."""

    def __init__(
        self,
        root: str | Path,
        model: str,
        init: str,
        seed: int,
        custom_models: Mapping | None = None,
        device: str = "cpu",
    ) -> None:
        self.root, self.model, self.init, self.seed = Path(root), model, init, seed
        self._custom_models, self._device = dict(custom_models or {}), device
        self._load, self._images = lru_cache(maxsize=64)(artefacts.load), lru_cache(maxsize=64)(open_images)

    def at(self, init: str) -> Results:
        """The same folder, model and seed at another initialisation."""
        return Results(self.root, self.model, init, self.seed, self._custom_models, self._device)

    def images(self, task: str, split: str) -> np.ndarray | Store:
        """images_NHWC, uint8, mapped from their file."""
        return self._images(self.root / layout.data(task, split))[0]

    def labels(self, task: str, split: str) -> Labels:
        """Labels and blocks, which the base features carry too so that the tangent side reads no images."""
        tensors, about = self._base(task)
        return Labels(
            tensors[f"{split}/labels"], tensors[f"{split}/blocks"], about["num_classes"], about["images"][split]
        )

    def _base(self, task: str) -> tuple[dict[str, np.ndarray], dict]:
        return self._load(self.root / layout.base(self.model, self.init, task), "base features")

    def head(self, task: str) -> np.ndarray:
        """head_KD, float32."""
        return self._load(self.root / layout.head(self.model, self.init, task), "head")[0]["head"]

    def base(self, task: str, split: str) -> np.ndarray:
        """f0_ND, float32."""
        return self._base(task)[0][split]

    def change(self, training: str, task: str, split: str, source: str) -> np.ndarray:
        """(J τ_source)_ND on the images of a task, float32.

        Raises:
            ValueError: there are no features of that source, or they were made at another θ0 than f0.
        """
        path = self.root / layout.features(self.model, self.init, training, task, self.seed)
        tensors, about = self._load(path, "features")
        if f"{split}/{source}" not in tensors:
            raise ValueError(
                f"{path} has no features of {source!r}; it has {', '.join(about['vectors'])}. Delete it and run again."
            )
        self.require_theta0(path, about, task)
        return tensors[f"{split}/{source}"]

    def merged_change(self, training: str, task: str, split: str, label: str, source: str) -> np.ndarray:
        """(J d)_ND of a direction that the method `label` made, on the images of a task, float32.

        Raises:
            ValueError: it was made at another θ0 than f0.
        """
        path = self.root / layout.merged_features(self.model, self.init, training, label, self.seed)
        tensors, about = self._load(path, "features")
        self.require_theta0(path, about, task)
        return tensors[f"{task}/{split}/{source}"]

    def require_theta0(self, path: Path, about: Mapping, task: str) -> None:
        """Raise unless a file says that it was made at the θ0 of f0 on a task."""
        if about["theta0"] != self._base(task)[1]["theta0"]:
            raise ValueError(f"{path} was made from other weights of {self.model!r} than f0; delete it and run again.")

    @cached_property
    def network(self):
        """The image tower with θ0, in eval(), without gradients."""
        # One random network for all fine-tuning seeds, as there is one pre-trained: f0 is shared by them.
        return image_tower(models.find(self.model, self._custom_models), self.init, 0, self._device)

    def random_network(self, seed: int) -> Tower:
        """The image tower at a random initialisation: what the same architecture is without pre-training."""
        return image_tower(models.find(self.model, self._custom_models), "random", seed, self._device)

    def vector(self, training: str, source: str) -> dict:
        """τ of a source, name → tensor; checked against the model.

        Raises:
            ValueError: the vector belongs to another θ0, or its keys or shapes do not match the model.
        """
        return self._vector(layout.vector(self.model, self.init, training, source, self.seed))

    def merged(self, training: str, label: str) -> dict:
        """The direction that a method made of all tasks' vectors; otherwise as `vector`."""
        return self._vector(layout.merged(self.model, self.init, training, label, self.seed))

    def _vector(self, relative: str) -> dict:
        import torch

        from tangent_bench.vectors import require_same

        path = self.root / relative
        tensors, about = artefacts.load(path, "vector")
        vector = {key: torch.from_numpy(value).to(self._device) for key, value in tensors.items()}
        require_same(vector, self.network.theta0, str(path), self.model)
        if about["theta0"] != self.network.digest:
            raise ValueError(
                f"{path} was made from other weights of {self.model!r} than are there now; delete it and run again."
            )
        return vector

    def prepared(self, task: str, split: str) -> Pictures:
        """Images as the encoder takes them."""
        return self.network.prepare(self.images(task, split))


@dataclass(frozen=True)
class Tower:
    """An image tower: module, θ0, the digest of θ0, how it wants its images, and where it is."""

    module: object
    theta0: dict
    digest: str
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: str = "cpu"

    def prepare(self, images_NHWC: np.ndarray) -> Pictures:
        """uint8 images as this tower takes them, batch by batch."""
        return Pictures(images_NHWC, self.size, self.mean, self.std, self.device)

    def normalise(self, images_NCHW):
        """Images in [0, 1] → normalised."""
        return normalise(images_NCHW, self.mean, self.std)


def image_tower(model: models.Model, init: str, seed: int, device: str = "cpu") -> Tower:
    """The image tower of an open_clip model on a device; `seed` matters only for a random initialisation.

    Raises:
        ValueError: a GPU was asked for and PyTorch finds none.
    """
    from tangent_bench.linearize import parameters
    from tangent_bench.seeds import derive

    network = models.create(model, init, derive("random init", model.architecture, seed) % 2**31)
    visual = network.visual
    size = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
    theta0 = parameters(visual)
    digest = artefacts.digest({k: v.numpy() for k, v in theta0.items()})
    mean, std = visual.image_mean, visual.image_std
    devices.require(device)
    theta0 = {key: value.to(device) for key, value in theta0.items()}
    return Tower(visual.to(device), theta0, digest, size, tuple(mean), tuple(std), device)


def study(
    results: Results, experiment: str, mode: Mode, config: Mapping, merger: merging.Merger | None = None
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
                results, mode, config, directions.of_job(results, mode.training, merger, about.merges, config["tasks"])
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


def _network_evaluator(results: Results, mode: Mode, config: Mapping, merged: Mapping[str, dict]) -> NetworkEvaluator:
    from tangent_bench import vision
    from tangent_bench.linearize import encode

    tower = results.network
    fast = partial(vision.encode, tower.module) if vision.supports(tower.module) else None
    joint = [layout.JOINT] if mode.training in config["joint_training"]["trainings"] else []
    sources = [*config["tasks"], *joint]
    return NetworkEvaluator(
        encoder=lambda theta, images_BCHW: encode(tower.module, theta, images_BCHW),
        theta0=tower.theta0,
        vectors={source: results.vector(mode.training, source) for source in sources} | dict(merged),
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
        return {(name, init): _replicates(results.at(init), name, mode) for name in about.reads for init in inits}
    return {
        (name, other): _replicates(results, name, other)
        for name in config.get("reads", about.reads)  # a run need not have all that can be compared
        for other in map(Mode.parse, config["modes"])
        if other.training != "none" or not registry.load("experiments", name).EXPERIMENT.needs_vectors
    }


def _replicates(results: Results, experiment: str, mode: Mode) -> dict[str, np.ndarray]:
    path = results.root / layout.outcome(experiment, results.model, results.init, mode, results.seed, "safetensors")
    tensors, _ = artefacts.load(path, "outcome")
    return {k.removeprefix("replicates/"): v for k, v in tensors.items() if k.startswith("replicates/")}
