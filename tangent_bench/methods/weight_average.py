"""Weight average: the mean of the fine-tuned weights, θ0 + (1/T) Σ_t τ_t, without a coefficient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tangent_bench.methods import Context, Method

METHOD = Method(
    title="Weight average",
    reference="Wortsman et al., Model Soups: Averaging Weights of Multiple Fine-Tuned Models "
    "Improves Accuracy without Increasing Inference Time, ICML 2022 (uniform soup)",
    coefficients=(1.0, 1.0, 1),
    negates=False,
)


def weights(sources: Sequence[str]) -> dict[str, float]:
    """Every vector counts 1/T."""
    return dict.fromkeys(sources, 1.0 / len(sources))


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """(1/T) Σ_t τ_t."""
    from tangent_bench.methods._streams import merge_each

    return merge_each(vectors, lambda name, stack: stack.mean(0))
