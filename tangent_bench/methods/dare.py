"""DARE: drop entries at random and rescale what is left, then add.

    direction = Σ_t m_t ⊙ τ_t / (1 − p),   m_t ~ Bernoulli(1 − p) for every entry

so that the mean of the direction is Σ_t τ_t.

The mask of an entry depends on the seed, the task and the parameter's name, not on the order of
tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="DARE",
    reference="Yu et al., Language Models are Super Mario: Absorbing Abilities from Homologous "
    "Models as a Free Lunch, ICML 2024, section 3",
    parameters={"drop": Parameter(0.9, "probability that an entry is dropped", 0.0, 0.999)},
    exceptions={"one task": "its entries are dropped at random as well"},
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Σ_t of the masked and rescaled vectors."""
    import torch

    from tangent_bench.methods._streams import merge_each
    from tangent_bench.seeds import generator

    drop = context.hyper_parameters["drop"]

    def merge(name: str, stack: Tensor) -> Tensor:
        total = torch.zeros_like(stack[0])
        for task, tau in zip(vectors, stack, strict=True):
            random = generator("dare", context.seed, task, name)
            drawn = random.random(tuple(tau.shape), dtype="float32")
            is_kept = torch.as_tensor(drawn >= drop, device=tau.device)
            total += torch.where(is_kept, tau, 0.0)
        return total / (1.0 - drop)

    return merge_each(vectors, merge)
