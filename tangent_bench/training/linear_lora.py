"""Linearized LoRA (L-LoRA): the expansion of the network in its low-rank factors.

It is taken around their start φ0 = (A0, B0). With φ = (A, B), W = W0 + s B A, s = alpha / rank, and
B0 = 0, the derivative in A is s B0 dA = 0, and

    f_lin(x; φ) = f(x; φ0) + J_φ(x; φ0)(φ − φ0) = f(x; θ0) + J_θ(x; θ0) (s B A0):

A stays where it was drawn, the function is linear in B, and the vector is τ = s B A0. Because A0
depends on the seed alone, vectors of all tasks add up as their factors do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.training import Training, lora
from tangent_bench.training.linear import encoder as encoder
from tangent_bench.training.lora import require as require

if TYPE_CHECKING:
    from torch import Tensor, nn

TRAINING = Training(
    title="L-LoRA",
    parametrisation="the factor B of low-rank changes of the linear layers, in the expansion at "
    "θ0, A0 fixed",
    vector_format="dense",
    affine=True,
    reference="Tang et al., Parameter-Efficient Multi-Task Model Fusion with Partial "
    "Linearization, ICLR 2024",
)


def parameters(
    network: nn.Module, theta0: Mapping[str, Tensor], settings: Mapping, seed: int
) -> tuple[dict[str, Tensor], Callable[[dict[str, Tensor]], dict[str, Tensor]]]:
    """The factors B, and the way from them to θ.

    Raises:
        ValueError: as `lora.parameters`.
    """
    start, theta = lora.parameters(network, theta0, settings, seed)
    fixed = {name: value for name, value in start.items() if name.endswith(" A")}
    trained = {name: value for name, value in start.items() if name.endswith(" B")}
    return trained, lambda leaves: theta({**fixed, **leaves})
