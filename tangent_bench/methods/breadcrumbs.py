"""Model Breadcrumbs: add the vectors without their smallest and their largest entries, by layer.

    direction = Σ_t m_t ⊙ τ_t
    m_t = 0 for the smallest `low` and the largest 1 − `high` of the magnitudes of a tensor, else 1

The defaults are near the point where the authors' code begins its search: 15 % kept, 0.6 % of the
largest removed (`find_best_hyperparam.py`; it searches 5 to 20 %, and 0.1 to 1 %). Their code takes
shares of every row of a tensor (its last dimension); here, as in mergekit, they are shares of the
tensor. Shares are rounded so that fewer entries go: a tensor of fewer than 143 entries loses no
large one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="Breadcrumbs",
    reference="Davari and Belilovsky, Model Breadcrumbs: Scaling Multi-Task Model Merging with "
    "Sparse Masks, ECCV 2024, section 3",
    parameters={
        "low": Parameter(
            0.85, "share of the smallest entries of a tensor that is removed", 0.0, 1.0
        ),
        "high": Parameter(
            0.993, "share of the entries of a tensor up to which they are kept", 0.0, 1.0
        ),
    },
    exceptions={"one task": "its smallest and largest entries are removed as well"},
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Σ_t of the masked vectors."""
    import torch

    from tangent_bench.methods._streams import merge_each

    low = context.hyper_parameters["low"]
    high = context.hyper_parameters["high"]
    if low > high:
        raise ValueError(
            f"Breadcrumbs keep entries from `low` {low:g} to `high` {high:g}; expected low ≤ high."
        )

    def merge(name: str, stack: Tensor) -> Tensor:
        total_N = torch.zeros(stack[0].numel(), dtype=stack.dtype, device=stack.device)
        first = math.floor(low * len(total_N))
        last = math.ceil(high * len(total_N))
        # One vector after the other, since positions take twice the memory of the entries.
        for tau in stack:
            tau_N = tau.reshape(-1)
            kept = tau_N.abs().argsort(stable=True)[first:last]
            total_N[kept] += tau_N[kept]
        return total_N.reshape(stack.shape[1:])

    return merge_each(vectors, merge)
