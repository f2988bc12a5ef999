"""A results folder, opened: artefacts by their coordinates, verified when they are read.

Torch is imported only where a network is needed: the tangent side is NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tangent_bench import models
from tangent_bench.images.image_store import ImageStore, open_images
from tangent_bench.images.inputs import Batches
from tangent_bench.models._tower import Tower, image_tower
from tangent_bench.store import artefacts, layout

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Labels:
    """What is known of the images of a split.

    Attributes:
        labels: class of each image, int64 [N].
        blocks: independent unit that each image belongs to, int64 [N].
        num_classes: of the task.
        digest: of the order of the images.
    """

    labels: np.ndarray
    blocks: np.ndarray
    num_classes: int
    digest: str


class Results:
    """Artefacts of one model, initialisation and seed.

    Args:
        root: the results folder.
        model: name in the config.
        init: initialisation.
        seed: of the fine-tuning.
        custom_models: the config's entries.
        device: "cpu" or "cuda".
        heads: what they are made of, as in the config.
    """

    def __init__(
        self,
        root: str | Path,
        model: str,
        init: str,
        seed: int,
        custom_models: Mapping[str, Any] | None = None,
        device: str = "cpu",
        heads: str = layout.PROMPTS,
    ) -> None:
        self.root = Path(root)
        self.model = model
        self.init = init
        self.seed = seed
        self._custom_models = dict(custom_models or {})
        self._device = device
        self._heads = heads
        self._load = lru_cache(maxsize=64)(artefacts.load)
        self._images = lru_cache(maxsize=64)(open_images)

    def at(self, init: str) -> Results:
        """The same folder, model and seed at another initialisation."""
        return Results(
            self.root, self.model, init, self.seed, self._custom_models, self._device, self._heads
        )

    def images(self, task: str, split: str) -> np.ndarray | ImageStore:
        """images_NHWC, uint8, mapped from their file."""
        return self._images(self.root / layout.data(task, split))[0]

    def labels(self, task: str, split: str) -> Labels:
        """Labels and blocks, from the base features: the tangent side reads no images."""
        tensors, about = self._base(task)
        return Labels(
            labels=tensors[f"{split}/labels"],
            blocks=tensors[f"{split}/blocks"],
            num_classes=about["num_classes"],
            digest=about["images"][split],
        )

    def _base(self, task: str) -> tuple[dict[str, np.ndarray], dict]:
        return self._load(self.root / layout.base(self.model, self.init, task), "base features")

    def head(self, task: str) -> np.ndarray:
        """head_KD, float32."""
        relative = layout.head(self.model, self.init, task, self._heads)
        return self._load(self.root / relative, "head")[0]["head"]

    def base(self, task: str, split: str) -> np.ndarray:
        """f0_ND, float32."""
        return self._base(task)[0][split]

    def change(self, training: str, task: str, split: str, source: str) -> np.ndarray:
        """(J τ_source)_ND on the images of a task, float32.

        Args:
            training: that made the vector.
            task: whose images they are.
            split: of these images.
            source: the name of the vector.

        Raises:
            ValueError: there are no features of that source, or they were made at another θ0 than
                f0.
        """
        relative = layout.features(self.model, self.init, training, task, self.seed)
        path = self.root / relative
        tensors, about = self._load(path, "features")
        if f"{split}/{source}" not in tensors:
            raise ValueError(
                f"{path} has no features of {source!r}; it has {', '.join(about['vectors'])}. "
                "Delete it and run again."
            )
        self.require_theta0(path, about, task)
        return tensors[f"{split}/{source}"]

    def merged_change(
        self, training: str, task: str, split: str, label: str, source: str
    ) -> np.ndarray:
        """(J d)_ND of a merged direction on the images of a task, float32.

        Args:
            training: that made the vectors.
            task: whose images they are.
            split: of these images.
            label: of the method that merged.
            source: the name of the direction.

        Raises:
            ValueError: it was made at another θ0 than f0.
        """
        relative = layout.merged_features(self.model, self.init, training, label, self.seed)
        path = self.root / relative
        tensors, about = self._load(path, "features")
        self.require_theta0(path, about, task)
        return tensors[f"{task}/{split}/{source}"]

    def require_theta0(self, path: Path, about: Mapping[str, Any], task: str) -> None:
        """Checks that a file was made at the θ0 of f0.

        Args:
            path: the file.
            about: its facts.
            task: whose f0 it is.

        Raises:
            ValueError: it was made at another θ0.
        """
        if about["theta0"] != self._base(task)[1]["theta0"]:
            raise ValueError(
                f"{path} was made from other weights of {self.model!r} than f0; delete it and run "
                "again."
            )

    def require_current(self, task: str) -> None:
        """Checks that f0 of a task was made at the θ0 that the model has now.

        Raises:
            ValueError: it was made at another θ0.
        """
        if self._base(task)[1]["theta0"] != self.network.digest:
            path = self.root / layout.base(self.model, self.init, task)
            raise ValueError(
                f"{path} was made from other weights of {self.model!r} than are there now; delete "
                "it and run again."
            )

    @cached_property
    def network(self) -> Tower:
        """The image tower with θ0, in eval(), without gradients."""
        # All fine-tuning seeds share one random network, as they share the pre-trained: f0 is one.
        return image_tower(models.find(self.model, self._custom_models), self.init, 0, self._device)

    def random_network(self, seed: int) -> Tower:
        """The image tower at a random initialisation: the architecture without pre-training."""
        model = models.find(self.model, self._custom_models)
        return image_tower(model, "random", seed, self._device)

    def vector(self, training: str, source: str) -> dict[str, Tensor]:
        """τ of a source, name → tensor; checked against the model.

        Raises:
            ValueError: the vector belongs to another θ0, or its keys or shapes do not match the
                model.
        """
        return self._vector(layout.vector(self.model, self.init, training, source, self.seed))

    def merged(self, training: str, label: str) -> dict[str, Tensor]:
        """The direction that a method made of all tasks' vectors; otherwise as `vector`."""
        return self._vector(layout.merged(self.model, self.init, training, label, self.seed))

    def _vector(self, relative: str) -> dict[str, Tensor]:
        import torch

        from tangent_bench.tangent.vectors import require_same

        path = self.root / relative
        tensors, about = artefacts.load(path, "vector")
        vector = {key: torch.from_numpy(value).to(self._device) for key, value in tensors.items()}
        require_same(vector, self.network.theta0, str(path), self.model)
        if about["theta0"] != self.network.digest:
            raise ValueError(
                f"{path} was made from other weights of {self.model!r} than are there now; "
                "delete it and run again."
            )
        return vector

    def prepared(self, task: str, split: str) -> Batches:
        """Images as the encoder takes them."""
        return self.network.prepare(self.images(task, split))
