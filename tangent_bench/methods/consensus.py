"""Consensus task arithmetic: keep the entries of the sum that matter to at least two tasks.

    τ = Σ_t τ_t,   m_t = 1[|τ_t| ≥ λ |τ − τ_t|]   (TALL mask of task t)
    direction = 1[Σ_t m_t ≥ k] ⊙ τ

The paper tunes λ for each task on validation images; here one λ is fixed beforehand, so that the
method sees no data. With fewer tasks than k all of them must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="Consensus TA",
    reference="Wang et al., Localizing Task Information for Improved Model Merging and "
    "Compression, ICML 2024, sections 4 and 5",
    parameters={
        "scale": Parameter(0.4, "λ of the masks, the middle of the paper's grid 0.2 to 0.6", 0.0),
        "tasks": Parameter(2, "number of tasks that an entry must matter to", 1),
    },
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The sum where the masks of at least `tasks` tasks are 1."""
    from tangent_bench.methods._streams import merge_each

    scale = context.hyper_parameters["scale"]
    fewest = min(context.hyper_parameters["tasks"], len(vectors))

    def merge(name: str, stack: Tensor) -> Tensor:
        total = stack.sum(0)
        masks = stack.abs() >= scale * (total - stack).abs()
        return total * (masks.sum(0) >= fewest)

    return merge_each(vectors, merge)
