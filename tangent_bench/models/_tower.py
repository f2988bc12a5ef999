"""Image towers as jobs use them: the module in `eval()`, its θ0, and how it wants its images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tangent_bench import models
from tangent_bench.images.pictures import Pictures, normalise
from tangent_bench.jobs import devices
from tangent_bench.store import artefacts


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
    from tangent_bench.seeds import derive
    from tangent_bench.tangent.linearize import parameters

    network = models.create(model, init, derive("random init", model.architecture, seed) % 2**31)
    visual = network.visual
    size = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
    theta0 = parameters(visual)
    digest = artefacts.digest({k: v.numpy() for k, v in theta0.items()})
    mean, std = visual.image_mean, visual.image_std
    devices.require(device)
    theta0 = {key: value.to(device) for key, value in theta0.items()}
    return Tower(visual.to(device), theta0, digest, size, tuple(mean), tuple(std), device)
