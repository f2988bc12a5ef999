"""Where the matrices of a network stand: those of its attention, and those of all its linear layers."""

from __future__ import annotations

from torch import nn

STACKED = {"q": 0, "k": 1, "v": 2}  # in `in_proj_weight`, from above


def attention(network: nn.Module) -> dict[str, tuple[str, ...]]:
    """Name of a weight → the projections of attention that are stacked in it, from above; biases are none.

    Raises:
        ValueError: the network has no attention that is known here, PyTorch's, of one width.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
            found[f"{name}.in_proj_weight".lstrip(".")] = tuple(STACKED)
            found[f"{name}.out_proj.weight".lstrip(".")] = ("o",)
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no attention of PyTorch's (nn.MultiheadAttention); expected a vision "
            "transformer as open_clip's own: fine-tune this model in another mode."
        )
    return found


def linear(network: nn.Module) -> dict[str, tuple[str, ...]]:
    """The same for the weights of all linear layers, attention's among them; any other has one part, "".

    Raises:
        ValueError: the network has no linear layer.
    """
    layers = {
        f"{n}.weight".lstrip("."): ("",)
        for n, m in network.named_modules()
        if isinstance(m, nn.Linear)
    }
    stacked = {
        f"{name}.in_proj_weight".lstrip("."): tuple(STACKED)
        for name, module in network.named_modules()
        if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None
    }
    found = {
        name: (layers | stacked)[name]
        for name, _ in network.named_parameters()
        if name in layers | stacked
    }
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no linear layer to adapt; expected nn.Linear or nn.MultiheadAttention: "
            "fine-tune this model in another mode."
        )
    return found
