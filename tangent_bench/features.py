"""What the tangent side stands on: f0 and J τ per image, before normalisation, as artefacts.

Every question about f_lin (any coefficients, any subset of tasks, negation, maps) is affine in them; see `evaluation`.
Shapes: N images, D embedding, B batch, C, H, W.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tangent_bench.linearize import encode, product

log = logging.getLogger(__name__)


@torch.no_grad()
def base(network: nn.Module, theta0: Mapping[str, Tensor], images_NCHW: Tensor, batch_size: int) -> np.ndarray:
    """f(x; θ0), float32 [N, D]."""
    return torch.cat([encode(network, theta0, b) for b in images_NCHW.split(batch_size)]).numpy()


@torch.no_grad()
def changes(
    network: nn.Module,
    theta0: Mapping[str, Tensor],
    tangents: Sequence[Mapping[str, Tensor]],
    images_NCHW: Tensor,
    batch_size: int,
) -> list[np.ndarray]:
    """J(x; θ0) τ for each τ of `tangents`, float32 [N, D] each."""
    parts: list[list[Tensor]] = [[] for _ in tangents]
    for batch_BCHW in images_NCHW.split(batch_size):
        for part, tangent in zip(parts, tangents, strict=True):
            part.append(product(network, theta0, tangent, batch_BCHW)[1])
    return [torch.cat(part).numpy() for part in parts]
