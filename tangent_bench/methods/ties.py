"""TIES: trim, elect a sign for each entry, and average the vectors that agree with it.

    τ̂_t = τ_t where |τ_t| is among the largest `keep` of all entries of τ_t, else 0
    γ = sign(Σ_t τ̂_t)
    direction = mean of the τ̂_t that are not 0 and have sign γ; 0 where there is none

Of N entries round(keep · N) are kept (the authors' code keeps ⌊keep · N⌋ + 1, mergekit ⌊keep · N⌋),
and more if entries are equal in magnitude at the threshold. Where the sum is exactly 0 no sign is
elected and nothing moves, as the paper has it; its code takes the sign that most entries of the
model have, mergekit the positive one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="TIES",
    reference="Yadav et al., TIES-Merging: Resolving Interference When Merging Models, "
    "NeurIPS 2023, section 4",
    coefficients=(0.0, 3.0, 31),  # it is a mean: the best α of several tasks lies above 1
    parameters={
        "keep": Parameter(0.2, "share of the entries of each vector that are kept", 0.0, 1.0)
    },
    exceptions={"one task": "its small entries are trimmed as well"},
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Trim in a first pass over each vector, elect and average in a second one."""
    import torch

    from tangent_bench.methods._streams import merge_each
    from tangent_bench.methods._thresholds import smallest_kept

    keep = context.hyper_parameters["keep"]
    limits = [smallest_kept(vector, keep) for vector in vectors.values()]
    limits_T = torch.tensor(limits, dtype=torch.float64)

    def merge(name: str, stack: Tensor) -> Tensor:
        limit_T = limits_T.to(stack).reshape(-1, *[1] * (stack.ndim - 1))
        trimmed = torch.where(stack.abs() >= limit_T, stack, 0.0)
        agree = (trimmed.sign() == trimmed.sum(0).sign()) & (trimmed != 0)
        return (trimmed * agree).sum(0) / agree.sum(0).clamp(min=1)

    return merge_each(vectors, merge)
