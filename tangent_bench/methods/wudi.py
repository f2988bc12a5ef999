"""WUDI: the matrix whose difference from each task vector is nearly orthogonal to that vector's row space.

For each weight matrix [outputs, inputs], X minimises

    Σ_t ‖(X − τ_t) τ_tᵀ‖² / ‖τ_t‖² + ε ‖X − τ̄‖²,

the rows of τ_t standing for the inputs that task t sees; the paper descends by Adam, here it is solved:

    X (Σ_t G_t + ε I) = Σ_t τ_t G_t + ε τ̄,   G_t = τ_tᵀ τ_t / ‖τ_t‖²,   τ̄ = mean_t τ_t.

G_t has trace 1, so that ε needs no units. It settles only the directions that hardly any task uses; pulling towards τ̄
instead of 0 (as merge-and-rebase does, X then lacks ε τ̄ (Σ_t G_t + ε I)⁻¹) makes one task give back its vector. Solved
in float64, since ε is below the resolution of float32. Other tensors are averaged (which tensors are matrices:
`_spectral`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="WUDI",
    reference="Cheng et al., Whoever Started the Interference Should End It: Guiding Data-Free Model Merging via Task "
    "Vectors, ICML 2025",
    parameters={
        "ridge": Parameter(
            1e-8, "pull ε towards the average, beside Gram matrices of trace 1", 1e-12
        )
    },
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The solution of the normal equations, matrix by matrix."""
    from tangent_bench.methods import _spectral

    return _spectral.merge_matrices(
        vectors, lambda stack: solve(stack, context.hyper_parameters["ridge"])
    )


def solve(stack: Tensor, ridge: float) -> Tensor:
    """X [outputs, inputs] of a stack [T, outputs, inputs], in its dtype; a task that did not move counts in τ̄ only."""
    import torch

    num_inputs = stack.shape[2]
    left = ridge * torch.eye(num_inputs, dtype=torch.float64, device=stack.device)
    right = ridge * stack.mean(0, dtype=torch.float64)
    for tau in (each.double() for each in stack):
        if square := float((tau * tau).sum()):
            gram = tau.T @ tau / square
            left += gram
            right += tau @ gram
    # left is symmetric and positive: X = right left⁻¹ = (left⁻¹ rightᵀ)ᵀ
    return torch.cholesky_solve(right.T, torch.linalg.cholesky(left)).T.to(stack.dtype)
