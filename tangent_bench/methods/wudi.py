"""WUDI: the matrix whose difference from each task vector is nearly orthogonal to that vector's row
space.

For each weight matrix X [outputs, inputs], with the rows of τ_t for the inputs that task t sees,

    L(X) = Σ_t ‖(X − τ_t) τ_tᵀ‖² / ‖τ_t‖² = Σ_t tr (X − τ_t) G_t (X − τ_t)ᵀ,
    G_t = τ_tᵀ τ_t / ‖τ_t‖²,   ∇L = 2 (X Σ_t G_t − Σ_t τ_t G_t).

The authors (github.com/nathanielyvo/WUDI-Merging, MIT licence, vit/wudi_main.py) begin at Σ_t τ_t
and descend by `steps` of Adam of length `rate`: the default. An entry moves by about steps · rate,
0.003, at most, and X is stopped on its way to the minimum. How far it comes depends on the length
of the vectors: the tiny model's have entries of about 0.007, and from them the default hardly
leaves the sum; a `rate` of some 3e-4, or the closed form, suits such vectors better.

Adam merges only the weight matrices of attention and MLP; all other parameters stay at θ0. In an
open_clip image tower these are in_proj_weight, out_proj, c_fc and c_proj of every block, as in the
authors' list; elsewhere all matrices whose names end in "weight" (see `_spectral`).

`closed_form` solves the equation of the minimum, and averages all other tensors:

    X (Σ_t G_t + ε I) = Σ_t τ_t G_t + ε τ̄,   τ̄ = mean_t τ_t,

which minimises L(X) + ε ‖X − τ̄‖². G_t has trace 1, so that ε needs no units. ε settles only the
directions that hardly any task uses. Pulling towards τ̄ makes one task give back its vector;
pulling towards 0, as merge-and-rebase does, would leave out ε τ̄ (Σ_t G_t + ε I)⁻¹. The last
projection is a matrix here.

Gram matrices are summed in float64, and the equation is solved in it, since ε is below the
resolution of float32. Adam adds up its short steps in float64; slopes are computed in the dtype of
the vectors, as the authors' are, by one product [outputs, inputs] × [inputs, inputs] for each step
and matrix.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="WUDI",
    reference="Cheng et al., Whoever Started the Interference Should End It: Guiding Data-Free "
    "Model Merging via Task Vectors, ICML 2025",
    parameters={
        "steps": Parameter(300, "steps of Adam", 0, quick=5),
        "rate": Parameter(1e-5, "learning rate of Adam", 0.0),
        "closed_form": Parameter(
            False, "solve the equation, and average other parameters, which Adam leaves at θ0"
        ),
        "ridge": Parameter(
            1e-8,
            "pull ε of the closed form towards the average, beside Gram matrices of trace 1",
            1e-12,
        ),
    },
    exceptions={
        "one task": "parameters other than the matrices of attention and MLP stay at θ0",
        "scaling": "Adam's steps are as long for short vectors as for long ones",
    },
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The minimum, or where Adam stops on its way there, matrix by matrix."""
    from tangent_bench.methods import _spectral
    from tangent_bench.methods._streams import merge_each

    values = context.hyper_parameters
    if values["closed_form"]:
        return _spectral.merge_matrices(vectors, lambda stack: solve(stack, values["ridge"]))

    first = next(iter(vectors.values()))
    if not any(is_merged(name, first[name]) for name in first):
        logging.warning(
            "WUDI found no weight matrix among %d parameters: nothing moves. 'closed_form: true' "
            "averages them.",
            len(first),
        )

    def merge(name: str, stack: Tensor) -> Tensor:
        if not is_merged(name, stack[0]):
            return stack.new_zeros(stack.shape[1:])
        return descend(stack, values["steps"], values["rate"])

    return merge_each(vectors, merge)


def is_merged(name: str, tensor: Tensor) -> bool:
    """Whether the authors' way merges a parameter: a weight matrix but the last projection."""
    from tangent_bench.methods import _spectral

    return name.endswith("weight") and _spectral.is_matrix(name, tensor)


def descend(stack: Tensor, steps: int, rate: float) -> Tensor:
    """X [outputs, inputs] where Adam stops, in the dtype of the stack.

    Args:
        stack: τ_t, [T, outputs, inputs]; a task that did not move has no part in L.
        steps: of Adam.
        rate: its learning rate.
    """
    import torch

    matrix = stack.sum(0, dtype=torch.float64)
    if len(stack) == 1:
        return matrix.to(stack.dtype)  # L is 0 there
    gram, target = (whole.to(stack.dtype) for whole in _grams(stack))
    adam = torch.optim.Adam([matrix], lr=rate)
    for _ in range(steps):
        slope = torch.addmm(target, matrix.to(stack.dtype), gram, beta=-2.0, alpha=2.0)
        matrix.grad = slope.double()
        adam.step()
    return matrix.to(stack.dtype)


def solve(stack: Tensor, ridge: float) -> Tensor:
    """X [outputs, inputs] of the closed form, in the dtype of the stack.

    Args:
        stack: τ_t, [T, outputs, inputs]; a task that did not move counts in τ̄ only.
        ridge: ε.
    """
    import torch

    gram, target = _grams(stack)
    left = gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    right = target + ridge * stack.mean(0, dtype=torch.float64)
    # left is symmetric and positive definite: X = right left⁻¹ = (left⁻¹ rightᵀ)ᵀ
    return torch.cholesky_solve(right.T, torch.linalg.cholesky(left)).T.to(stack.dtype)


def _grams(stack: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_t G_t [inputs, inputs] and Σ_t τ_t G_t [outputs, inputs], float64."""
    import torch

    gram = stack.new_zeros((stack.shape[2], stack.shape[2]), dtype=torch.float64)
    target = stack.new_zeros(stack.shape[1:], dtype=torch.float64)
    for moved in stack:
        tau = moved.double()
        square = float((tau * tau).sum())
        if square:
            gram_of_task = tau.T @ tau / square
            gram += gram_of_task
            target += tau @ gram_of_task
    return gram, target
