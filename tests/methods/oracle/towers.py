"""A small image tower with the parameters of `inputs`, and labelled images, for methods that look
at them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import conv2d, layer_norm, linear

from tangent_bench.methods import Data
from tangent_bench.seeds import generator
from tangent_bench.testing._synthetic import SyntheticTower
from tests.methods.oracle.inputs import SHAPES, Vector

NUM_IMAGES = 12
NUM_CLASSES = 3


def theta0() -> Vector:
    """The weights that the vectors are added to, float64."""
    return {name: 0.5 * _normal("theta0", name, shape=shape) for name, shape in SHAPES.items()}


def _normal(*names: str, shape: tuple[int, ...]) -> Tensor:
    drawn = generator("oracle tower", *names).standard_normal(shape)
    return torch.as_tensor(drawn).float().double()


class Tower(SyntheticTower):
    """Images [B, 1, 8, 8] → embeddings [B, 4], through every parameter of `inputs.SHAPES`."""

    def __init__(self) -> None:
        super().__init__(theta0())

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """One embedding for each image."""
        get = self._get
        patches = conv2d(images_BCHW, get("conv1.weight"), stride=4).flatten(2).mT
        first = get("class_embedding").expand(len(patches), 1, -1)
        x = torch.cat([first, patches], 1) + get("positional_embedding")
        x = layer_norm(x, (8,)) * get("ln_pre.weight")
        x = x + self._attended(x)
        hidden = linear(
            layer_norm(x, (8,)),
            get("transformer.resblocks.1.mlp.c_fc.weight"),
            get("transformer.resblocks.1.mlp.c_fc.bias"),
        )
        x = layer_norm(x, (8,)) + get("transformer.resblocks.2.ln_2.bias")
        x = x + linear(hidden.tanh(), get("transformer.resblocks.2.mlp.c_proj.weight"))
        return layer_norm(x[:, 0], (8,)) * get("ln_post.weight") @ get("proj")

    def _attended(self, tokens: Tensor) -> Tensor:
        block = "transformer.resblocks.0.attn."
        packed = linear(
            tokens, self._get(f"{block}in_proj_weight"), self._get(f"{block}in_proj_bias")
        )
        q, k, v = packed.chunk(3, -1)
        mixed = (q @ k.mT / 8**0.5).softmax(-1) @ v
        return linear(mixed, self._get(f"{block}out_proj.weight"))


def images(task: str, number: int) -> Tensor:
    """The first so many images of a task, float64."""
    return _normal("images", task, shape=(NUM_IMAGES, 1, 8, 8))[:number]


def labels(task: str, number: int) -> Tensor:
    """Their classes, drawn at random, int64."""
    random = generator("oracle tower", "labels", task)
    return torch.as_tensor(random.integers(0, NUM_CLASSES, NUM_IMAGES))[:number]


def head(task: str) -> Tensor:
    """head_KD of a task."""
    return 4.0 * _normal("head", task, shape=(NUM_CLASSES, 4))


def data(vectors: Mapping[str, Vector]) -> Data:
    """What a method that asks for labelled images is given."""
    return Data(Tower(), {task: head(task) for task in vectors}, images, labels)
