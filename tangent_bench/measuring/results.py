"""A results folder, opened: artefacts by their coordinates, verified when they are read; and the study of one job.

Torch is imported only where a network is needed: the tangent side is NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from tangent_bench import models
from tangent_bench.images.image_store import ImageStore, open_images
from tangent_bench.images.pictures import Pictures
from tangent_bench.models._tower import Tower, image_tower
from tangent_bench.store import artefacts, layout


@dataclass(frozen=True)
class Labels:
    """labels_N int64, blocks_N int64 (independent units), the number of classes, and the digest of the image order."""

    labels: np.ndarray
    blocks: np.ndarray
    num_classes: int
    digest: str


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
        self._load, self._images = (
            lru_cache(maxsize=64)(artefacts.load),
            lru_cache(maxsize=64)(open_images),
        )

    def at(self, init: str) -> Results:
        """The same folder, model and seed at another initialisation."""
        return Results(self.root, self.model, init, self.seed, self._custom_models, self._device)

    def images(self, task: str, split: str) -> np.ndarray | ImageStore:
        """images_NHWC, uint8, mapped from their file."""
        return self._images(self.root / layout.data(task, split))[0]

    def labels(self, task: str, split: str) -> Labels:
        """Labels and blocks, which the base features carry too so that the tangent side reads no images."""
        tensors, about = self._base(task)
        return Labels(
            tensors[f"{split}/labels"],
            tensors[f"{split}/blocks"],
            about["num_classes"],
            about["images"][split],
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

    def merged_change(
        self, training: str, task: str, split: str, label: str, source: str
    ) -> np.ndarray:
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
            raise ValueError(
                f"{path} was made from other weights of {self.model!r} than f0; delete it and run again."
            )

    @cached_property
    def network(self):
        """The image tower with θ0, in eval(), without gradients."""
        # One random network for all fine-tuning seeds, as there is one pre-trained: f0 is shared by them.
        return image_tower(models.find(self.model, self._custom_models), self.init, 0, self._device)

    def random_network(self, seed: int) -> Tower:
        """The image tower at a random initialisation: what the same architecture is without pre-training."""
        return image_tower(
            models.find(self.model, self._custom_models), "random", seed, self._device
        )

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

        from tangent_bench.tangent.vectors import require_same

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
