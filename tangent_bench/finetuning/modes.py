"""Fine-tuning in any mode of `training/`: brings its function, parameters and penalty to the loop.

Shapes: B images, C, H, W; D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from tangent_bench import registry
from tangent_bench.finetuning.loop import Normalise, Source, augment, finetune
from tangent_bench.finetuning.saving import Saving
from tangent_bench.finetuning.step import Recipe
from tangent_bench.images.image_store import ImageStore
from tangent_bench.seeds import derive, generator
from tangent_bench.tangent.vectors import require_finite

T = TypeVar("T")
Leaves = dict[str, Tensor]  # the tensors that are trained: θ, or what θ is made of


class Others:
    """Training images of the other tasks, cropped as in training.

    They are the same at the same step of every run.

    Attributes:
        names: of the tasks, in the order of the config.
        seed: of the fine-tuning.
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray | ImageStore],
        seed: int,
        crop_scale: float,
        normalise: Normalise,
        size: int,
        device: torch.device | str = "cpu",
    ) -> None:
        for name, images_NHWC in images.items():
            if len(images_NHWC) == 0:
                raise ValueError(
                    f"Task {name!r} has no training images, which another task's penalty needs; "
                    "check its folder or data.max_train in the config."
                )
        self.seed = seed
        self.names = list(images)
        self._images = dict(images)
        self._crop_scale = crop_scale
        self._normalise = normalise
        self._size = size
        self._device = device

    def number(self, name: str) -> int:
        """The number of images of the task `name`."""
        return len(self._images[name])

    def batch(self, name: str, number: int, step: int) -> Tensor:
        """Images of the task `name` as the encoder expects them, [number, C, size, size].

        None comes twice within a pass. The choice depends on (task, seed, step) alone, so that a
        run that goes on finds the same images again.
        """
        chosen = self._images[name][self._positions(name, number, step)]
        seed = derive("crops of another task", name, self.seed, step) % 2**62
        return self._normalise(augment(chosen, self._size, self._crop_scale, seed)).to(self._device)

    def _positions(self, name: str, number: int, step: int) -> np.ndarray:
        total = self.number(name)
        first = step * number
        passes = range(first // total, (first + number - 1) // total + 1)
        permutations = []
        for k in passes:
            rng = generator("images of another task", name, self.seed, k)
            permutations.append(rng.permutation(total))
        start = first - passes.start * total
        return np.concatenate(permutations)[start : start + number]


def fit(
    training: str,
    network: nn.Module,
    theta0: dict[str, Tensor],
    sources: Sequence[Source],
    recipe: Recipe,
    seed: int,
    normalise: Normalise,
    size: int,
    *,
    settings: Mapping[str, Any] | None = None,
    others: Mapping[str, np.ndarray | ImageStore] | None = None,
    saving: Saving | None = None,
) -> tuple[dict[str, Tensor], list[float]]:
    """θ* and the loss of every step, its penalty included, on the device of θ0.

    Args:
        training: name of a file of `training/`.
        network: image encoder in `eval()`.
        theta0: its parameters by name.
        sources: as for `loop.finetune`.
        recipe: as for `loop.finetune`.
        seed: as for `loop.finetune`.
        normalise: as for `loop.finetune`.
        size: as for `loop.finetune`.
        settings: the mode's own numbers, `training_modes.<name>` of the config, where it has any.
        others: task → training images uint8 [N, H, W, C] of the tasks that the vector is *not*
            trained on.
        saving: as for `loop.finetune`.

    Raises:
        ValueError: the mode needs other tasks' images and has none, weights are no finite numbers
            after the last step, or as `loop.finetune` and the mode's own functions.
    """
    module = registry.load("training", training)
    settings = settings or {}
    leaves = theta0
    to_theta = _unchanged
    if hasattr(module, "parameters"):
        leaves, to_theta = module.parameters(network, theta0, settings, seed)
    encoder = _through(to_theta, module.encoder(network, theta0))
    penalty = None
    if module.TRAINING.needs_others:
        others = others or {}
        require_others(training, [source.name for source in sources], list(others))
        device = next(iter(theta0.values())).device
        seen = Others(others, seed, recipe.crop_scale, normalise, size, device)
        penalty = _through(to_theta, module.penalty(network, theta0, seen, settings))
    trained, losses = finetune(
        encoder, leaves, list(sources), recipe, seed, normalise, size, saving, penalty
    )
    theta = to_theta(trained)
    names = "+".join(source.name for source in sources)
    owner = f"Training {training!r} of {names}: θ*"
    require_finite(theta, owner, "lower training.learning_rate")
    return theta, losses


def _unchanged(leaves: Leaves) -> Leaves:
    """From the trained leaves to θ, where all of θ is trained."""
    return leaves


def _through(
    to_theta: Callable[[Leaves], Leaves], function: Callable[[Leaves, T], Tensor]
) -> Callable[[Leaves, T], Tensor]:
    """A function of θ, and of images or of the number of the step, as one of the leaves."""
    return lambda leaves, argument: function(to_theta(leaves), argument)


def require_others(training: str, own: Sequence[str], others: Sequence[str]) -> None:
    """Raise unless there are other tasks to spare.

    Args:
        training: the mode.
        own: the tasks that are trained on.
        others: the other tasks.

    Raises:
        ValueError: there are none.
    """
    if not others:
        raise ValueError(
            f"Training {training!r} spares other tasks than its own ({', '.join(own)}), but there "
            "are none; give two tasks or more, and no joint training in this mode."
        )
