"""Median: T times the median of the T task vectors, entry by entry, so that one outlier moves nothing."""

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

    q, direction = context.hyper_parameters["quantile"], {}
    for name, first in next(iter(vectors.values())).items():
        stack = torch.stack([vector[name] for vector in vectors.values()])
        moves = first.is_floating_point()  # counters and the like stay where they are
        direction[name] = (
            len(vectors) * torch.quantile(stack, q, dim=0) if moves else torch.zeros_like(first)
        )
    return direction
