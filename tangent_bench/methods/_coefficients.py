"""Coefficients of task vectors by task and by parameter, and the slope of a loss in them.

    θ(λ) = θ0 + Σ_t λ_t[c] τ_t,   L(λ) = Σ_t mean over a batch of task t of a loss at θ(λ)

where c is the column of λ [T, L] that a parameter belongs to. ∂L/∂λ_t[c] = ⟨∂L/∂θ, τ_t⟩ over the
parameters of the column, so vectors are read one tensor at a time and no graph goes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from tangent_bench.methods import Context, _passes
from tangent_bench.methods._streams import Vectors, each_parameter, merge_each
from tangent_bench.seeds import generator
from tangent_bench.tangent import heads
from tangent_bench.tangent.products import fast

Columns = Mapping[str, int]
Loss = Callable[[str, Tensor], Tensor]


def loss_and_slope(
    vectors: Vectors,
    context: Context,
    lambda_TL: Tensor,
    columns: Columns,
    batches: Mapping[str, Tensor],
    loss_of: Loss,
) -> tuple[float, Tensor]:
    """L(λ) and ∂L/∂λ [T, L], float64.

    Args:
        vectors: of all tasks.
        context: θ0, network and heads.
        lambda_TL: where it is taken; T in the order of the vectors.
        columns: parameter → c, numbered from 0.
        batches: task → images.
        loss_of: (task, log p [B, K]) → the mean loss of its batch.
    """
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
            loss = loss_of(task, log_p)
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


def by_tensor(context: Context) -> Columns:
    """A column for each parameter tensor."""
    return {name: column for column, name in enumerate(context.theta0)}


class Draws:
    """Batches of each task's images, drawn without replacement; the same for a name and seed."""

    def __init__(self, name: str, context: Context, vectors: Vectors) -> None:
        self._random = {task: generator(name, context.seed, task) for task in vectors}

    def next(self, task: str, number: int, size: int) -> np.ndarray:
        """`size` of the numbers below `number`, or all of them; int64."""
        return self._random[task].choice(number, min(size, number), replace=False)
