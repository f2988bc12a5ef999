"""Coefficients of task vectors, learned by making a network sure of unlabelled images; both
AdaMergings use it.

    L(λ) = Σ_t mean over a batch of task t of H(p(x; θ(λ))),   H(p) = −Σ_k p_k log p_k
    θ(λ) = θ0 + Σ_t λ_t[c] τ_t

where c is the column of λ [T, L] that a parameter belongs to. ∂L/∂λ_t[c] = ⟨∂L/∂θ, τ_t⟩ over the
parameters of the column, so vectors are read one tensor at a time and no graph goes through them.
Adam moves λ, clamped to [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from tangent_bench.methods import Context, _passes
from tangent_bench.methods._streams import Vectors, each_parameter, merge_each
from tangent_bench.seeds import generator
from tangent_bench.tangent import heads
from tangent_bench.tangent.products import fast

Columns = Mapping[str, int]


def merge(vectors: Vectors, context: Context, columns: Columns) -> dict[str, Tensor]:
    """The direction Σ_t λ_t[c] τ_t with learned λ.

    Args:
        vectors: of all tasks.
        context: hyper-parameters and images.
        columns: parameter → c, numbered from 0.
    """
    return combine(vectors, learn(vectors, context, columns), columns)


def learn(vectors: Vectors, context: Context, columns: Columns) -> Tensor:
    """λ [T, L] after all steps, float64; T in the order of the vectors."""
    values = context.hyper_parameters
    shape = (len(vectors), 1 + max(columns.values()))
    free_TL = torch.full(shape, values["initial"], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([free_TL], lr=values["rate"])
    images: dict[str, Tensor] = {}
    if values["steps"]:
        images = {task: context.data.images(task, values["images"]) for task in vectors}
    random = {task: generator("adamerging", context.seed, task) for task in vectors}
    for _ in range(values["steps"]):
        lambda_TL = free_TL.clamp(0.0, 1.0)
        batches = _draw(images, random, values["batch"])
        _, slope_TL = entropy(vectors, context, lambda_TL.detach(), columns, batches)
        adam.zero_grad()
        lambda_TL.backward(slope_TL)
        adam.step()
    return free_TL.detach().clamp(0.0, 1.0)


def _draw(
    images: Mapping[str, Tensor], random: Mapping[str, np.random.Generator], size: int
) -> dict[str, Tensor]:
    """A batch of each task's images, drawn without replacement."""
    batches = {}
    for task, images_NCHW in images.items():
        number = len(images_NCHW)
        batches[task] = images_NCHW[random[task].choice(number, min(size, number), replace=False)]
    return batches


def entropy(
    vectors: Vectors,
    context: Context,
    lambda_TL: Tensor,
    columns: Columns,
    batches: Mapping[str, Tensor],
) -> tuple[float, Tensor]:
    """L(λ) on these images of each task, and ∂L/∂λ [T, L], float64."""
    device = _passes.device(context)
    direction = combine(vectors, lambda_TL, columns)
    theta = _passes.leaves(
        {name: (start + direction[name]).to(device) for name, start in context.theta0.items()}
    )
    encode = _passes.encoder(context.data.network)
    value = 0.0
    with fast():
        for task, images in batches.items():
            log_p = heads.logits(encode(theta, images), context.data.heads[task]).log_softmax(1)
            loss = -(log_p.exp() * log_p).sum(1).mean()
            # Gradients add up in θ; the graph of one task is freed before the next is built.
            loss.backward()
            value += float(loss.detach())
    return value, _slope(vectors, theta, torch.zeros_like(lambda_TL), columns)


def _slope(
    vectors: Vectors, theta: Mapping[str, Tensor], slope_TL: Tensor, columns: Columns
) -> Tensor:
    """⟨∂L/∂θ, τ_t⟩ by task and column, added to `slope_TL`."""
    for name, stack in each_parameter(vectors):
        gradient = theta[name].grad
        if gradient is not None:
            along_T = stack.reshape(len(stack), -1) @ gradient.reshape(-1).to(stack)
            slope_TL[:, columns[name]] += along_T.to(slope_TL)
    return slope_TL


def combine(vectors: Vectors, lambda_TL: Tensor, columns: Columns) -> dict[str, Tensor]:
    """Σ_t λ_t[c] τ_t."""

    def merge(name: str, stack: Tensor) -> Tensor:
        return torch.tensordot(lambda_TL[:, columns[name]].to(stack), stack, 1)

    return merge_each(vectors, merge)
