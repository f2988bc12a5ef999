"""Networks, tasks and vectors small enough to differentiate by brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tangent_bench import models
from tangent_bench.finetuning import distillation
from tangent_bench.models import ASSETS, Model
from tangent_bench.seeds import derive, generator
from tangent_bench.store import artefacts

CONFIG = {
    "embed_dim": 6,
    "vision_cfg": {
        "image_size": 32,
        "layers": 2,
        "width": 16,
        "head_width": 8,
        "patch_size": 16,
        "mlp_ratio": 2.0,
    },
    "text_cfg": {"context_length": 24, "vocab_size": 2514, "width": 16, "heads": 2, "layers": 1},
}


def clip_model(folder: Path) -> Model:
    """An open_clip model of 12 thousand parameters in the image tower, without weights."""
    file = folder / "test-small.json"
    if not file.is_file():
        file.write_text(json.dumps(CONFIG))
    merges = str(ASSETS / "tiny" / "merges.txt.gz")
    return Model(
        "Test", "test-small", None, config=str(file), merges=merges, source="drawn at random"
    )


def text_tower(folder: Path, file: Path) -> None:
    """Writes a random text tower of `clip_model` into a file."""
    network = models.create(clip_model(folder), "random", 4)
    weights = {name: value.numpy() for name, value in distillation.text_state(network).items()}
    artefacts.save(file, distillation.KIND, weights)


def vit(folder: Path, dtype: torch.dtype = torch.float64) -> nn.Module:
    """The image tower of `clip_model`, made less symmetric than its initialisation."""
    network = models.create(clip_model(folder), "random", 3).visual.to(dtype)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.add_(0.1 * normal("vit", name, shape=value.shape).to(dtype))
    return network


class Curved(nn.Module):
    """Two layers on flattened images, [B, C, H, W] → [B, 5], non-linear in every parameter."""

    def __init__(self, inputs: int = 12) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, 7), nn.Linear(7, 5)
        fill(self, "curved")

    def forward(self, images_BCHW: Tensor) -> Tensor:
        return torch.tanh(self.second(torch.tanh(self.first(images_BCHW.flatten(1)))))


class Straight(nn.Module):
    """Linear in its parameters, [B, C, H, W] → [B, 5]."""

    def __init__(self, inputs: int = 12) -> None:
        super().__init__()
        self.only = nn.Linear(inputs, 5)
        fill(self, "straight")

    def forward(self, images_BCHW: Tensor) -> Tensor:
        return self.only(images_BCHW.flatten(1))


def fill(network: nn.Module, name: str) -> None:
    """Parameters from names, float64, in eval() and without gradients."""
    network.double().eval().requires_grad_(False)
    for key, value in network.named_parameters():
        value.copy_(normal(name, key, shape=value.shape) * 0.5)


def normal(*names: object, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers from names, float64."""
    return torch.from_numpy(np.asarray(generator("test", *names).standard_normal(tuple(shape))))


def images(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normalised images, [B, C, H, W]."""
    return normal("images", shape=shape).to(dtype)


def direction(theta0: dict[str, Tensor], *names: object, size: float = 0.05) -> dict[str, Tensor]:
    """A vector with entries of about `size`."""
    return {
        k: (size * normal("direction", k, *names, shape=v.shape)).to(v.dtype)
        for k, v in theta0.items()
    }


def moved(
    theta0: dict[str, Tensor], tangent: dict[str, Tensor], scale: float = 1.0
) -> dict[str, Tensor]:
    """θ0 + scale · τ, by plain arithmetic."""
    return {k: theta0[k] + scale * tangent[k] for k in theta0}


def pixels(num: int, side: int, *names: object) -> np.ndarray:
    """uint8 images [num, side, side, 3]."""
    return np.random.default_rng(derive("test pixels", *names)).integers(
        0, 256, (num, side, side, 3), dtype=np.uint8
    )


class Whole:
    """A tensor of images with the manners of `inputs.Batches`, for precisions that bytes do not
    have.
    """

    def __init__(self, images_NCHW: Tensor) -> None:
        self.images = images_NCHW

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, part: slice) -> Whole:
        return Whole(self.images[part])

    def split(self, batch_size: int):
        return self.images.split(batch_size)

    def tensor(self) -> Tensor:
        return self.images
