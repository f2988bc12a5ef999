"""Coefficients of task vectors by task and by parameter, and the slope of a loss in them.

    θ(λ) = θ0 + Σ_t λ_t[c] τ_t,   L(λ) = Σ_t mean over a batch of task t of a loss at θ(λ)

where c is the column of λ [T, L] that a parameter belongs to. ∂L/∂λ_t[c] = ⟨∂L/∂θ, τ_t⟩ over the
parameters of the column, so vectors are read one tensor at a time and no graph goes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from tangent_bench.methods import Context, _passes
from tangent_bench.methods._streams import Vectors, each_parameter, merge_each
from tangent_bench.seeds import generator
from tangent_bench.tangent import heads
from tangent_bench.tangent.products import fast

HELD = 4e9  # bytes of vectors, up to which they are read once and stay in memory
AT_ONCE = 1e9  # images × parameters, up to which tasks share a pass
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
        for tasks in _together(batches, context):
            images = torch.cat([batches[task] for task in tasks])
            sizes = [len(batches[task]) for task in tasks]
            encoded = encode(theta, images).split(sizes)
            losses = []
            for task, embeddings_BD in zip(tasks, encoded, strict=True):
                log_p_BK = heads.logits(embeddings_BD, context.data.heads[task]).log_softmax(1)
                losses.append(loss_of(task, log_p_BK))
            # Gradients add up in θ; the graph of one pass is freed before the next is built.
            loss = torch.stack(losses).sum()
            loss.backward()
            value += float(loss.detach())
    return value, _slope(vectors, theta, torch.zeros_like(lambda_TL), columns)


def held(vectors: Vectors, context: Context) -> Vectors:
    """The vectors in memory, if they have room there (`HELD`); else they stay in their files."""
    size = sum(value.numel() * value.element_size() for value in context.theta0.values())
    if len(vectors) * size > HELD:
        return vectors
    return {task: dict(vector) for task, vector in vectors.items()}


def _together(batches: Mapping[str, Tensor], context: Context) -> Iterator[list[str]]:
    """Tasks whose images take one pass: of a small network many, of a large one each by itself."""
    most = AT_ONCE / sum(value.numel() for value in context.theta0.values())
    tasks: list[str] = []
    size = 0
    for task, images in batches.items():
        if tasks and size + len(images) > most:
            yield tasks
            tasks, size = [], 0
        tasks.append(task)
        size += len(images)
    yield tasks


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
