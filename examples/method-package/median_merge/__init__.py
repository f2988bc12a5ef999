"""Median: T times the median of the T task vectors, entry by entry, so that one outlier moves
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench.methods import Context, Method, Parameter

METHOD = Method(
    title="Median",
    reference="an example; no paper",
    parameters={
        "quantile": Parameter(0.5, "which of the sorted entries, 0.5 for the middle", 0.0, 1.0)
    },
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """T · quantile of the entries; the model is θ0 + α times this."""
    import torch

    quantile = context.hyper_parameters["quantile"]
    direction = {}
    for name, first in next(iter(vectors.values())).items():
        if first.is_floating_point():
            stack = torch.stack([vector[name] for vector in vectors.values()])
            direction[name] = len(vectors) * torch.quantile(stack, quantile, dim=0)
        else:
            direction[name] = torch.zeros_like(first)  # counters and the like stay as they are
    return direction
