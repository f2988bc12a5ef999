"""Iso-C: the sum of the task vectors with a flat spectrum.

    Σ_t τ_t = U diag(σ) Vᵀ,   direction = σ̄ U Vᵀ,   σ̄ = mean(σ) over all min(m, n) values,

for each weight matrix; other tensors are averaged (which tensors are matrices: `_spectral`). The
positional embedding is among these, and the authors' code makes its spectrum flat: the direction is
6 to 8 % of its length away from theirs for that (vectors of the tiny model). If the
sum lacks rank, σ̄ raises from zero whatever directions the SVD happens to give, as in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="Iso-C",
    reference="Marczak et al., No Task Left Behind: Isotropic Model Merging with Common and "
    "Task-Specific Subspaces, ICML 2025, section 4",
    coefficients=(0.0, 3.0, 31),
    exceptions={"one task": "the spectrum of a single vector is made flat as well"},
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """σ̄ U Vᵀ of the sum."""
    from tangent_bench.methods import _spectral

    def merge(stack: Tensor) -> Tensor:
        left, sigma, right = _spectral.svd(stack.sum(0))
        return sigma.mean() * (left @ right)

    return _spectral.merge_matrices(vectors, merge)
