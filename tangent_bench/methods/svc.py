"""SVC, a wrapper: scale down singular directions that tasks share, and up those that cancelled.

With U diag(σ) Vᵀ the direction's weight matrix [outputs, inputs], T tasks, and responses of
subspace r

    a_r = u_rᵀ direction = σ_r v_rᵀ,   a_r^t = u_rᵀ τ_t
    s_r^t = ⟨a_r, a_r^t⟩ / ‖a_r^t‖²   (0 if a_r^t = 0)
    γ_r = T / Σ_t max(floor, s_r^t),   σ_r ← γ_r σ_r.

Where no s is below the floor, the result does not depend on the length of the direction. A flat
spectrum (Iso-C) leaves U undetermined; the result then depends on the rounding of the SVD, and so
on the order of the tasks. Other tensors stay as they are (which tensors are matrices: `_spectral`).
FusionBench, where this default comes from, has floor 0.1 for the average, task arithmetic, TIES,
DARE and Iso-C, 0.2 for Iso-CTS, and 1 for TSV-M and WUDI; it adjusts every 2-D tensor, embeddings
included, with the rows of `proj` as its outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="SVC",
    reference="Li et al., When Shared Knowledge Hurts: Spectral Over-Accumulation in Model "
    "Merging, 2026",
    parameters={
        "floor": Parameter(0.1, "least projection coefficient that counts, α in the paper", 1e-6)
    },
)


def adjust(
    direction: Mapping[str, Tensor], vectors: Mapping[str, Mapping], context: Context
) -> dict:
    """The direction with calibrated singular values."""
    from tangent_bench.methods import _spectral

    adjusted = dict(direction)
    for name, matrix in direction.items():
        if matrix.is_floating_point() and _spectral.is_matrix(name, matrix):
            taus = (_spectral.turn(name, vector[name]) for vector in vectors.values())
            merged = _spectral.turn(name, matrix)
            calibrated = calibrate(merged, taus, context.hyper_parameters["floor"])
            adjusted[name] = _spectral.turn(name, calibrated).contiguous()
    return adjusted


def calibrate(merged: Tensor, taus: Iterable[Tensor], floor: float) -> Tensor:
    """U diag(γ σ) Vᵀ.

    Args:
        merged: U diag(σ) Vᵀ, [m, n].
        taus: [m, n] of each task, taken one at a time.
        floor: least projection coefficient that counts.
    """
    import torch

    from tangent_bench.methods import _spectral

    left, sigma, right = _spectral.svd(merged)
    coefficients = [_coefficients(left.T @ tau, sigma, right).clamp(min=floor) for tau in taus]
    gamma = len(coefficients) / torch.stack(coefficients).sum(0)
    return (left * (gamma * sigma)) @ right


def _coefficients(responses: Tensor, sigma: Tensor, right: Tensor) -> Tensor:
    """s [r] of the responses [r, n] of one task."""
    products = sigma * (responses * right).sum(1)
    squares = responses.square().sum(1)
    is_zero = squares == 0
    return (products / squares.masked_fill(is_zero, 1.0)).masked_fill(is_zero, 0.0)
