"""CART: task vectors centred at their average, cut to low rank, and added back to it.

For each weight matrix, with τ̄ = mean_t τ_t and [·]_k the best approximation of rank k = max(1,
⌊rank · min(m, n)⌋),

    direction = τ̄ + λ Σ_t [τ_t − τ̄]_k;

other tensors are averaged (which tensors are matrices: `_spectral`; the authors' code averages
`proj` as well). The published model is θ0 + direction, α = 1, with λ (here `scale`) and the rank
chosen on validation data. The defaults are those of the authors' repository for ViT-B/32 and eight
tasks. For 14 tasks it has rank 0.16 and λ 1.5, for 20 tasks 0.32 and 1.9. AdaRank, which starts
from CART, has 0.16 and 2.3 for eight tasks of another set of checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="CART",
    reference="Choi et al., Revisiting Weight Averaging for Model Merging, 2024",
    parameters={
        "rank": Parameter(
            0.12, "part of the singular values kept of each centred vector", 0.0, 1.0
        ),
        "scale": Parameter(2.0, "factor λ of the centred vectors' sum", 0.0),
    },
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The average plus the scaled sum of truncated centred vectors."""
    from tangent_bench.methods import _spectral

    fraction = context.hyper_parameters["rank"]
    scale = context.hyper_parameters["scale"]

    def merge(stack: Tensor) -> Tensor:
        centre = stack.mean(0)
        rank = _spectral.num_kept(fraction, stack)
        return centre + scale * sum(_spectral.truncate(tau - centre, rank) for tau in stack)

    return _spectral.merge_matrices(vectors, merge)
