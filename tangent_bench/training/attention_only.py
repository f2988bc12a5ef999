"""Attention-only fine-tuning: of f(x; θ), only attention's projections W_q, W_k, W_v, W_o move.

Their biases stay, as in the paper (Fig. 2: "only W_q, W_v, W_k and W_o will be updated"); τ of all
else is exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.training import Training
from tangent_bench.training.standard import encoder as encoder

if TYPE_CHECKING:
    from torch import Tensor, nn

TRAINING = Training(
    title="Attention-only FT",
    parametrisation="weights of the query, key, value and output projections of attention, f(x; θ)",
    vector_format="dense",
    affine=False,
    reference="Jin, Hou, Xiao, Su, Shen, Fine-Tuning Attention Modules Only: Enhancing Weight "
    "Disentanglement in Task Arithmetic, ICLR 2025",
)


def require(vision: Mapping, settings: Mapping) -> None:
    """Raises ValueError if a network has no attention that is known, by its description."""
    if vision and not is_own_transformer(vision):
        kind = vision.get("timm_model_name", "a ResNet")
        raise ValueError(
            f"Its image tower is {kind}, which has no attention of PyTorch's "
            "(nn.MultiheadAttention); expected a vision transformer as open_clip's own: fine-tune "
            "this model in another mode."
        )


def is_own_transformer(vision: Mapping) -> bool:
    """Whether open_clip's description of an image tower is of its own vision transformer."""
    return "timm_model_name" not in vision and isinstance(vision.get("layers"), int)


def parameters(
    network: nn.Module, theta0: Mapping[str, Tensor], settings: Mapping, seed: int
) -> tuple[dict[str, Tensor], Callable[[dict[str, Tensor]], dict[str, Tensor]]]:
    """The weights of the projections, and the way from them to all of θ.

    Raises:
        ValueError: the network has no attention.
    """
    from tangent_bench.training._layers import attention

    leaves = {name: theta0[name] for name in attention(network)}
    return leaves, lambda leaves: {**theta0, **leaves}
