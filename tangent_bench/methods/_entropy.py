"""Coefficients of task vectors, learned by making a network sure of unlabelled images: what both AdaMergings share.

    L(λ) = Σ_t mean over a batch of task t of H(p(x; θ(λ))),   H(p) = −Σ_k p_k log p_k,   θ(λ) = θ0 + Σ_t λ_t[c] τ_t

where c is the column of λ [T, L] that a parameter belongs to; ∂L/∂λ_t[c] = ⟨∂L/∂θ, τ_t⟩ over the parameters of the
column, so that vectors are read one tensor at a time and no graph goes through them. Adam moves λ, clamped to [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tangent_bench.methods import Context, _passes
from tangent_bench.methods._streams import each_parameter, merge_each
from tangent_bench.seeds import generator
from tangent_bench.tangent import heads
from tangent_bench.tangent.products import fast

Vectors = Mapping[str, Mapping[str, Tensor]]
Columns = Mapping[str, int]


def merge(vectors: Vectors, context: Context, columns: Columns) -> dict[str, Tensor]:
    """The direction Σ_t λ_t[c] τ_t with learned λ; columns: parameter → c, numbered from 0."""
    return combine(vectors, learn(vectors, context, columns), columns)


def learn(vectors: Vectors, context: Context, columns: Columns) -> Tensor:
    """λ [T, L] after all steps, float64; T in the order of the vectors."""
    given, shape = context.hyper_parameters, (len(vectors), 1 + max(columns.values()))
    free_TL = torch.full(shape, given["initial"], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([free_TL], lr=given["rate"])
    images = (
        {task: context.data.images(task, given["images"]) for task in vectors}
        if given["steps"]
        else {}
    )
    random = {task: generator("adamerging", context.seed, task) for task in vectors}
    for _ in range(given["steps"]):
        batches = {
            task: seen[
                random[task].choice(len(seen), min(given["batch"], len(seen)), replace=False)
            ]
            for task, seen in images.items()
        }
        lambda_TL = free_TL.clamp(0.0, 1.0)
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
    moved, device = combine(vectors, lambda_TL, columns), _passes.device(context)
    theta = _passes.leaves(
        {name: (value + moved[name]).to(device) for name, value in context.theta0.items()}
    )
    encode, value = _passes.encoder(context.data.network), 0.0
    with fast():
        for task, images in batches.items():
            log_p = heads.logits(encode(theta, images), context.data.heads[task]).log_softmax(1)
            loss = -(log_p.exp() * log_p).sum(1).mean()
            loss.backward()  # gradients add up in θ, and the graph of one task is gone before the next
            value += float(loss.detach())
    slope_TL = torch.zeros_like(lambda_TL)
    for name, stack in each_parameter(vectors):
        if theta[name].grad is not None:
            along_T = stack.reshape(len(stack), -1) @ theta[name].grad.reshape(-1).to(stack)
            slope_TL[:, columns[name]] += along_T.to(slope_TL)
    return value, slope_TL


def combine(vectors: Vectors, lambda_TL: Tensor, columns: Columns) -> dict[str, Tensor]:
    """Σ_t λ_t[c] τ_t."""

    def merge(name: str, stack: Tensor) -> Tensor:
        return torch.tensordot(lambda_TL[:, columns[name]].to(stack), stack, 1)

    return merge_each(vectors, merge)
