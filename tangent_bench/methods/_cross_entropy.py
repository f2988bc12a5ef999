"""Coefficients of task vectors, learned by making a network right about labelled images.

    L(λ) = Σ_t mean over a batch of task t of −log p(label; θ(λ))

with θ(λ) as in `_coefficients`. AdamW moves λ, by a slope of length 1 at most.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from tangent_bench.methods import Context, _coefficients
from tangent_bench.methods._coefficients import Columns, Draws
from tangent_bench.methods._streams import Vectors

LONGEST = 1.0  # slope in λ
Labelled = Mapping[str, tuple[Tensor, Tensor]]


def learn(vectors: Vectors, context: Context, columns: Columns) -> Tensor:
    """λ [T, L] after all steps, float64; T in the order of the vectors.

    Args:
        vectors: of all tasks.
        context: hyper-parameters, images and labels.
        columns: parameter → c, numbered from 0.
    """
    values = context.hyper_parameters
    vectors = _coefficients.held(vectors, context)
    shape = (len(vectors), 1 + max(columns.values()))
    lambda_TL = torch.full(shape, values["initial"], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.AdamW([lambda_TL], lr=values["rate"], weight_decay=values["decay"])
    seen = _seen(vectors, context) if values["steps"] else {}
    draws = Draws("atlas", context, vectors)
    for _ in range(values["steps"]):
        batches = _batches(seen, draws, values["batch"])
        point_TL = lambda_TL.detach().clone()
        _, lambda_TL.grad = cross_entropy(vectors, context, point_TL, columns, batches)
        torch.nn.utils.clip_grad_norm_([lambda_TL], LONGEST)
        adam.step()
    return lambda_TL.detach()


def _seen(vectors: Vectors, context: Context) -> Labelled:
    """Task → the images that batches are drawn from, and their labels."""
    number = context.hyper_parameters["images"]
    assert context.data.labels is not None  # the contract says "labelled"
    seen = {}
    for task in vectors:
        seen[task] = (context.data.images(task, number), context.data.labels(task, number))
    return seen


def _batches(seen: Labelled, draws: Draws, size: int) -> Labelled:
    batches = {}
    for task, (images_NCHW, labels_N) in seen.items():
        rows = draws.next(task, len(images_NCHW), size)
        batches[task] = (images_NCHW[rows], labels_N[rows])
    return batches


def cross_entropy(
    vectors: Vectors, context: Context, lambda_TL: Tensor, columns: Columns, batches: Labelled
) -> tuple[float, Tensor]:
    """L(λ) on these images and labels of each task, and ∂L/∂λ [T, L], float64."""
    images = {task: images_BCHW for task, (images_BCHW, _) in batches.items()}

    def loss_of(task: str, log_p_BK: Tensor) -> Tensor:
        return nll_loss(log_p_BK, batches[task][1].to(log_p_BK.device))

    return _coefficients.loss_and_slope(vectors, context, lambda_TL, columns, images, loss_of)
