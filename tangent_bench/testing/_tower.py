"""A made-up image tower with the laws' parameters, and made-up images for methods that need data."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from tangent_bench.methods import Data
from tangent_bench.seeds import generator

NUM_IMAGES, NUM_CLASSES = 6, 3


class Tower(nn.Module):
    """Images [B, 3, 4, 4] → embeddings [B, 6], through every parameter of `_laws.SHAPES`; integers are buffers."""

    def __init__(self, theta: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, value in theta.items():
            *path, last = name.split(".")
            module = self
            for part in path:
                if not hasattr(module, part):
                    module.add_module(part, nn.Module())
                module = getattr(module, part)
            if value.is_floating_point():
                module.register_parameter(last, nn.Parameter(value.clone(), requires_grad=False))
            else:
                module.register_buffer(last, value.clone())
        self.eval()

    def forward(self, images_BCHW: Tensor) -> Tensor:
        first, second = (getattr(self.transformer.resblocks, number) for number in "01")
        patches = nn.functional.conv2d(images_BCHW, self.conv1.weight, stride=2).flatten(2).mT
        x = torch.cat([torch.zeros_like(patches[:, :1]), patches], 1) + self.positional_embedding
        y = layer_norm(x, (4,)) + first.ln_1.bias
        q, k, v = linear(y, first.attn.in_proj_weight).chunk(3, -1)
        x = x + (q @ k.mT / 2.0).softmax(-1) @ v
        h = linear(layer_norm(x, (4,)), second.mlp.c_fc.weight, second.mlp.c_fc.bias)
        x = x + self.scale * torch.tanh(h[..., :4]) * h[..., 4:]
        return layer_norm(x[:, 0], (4,)) @ self.proj


def data(theta: Mapping[str, Tensor], kind: str, drawn: str = "images") -> Data:
    """What a method of this `METHOD.data` is given: heads, images and, if it says "labelled", labels of any task.

    Args:
        theta: θ0. drawn: a name of the images; other names draw others.
    """
    dtype, width = theta["proj"].dtype, theta["proj"].shape[1]

    def normal(*names: str, shape: tuple[int, ...]) -> Tensor:
        return torch.as_tensor(generator("testing", *names).standard_normal(shape), dtype=dtype)

    def images(task: str, number: int) -> Tensor:
        return normal(drawn, task, shape=(NUM_IMAGES, 3, 4, 4))[:number]

    def labels(task: str, number: int) -> Tensor:
        return torch.as_tensor(
            generator("testing", drawn, task, "labels").integers(0, NUM_CLASSES, NUM_IMAGES)
        )[:number]

    heads = {
        task: normal("head", task, shape=(NUM_CLASSES, width)) for task in ("one", "two", "three")
    }
    return Data(Tower(theta), heads, images, labels if kind.startswith("labelled") else None)
