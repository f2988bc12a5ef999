"""Taps of a network that is made of modules of PyTorch, by hooks: what enters each, what leaves it.

    linear layers s = W a + b, layer norms s = γ x̂ + β; each of them is used once in a pass

`layer_gradients` says what taps are for. Shapes: B inputs, L tokens, I inputs and O outputs of a
layer, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from tangent_bench.tangent.layer_gradients import Tap
from tangent_bench.tangent.transformer import Matrix, Norm

Places = dict[nn.Module, Matrix | Norm]


def linear_layers(network: nn.Module) -> Places:
    """The linear layers of a network, in the order of their names, and their parameters."""
    found: Places = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear):
            bias = None if module.bias is None else _of(name, "bias")
            found[module] = Matrix(_of(name, "weight"), bias)
    return found


def norms(network: nn.Module) -> Places:
    """The layer norms of a network, and their parameters."""
    found: Places = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.LayerNorm):
            found[module] = Norm(_of(name, "weight"), _of(name, "bias"), module)
    return found


def taps(
    network: nn.Module, places: Places, theta: Mapping[str, Tensor], inputs: Tensor
) -> tuple[Tensor, list[Tap]]:
    """f(x; θ) [B, D] with its graph, which begins at the taps, and the taps in order of `places`.

    Args:
        network: whose first axis is that of the inputs in every layer.
        places: the modules that have all of its parameters.
        theta: its parameters by name.
        inputs: a batch as it takes them.
    """
    used: dict[nn.Module, Tap] = {}

    def keep(module: nn.Module, entering: tuple[Tensor], leaving: Tensor) -> Tensor:
        shape = leaving.shape
        leaving_BLO = leaving.reshape(shape[0], -1, shape[-1]).requires_grad_(True)
        (a,) = entering
        if isinstance(module, nn.LayerNorm):
            a = layer_norm(a, list(module.normalized_shape), eps=module.eps)
        a_BLI = a.reshape(*leaving_BLO.shape[:2], -1)
        used[module] = Tap(places[module], a_BLI, leaving_BLO)
        return leaving_BLO.reshape(shape)

    hooks = [module.register_forward_hook(keep) for module in places]
    try:
        with torch.enable_grad():
            constants = {key: value.detach() for key, value in theta.items()}
            outputs_BD = torch.func.functional_call(network, constants, (inputs,))
    finally:
        for hook in hooks:
            hook.remove()
    return outputs_BD, [used[module] for module in places]


def _of(module: str, parameter: str) -> str:
    """The name of a module's parameter within the network, which is the module named ""."""
    return f"{module}.{parameter}".lstrip(".")
