"""Linear fine-tuning: the Taylor expansion at θ0 is trained itself.

f_lin(x; θ) = f(x; θ0) + J(x; θ0)(θ − θ0)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.training import Training

if TYPE_CHECKING:
    from torch import Tensor, nn

TRAINING = Training(
    title="Linear FT",
    parametrisation="all parameters of the image encoder, in its expansion f_lin(x; θ) at θ0",
    vector_format="dense",
    affine=True,
    reference="Ortiz-Jimenez, Favero, Frossard, Task Arithmetic in the Tangent Space, NeurIPS 2023",
)
log = logging.getLogger(__name__)


def encoder(
    network: nn.Module, theta0: Mapping[str, Tensor]
) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    """(θ, images_BCHW) → f_lin(x; θ), [B, D]."""
    from tangent_bench.tangent import written
    from tangent_bench.tangent.linearize import encode_linearized

    if not written.passes(network):
        log.info(
            "%s has no own forward-mode rules: its steps take torch.func's product",
            type(network).__name__,
        )
    return lambda theta, images_BCHW: encode_linearized(network, theta0, theta, images_BCHW)
