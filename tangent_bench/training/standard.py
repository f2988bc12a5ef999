"""Non-linear fine-tuning: the network itself, f(x; θ)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tangent_bench.training import Training

if TYPE_CHECKING:
    from torch import Tensor, nn

TRAINING = Training(
    title="Non-lin. FT",
    parametrisation="all parameters of the image encoder, f(x; θ)",
    vector_format="dense",
    affine=False,
    reference="Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023",
)


def encoder(
    network: nn.Module, theta0: Mapping[str, Tensor]
) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    """(θ, images_BCHW) → f(x; θ), [B, D]."""
    from tangent_bench.tangent import written
    from tangent_bench.tangent.linearize import encode

    return written.encoder(network) or partial(encode, network)
