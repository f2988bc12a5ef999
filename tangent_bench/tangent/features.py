"""f0 and J τ per image, before normalisation: all that the tangent side needs of a network.

Every question about f_lin (any coefficients, any subset of tasks, negation, maps) is affine in
them; see `evaluation`.
Shapes: N images, D embedding, B batch, C, H, W.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tangent_bench.images.inputs import Batches
from tangent_bench.tangent import written
from tangent_bench.tangent.linearize import encode, product

Images = Tensor | Batches
log = logging.getLogger(__name__)


@torch.no_grad()
def base(
    network: nn.Module, theta0: Mapping[str, Tensor], images_NCHW: Images, batch_size: int
) -> np.ndarray:
    """f(x; θ0), float32 [N, D]."""
    batches = images_NCHW.split(batch_size)
    return torch.cat([encode(network, theta0, batch).cpu() for batch in batches]).numpy()


@torch.no_grad()
def changes(
    network: nn.Module,
    theta0: Mapping[str, Tensor],
    tangents: Sequence[Mapping[str, Tensor]],
    images_NCHW: Images,
    batch_size: int,
) -> list[np.ndarray]:
    """J(x; θ0) τ for each τ of `tangents`, float32 [N, D] each.

    With passes that are written out, all tangents share one of the network; another network takes
    one generic product for each.
    """
    if not written.passes(network):
        log.info(
            "%s has no own forward-mode rules: one generic product for each vector",
            type(network).__name__,
        )
    batches = images_NCHW.split(batch_size)
    parts = [_changes(network, theta0, tangents, batch).cpu() for batch in batches]
    return list(torch.cat(parts, 1).numpy())


def _changes(
    network: nn.Module, theta0: Mapping, tangents: Sequence[Mapping], images_BCHW: Tensor
) -> Tensor:
    """J(x; θ0) τ of all tangents, [T, B, D]."""
    if passes := written.passes(network):
        _, change_of = passes.linearize(theta0, images_BCHW)
        return torch.stack([change_of(tangent) for tangent in tangents])
    parts = [product(network, theta0, tangent, images_BCHW)[1] for tangent in tangents]
    return torch.stack(parts)
