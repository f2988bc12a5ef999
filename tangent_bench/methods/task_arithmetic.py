"""Task arithmetic: the sum of the task vectors, θ0 + α Σ_t τ_t."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tangent_bench.methods import Context, Method

METHOD = Method(
    title="Task arithmetic",
    reference="Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023",
)


def weights(sources: Sequence[str]) -> dict[str, float]:
    """Every vector counts once."""
    return dict.fromkeys(sources, 1.0)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Σ_t τ_t."""
    from tangent_bench.methods._streams import merge_each

    return merge_each(vectors, lambda name, stack: stack.sum(0))
