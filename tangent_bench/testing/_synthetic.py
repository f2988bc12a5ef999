"""A synthetic image tower with the laws' parameters, and synthetic images for methods that need
data.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, layer_norm, linear

from tangent_bench.methods import Data
from tangent_bench.seeds import generator

NUM_IMAGES = 6
NUM_CLASSES = 3
TASKS = ("one", "two", "three")


class SyntheticTower(nn.Module):
    """Images [B, 3, 4, 4] → embeddings [B, 6], through every parameter of `_laws.SHAPES`.

    Integers are buffers.
    """

    def __init__(self, theta: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, value in theta.items():
            self._register(name, value)
        self.eval()

    def _register(self, name: str, value: Tensor) -> None:
        *path, last = name.split(".")
        module: nn.Module = self
        for part in path:
            if not hasattr(module, part):
                module.add_module(part, nn.Module())
            module = getattr(module, part)
        if value.is_floating_point():
            module.register_parameter(last, nn.Parameter(value.clone(), requires_grad=False))
        else:
            module.register_buffer(last, value.clone())

    def _get(self, name: str) -> Tensor:
        """A parameter; within `functional_call`, the tensor in its place."""
        return attrgetter(name)(self)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """One embedding for each image."""
        patches = conv2d(images_BCHW, self._get("conv1.weight"), stride=2).flatten(2).mT
        x = torch.cat([torch.zeros_like(patches[:, :1]), patches], 1)
        x = x + self._get("positional_embedding")
        x = x + self._attend(layer_norm(x, (4,)) + self._get("transformer.resblocks.0.ln_1.bias"))
        h = linear(
            layer_norm(x, (4,)),
            self._get("transformer.resblocks.1.mlp.c_fc.weight"),
            self._get("transformer.resblocks.1.mlp.c_fc.bias"),
        )
        x = x + self._get("scale") * torch.tanh(h[..., :4]) * h[..., 4:]
        return layer_norm(x[:, 0], (4,)) @ self._get("proj")

    def _attend(self, tokens: Tensor) -> Tensor:
        """One head of attention without an output projection."""
        packed = linear(tokens, self._get("transformer.resblocks.0.attn.in_proj_weight"))
        q, k, v = packed.chunk(3, -1)
        return (q @ k.mT / 2.0).softmax(-1) @ v


def data(theta: Mapping[str, Tensor], kind: str, drawn: str = "images") -> Data:
    """What a method is given: heads, images and, if it asks for them, labels of any task.

    Args:
        theta: θ0.
        kind: its `METHOD.data`.
        drawn: a name of the images; other names draw others.
    """
    dtype = theta["proj"].dtype
    width = theta["proj"].shape[1]

    def normal(*names: str, shape: tuple[int, ...]) -> Tensor:
        return torch.as_tensor(generator("testing", *names).standard_normal(shape), dtype=dtype)

    def images(task: str, number: int) -> Tensor:
        return normal(drawn, task, shape=(NUM_IMAGES, 3, 4, 4))[:number]

    def labels(task: str, number: int) -> Tensor:
        random = generator("testing", drawn, task, "labels")
        return torch.as_tensor(random.integers(0, NUM_CLASSES, NUM_IMAGES))[:number]

    heads = {task: normal("head", task, shape=(NUM_CLASSES, width)) for task in TASKS}
    network = SyntheticTower(theta)
    return Data(network, heads, images, labels if kind.startswith("labelled") else None)
