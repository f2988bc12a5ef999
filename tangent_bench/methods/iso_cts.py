"""Iso-CTS: a common subspace from the sum, a subspace of each task, and a flat spectrum.

For each weight matrix, r = min(m, n), with U_c the first c left singular vectors of Σ_t τ_t:

    k = round((r − ⌊f r⌋) / T),  c = r − T k            k triplets for each task, c common ones
    (U_t, σ_t, V_t) = first k triplets of (I − U_c U_cᵀ) τ_t
    direction = σ̄ · polar([U_c U_1 … U_T]) · polar([V_c V_1 … V_T])ᵀ

with σ̄ the mean of all r values kept, and polar(A) = A (AᵀA)^(−½). f = 1 is Iso-C if no vectors
lack rank; directions that none of them has stay zero. Other tensors are averaged (which tensors are
matrices: `_spectral`). The authors' code decomposes the positional embedding too, and takes `proj`
as stored, which matters here, since outputs and inputs are not alike: the direction is 11 to 12 %
of its length away from theirs for that, 6 % for the embedding alone (vectors of the tiny model).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="Iso-CTS",
    reference="Marczak et al., No Task Left Behind: Isotropic Model Merging with Common and "
    "Task-Specific Subspaces, ICML 2025, section 5",
    coefficients=(0.0, 3.0, 31),
    parameters={
        "common_space_fraction": Parameter(
            0.8, "part f of the rank that is common to all tasks", 0.0, 1.0
        )
    },
    exceptions={"one task": "the spectrum of a single vector is made flat as well"},
)


def split_rank(rank: int, num_tasks: int, fraction: float) -> tuple[int, int]:
    """(common, per task) with common + `num_tasks` · per task = `rank`, both at least 0.

    About a `fraction` of the rank is common.

    >>> split_rank(768, 8, 0.8), split_rank(3, 4, 0.0), split_rank(5, 2, 1.0)
    ((616, 19), (3, 0), (5, 0))
    """
    per_task = min(round((rank - int(rank * fraction)) / num_tasks), rank // num_tasks)
    return rank - num_tasks * per_task, per_task


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """σ̄ times the orthogonalised common and task-specific directions."""
    from tangent_bench.methods import _spectral

    fraction = context.hyper_parameters["common_space_fraction"]

    def merge(stack: Tensor) -> Tensor:
        num_common, num_own = split_rank(min(stack.shape[1:]), len(stack), fraction)
        common = _spectral.leading(stack.sum(0), num_common)
        shared = common[0].to(stack.dtype)
        triplets = [common]
        for tau in stack if num_own else ():
            rest = tau - shared @ (shared.T @ tau)
            triplets.append(_spectral.leading(rest, num_own))
        left, sigma, right = _spectral.assemble(triplets, stack.dtype)
        return sigma.mean() * (left @ right)

    return _spectral.merge_matrices(vectors, merge)
