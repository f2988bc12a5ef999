"""Image towers as jobs use them: the module in `eval()`, its θ0, and how it wants its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench import models
from tangent_bench.images.image_store import ImageStore
from tangent_bench.images.pictures import Pictures, normalise
from tangent_bench.jobs import devices
from tangent_bench.store import artefacts

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tangent_bench.models import Clip, ImageTower


@dataclass(frozen=True)
class Tower:
    """An image tower on a device.

    Attributes:
        module: the network, in `eval()`, without gradients.
        theta0: θ0 by name, on the device.
        digest: of θ0.
        size: side of its images, in pixels.
        mean: of each channel, in [0, 1].
        std: of each channel, in [0, 1].
        device: "cpu" or "cuda".
    """

    module: nn.Module
    theta0: dict[str, Tensor]
    digest: str
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: str = "cpu"

    def prepare(self, images_NHWC: np.ndarray | ImageStore) -> Pictures:
        """uint8 images as this tower takes them, batch by batch."""
        return Pictures(images_NHWC, self.size, self.mean, self.std, self.device)

    def normalise(self, images_NCHW: Tensor) -> Tensor:
        """Images in [0, 1] → normalised."""
        return normalise(images_NCHW, self.mean, self.std)


def whole(model: models.Model, init: str, seed: int) -> Clip:
    """The open_clip model whose image tower jobs use; arguments as of `image_tower`."""
    from tangent_bench.seeds import derive

    return models.create(model, init, derive("random init", model.architecture, seed) % 2**31)


def image_tower(model: models.Model, init: str, seed: int, device: str = "cpu") -> Tower:
    """The image tower of an open_clip model.

    Args:
        model: from `models.find`.
        init: as `models.create` takes it.
        seed: matters only for a random initialisation.
        device: "cpu" or "cuda".

    Raises:
        ValueError: a GPU was asked for and PyTorch finds none.
    """
    from tangent_bench.tangent.linearize import parameters

    visual = whole(model, init, seed).visual
    theta0 = parameters(visual)
    digest = artefacts.digest({name: value.numpy() for name, value in theta0.items()})
    devices.require(device)
    return Tower(
        module=visual.to(device),
        theta0={name: value.to(device) for name, value in theta0.items()},
        digest=digest,
        size=_side(visual),
        mean=tuple(visual.image_mean),
        std=tuple(visual.image_std),
        device=device,
    )


def _side(visual: ImageTower) -> int:
    size = visual.image_size
    return size if isinstance(size, int) else size[0]
