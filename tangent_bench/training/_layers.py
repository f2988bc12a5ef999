"""Names of a network's matrices: those of its attention, and those of all its linear layers."""

from __future__ import annotations

from torch import nn

STACKED = ("q", "k", "v")  # in `in_proj_weight`, from above


def attention(network: nn.Module) -> dict[str, tuple[str, ...]]:
    """Weight → the projections of attention that are stacked in it, from above, without biases.

    Raises:
        ValueError: the network has no attention of the known kind, PyTorch's of one width.
    """
    weights: dict[str, tuple[str, ...]] = {}
    for name, module in network.named_modules():
        if _is_attention(module):
            weights[_of(name, "in_proj_weight")] = STACKED
            weights[_of(name, "out_proj.weight")] = ("o",)
    if not weights:
        raise ValueError(
            f"{type(network).__name__} has no attention of PyTorch's (nn.MultiheadAttention); "
            "expected a vision transformer as open_clip's own: fine-tune this model in another "
            "mode."
        )
    return weights


def linear(network: nn.Module) -> dict[str, tuple[str, ...]]:
    """The same for all linear layers, attention's among them; any other weight has one part, "".

    Weights stand in the order of the network's parameters.

    Raises:
        ValueError: the network has no linear layer.
    """
    parts: dict[str, tuple[str, ...]] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear):
            parts[_of(name, "weight")] = ("",)
        elif _is_attention(module):
            parts[_of(name, "in_proj_weight")] = STACKED
    weights = {name: parts[name] for name, _ in network.named_parameters() if name in parts}
    if not weights:
        raise ValueError(
            f"{type(network).__name__} has no linear layer to adapt; expected nn.Linear or "
            "nn.MultiheadAttention: fine-tune this model in another mode."
        )
    return weights


def _is_attention(module: nn.Module) -> bool:
    return isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None


def _of(module: str, parameter: str) -> str:
    """The name of a module's parameter within the network, which is the module named ""."""
    return f"{module}.{parameter}".lstrip(".")
