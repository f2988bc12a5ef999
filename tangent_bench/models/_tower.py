"""Towers as jobs use them: a module from inputs to embeddings in `eval()`, its θ0, and its inputs.

Nothing that works with a tower knows whose network it is: open_clip's (`models.create`), one of
timm, or one of an installed package (`_foreign`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tangent_bench import models
from tangent_bench.images.inputs import Batches, Inputs, Pixels, Stored
from tangent_bench.jobs import devices

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tangent_bench.models import Clip, ImageTower


@dataclass(frozen=True)
class Tower:
    """A tower on a device.

    Attributes:
        module: the network from inputs to embeddings [B, D], in `eval()`, without gradients.
        theta0: θ0 by name, on the device.
        digest: of θ0.
        inputs: what it takes: pixels, or tokens.
        device: "cpu" or "cuda".
    """

    module: nn.Module
    theta0: dict[str, Tensor]
    digest: str
    inputs: Inputs
    device: str = "cpu"

    @property
    def size(self) -> int:
        """Side of its images, in pixels; of texts the number of tokens."""
        return self.inputs.size

    def prepare(self, stored: Stored) -> Batches:
        """Stored inputs as this tower takes them, batch by batch."""
        return Batches(stored, self.inputs, self.device)

    def normalise(self, inputs: Tensor) -> Tensor:
        """A training batch, images in [0, 1] or tokens, as this tower takes it."""
        return self.inputs.normalise(inputs)

    def checkpoint_activations(self, enable: bool) -> None:
        """Keep only what enters each block, and run the block again for the gradient.

        Raises:
            ValueError: the network cannot do that.
        """
        module: Any = self.module
        try:
            module.set_grad_checkpointing(enable)
        except (AttributeError, AssertionError):  # of timm: "gradient checkpointing not supported"
            if enable:
                raise ValueError(
                    f"training.checkpoint_activations is true, but {type(module).__name__} cannot "
                    "run its blocks again; set it to false."
                ) from None


def whole(model: models.Model, init: str, seed: int) -> Clip:
    """The open_clip model whose image tower jobs use; arguments as of `image_tower`."""
    return models.create(model, init, _seed(model, seed))


def _seed(model: models.Model, seed: int) -> int:
    from tangent_bench.seeds import derive

    return derive("random init", model.architecture, seed) % 2**31


def image_tower(model: models.Model, init: str, seed: int, device: str = "cpu") -> Tower:
    """The tower of a model.

    Args:
        model: from `models.find`.
        init: as `models.create` takes it.
        seed: matters only for a random initialisation.
        device: "cpu" or "cuda".

    Raises:
        ValueError: a GPU was asked for and PyTorch finds none; the network cannot be made, or its
            embeddings are not functions of θ and of one input each.
    """
    from tangent_bench.tangent.linearize import parameters

    module, inputs = _opened(model, init, seed)
    theta0 = parameters(module)
    digest = models.digest(module)
    devices.require(device)
    return Tower(
        module=module.to(device),
        theta0={name: value.to(device) for name, value in theta0.items()},
        digest=digest,
        inputs=inputs,
        device=device,
    )


def _opened(model: models.Model, init: str, seed: int) -> tuple[nn.Module, Inputs]:
    """The network of a tower, and what it takes."""
    if model.is_clip:
        visual = whole(model, init, seed).visual
        pixels = Pixels(_side(visual), tuple(visual.image_mean), tuple(visual.image_std))
        return visual, pixels
    from tangent_bench.models import _foreign

    return _foreign.create(model, init, _seed(model, seed))


def _side(visual: ImageTower) -> int:
    size = visual.image_size
    return size if isinstance(size, int) else size[0]
