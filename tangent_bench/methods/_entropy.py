"""Coefficients of task vectors, learned by making a network sure of unlabelled images; both
AdaMergings use it.

    L(λ) = Σ_t mean over a batch of task t of H(p(x; θ(λ))),   H(p) = −Σ_k p_k log p_k

with θ(λ) as in `_coefficients`. Adam moves λ, clamped to [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tangent_bench.methods import Context, _coefficients
from tangent_bench.methods._coefficients import Columns, Draws
from tangent_bench.methods._streams import Vectors


def merge(vectors: Vectors, context: Context, columns: Columns) -> dict[str, Tensor]:
    """The direction Σ_t λ_t[c] τ_t with learned λ.

    Args:
        vectors: of all tasks.
        context: hyper-parameters and images.
        columns: parameter → c, numbered from 0.
    """
    return _coefficients.combine(vectors, learn(vectors, context, columns), columns)


def learn(vectors: Vectors, context: Context, columns: Columns) -> Tensor:
    """λ [T, L] after all steps, float64; T in the order of the vectors."""
    values = context.hyper_parameters
    vectors = _coefficients.held(vectors, context)
    shape = (len(vectors), 1 + max(columns.values()))
    free_TL = torch.full(shape, values["initial"], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([free_TL], lr=values["rate"])
    images: dict[str, Tensor] = {}
    if values["steps"]:
        images = {task: context.data.images(task, values["images"]) for task in vectors}
    draws = Draws("adamerging", context, vectors)
    for _ in range(values["steps"]):
        lambda_TL = free_TL.clamp(0.0, 1.0)
        batches = {}
        for task, images_NCHW in images.items():
            batches[task] = images_NCHW[draws.next(task, len(images_NCHW), values["batch"])]
        _, slope_TL = entropy(vectors, context, lambda_TL.detach(), columns, batches)
        adam.zero_grad()
        lambda_TL.backward(slope_TL)
        adam.step()
    return free_TL.detach().clamp(0.0, 1.0)


def entropy(
    vectors: Vectors,
    context: Context,
    lambda_TL: Tensor,
    columns: Columns,
    batches: Mapping[str, Tensor],
) -> tuple[float, Tensor]:
    """L(λ) on these images of each task, and ∂L/∂λ [T, L], float64."""

    def loss_of(task: str, log_p_BK: Tensor) -> Tensor:
        return -(log_p_BK.exp() * log_p_BK).sum(1).mean()

    return _coefficients.loss_and_slope(vectors, context, lambda_TL, columns, batches, loss_of)
