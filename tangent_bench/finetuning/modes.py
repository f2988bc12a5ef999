"""A fine-tuning in any mode of `training/`: its function, what of θ it trains, and its penalty, brought to the loop.

Shapes: B images, C, H, W; D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tangent_bench import registry
from tangent_bench.finetuning.loop import Source, augment, finetune
from tangent_bench.finetuning.saving import Saving
from tangent_bench.finetuning.step import Recipe
from tangent_bench.images.image_store import ImageStore
from tangent_bench.seeds import derive, generator


class Others:
    """Training images of the other tasks, cropped as in training; the same at the same step of every run.

    Attributes:
        names: of the tasks, in the order of the config.
        seed: of the fine-tuning.
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray | ImageStore],
        seed: int,
        crop_scale: float,
        normalise: Callable[[Tensor], Tensor],
        size: int,
        device: torch.device | str = "cpu",
    ) -> None:
        for name, found in images.items():
            if len(found) == 0:
                raise ValueError(
                    f"Task {name!r} has no training images, which another task's penalty needs; check its folder or "
                    "data.max_train in the config."
                )
        self.seed, self.names = seed, list(images)
        self._images, self._crop_scale, self._normalise = dict(images), crop_scale, normalise
        self._size, self._device = size, device

    def number(self, name: str) -> int:
        """Images of a task."""
        return len(self._images[name])

    def batch(self, name: str, number: int, step: int) -> Tensor:
        """So many images of a task, [number, C, size, size], as the encoder expects them; none twice within a pass.

        Which ones depends on (task, seed, step) alone, so that a run that goes on finds them again.
        """
        chosen = self._images[name][self._positions(name, number, step)]
        seed = derive("crops of another task", name, self.seed, step) % 2**62
        return self._normalise(augment(chosen, self._size, self._crop_scale, seed)).to(self._device)

    def _positions(self, name: str, number: int, step: int) -> np.ndarray:
        total, first = self.number(name), step * number
        passes = range(first // total, (first + number - 1) // total + 1)
        of_pass = [
            generator("images of another task", name, self.seed, k).permutation(total)
            for k in passes
        ]
        start = first - passes.start * total
        return np.concatenate(of_pass)[start : start + number]


def fit(
    training: str,
    network: nn.Module,
    theta0: dict[str, Tensor],
    sources: Sequence[Source],
    recipe: Recipe,
    seed: int,
    normalise: Callable[[Tensor], Tensor],
    size: int,
    *,
    settings: Mapping[str, Any] | None = None,
    others: Mapping[str, np.ndarray | ImageStore] | None = None,
    saving: Saving | None = None,
) -> tuple[dict[str, Tensor], list[float]]:
    """θ* and the loss of every step, its penalty included, on the device of θ0.

    Args:
        training: name of a file of `training/`.
        settings: the mode's own numbers, `training_modes.<name>` of the config; a mode without any needs none.
        others: task → training images uint8 [N, H, W, C] of the tasks that the vector is *not* trained on.

    The other arguments are those of `loop.finetune`.

    Raises:
        ValueError: the mode needs other tasks' images and has none, or as `loop.finetune` and the mode's own functions.
    """
    module = registry.load("training", training)
    encoder, leaves, to_theta, penalty = module.encoder(network, theta0), theta0, None, None
    if hasattr(module, "parameters"):
        leaves, to_theta = module.parameters(network, theta0, settings or {}, seed)
    if module.TRAINING.needs_others:
        require_others(training, [source.name for source in sources], list(others or ()))
        seen = Others(
            others, seed, recipe.crop_scale, normalise, size, next(iter(theta0.values())).device
        )
        penalty = module.penalty(network, theta0, seen, settings or {})
    moved, losses = finetune(
        encoder if to_theta is None else lambda leaves, images_BCHW: encoder(to_theta(leaves), images_BCHW),
        leaves, list(sources), recipe, seed, normalise, size, saving,
        penalty if penalty is None or to_theta is None else lambda leaves, step: penalty(to_theta(leaves), step),
    )  # fmt: skip
    return (moved if to_theta is None else to_theta(moved)), losses


def require_others(training: str, own: Sequence[str], others: Sequence[str]) -> None:
    """Raise unless there are other tasks to spare.

    Raises:
        ValueError: there are none.
    """
    if not others:
        raise ValueError(
            f"Training {training!r} spares other tasks than its own ({', '.join(own)}), but there are none; give two "
            "tasks or more, and no joint training in this mode."
        )
