"""Model Stock: the average of the vectors, shortened by layer according to the angle between them.

    direction = r · (1/T) Σ_t τ_t,   r = T cos φ / (1 + (T − 1) cos φ)

with cos φ the mean cosine of the pairs of a tensor. The method was made for several models of one
task. For more than two models the mean is over cosines, as in mergekit (FusionBench: over angles).
A negative mean cosine counts as 0, since r is meant to lie in [0, 1]; one vector alone is taken as
it is (r = 1). Model Stock has no coefficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="Model Stock",
    reference="Jang et al., Model Stock: All We Need Is Just a Few Fine-Tuned Models, "
    "ECCV 2024, section 4",
    coefficients=(1.0, 1.0, 1),
    negates=False,
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """r times the average."""
    from tangent_bench.methods._streams import merge_each

    return merge_each(vectors, lambda name, stack: ratio(stack) * stack.mean(0))


def ratio(stack: Tensor) -> float:
    """r of one tensor, [T, ...]; cosines with a zero vector count as 0."""
    number = len(stack)
    if number == 1:
        return 1.0
    flat_TN = stack.reshape(number, -1)
    gram_TT = (flat_TN @ flat_TN.T).double()
    norm_T = gram_TT.diagonal().sqrt().clamp(min=1e-150)
    cosine_TT = gram_TT / norm_T / norm_T[:, None]
    cosine = max(0.0, float(cosine_TT.sum() - cosine_TT.trace()) / (number * (number - 1)))
    return number * cosine / (1.0 + (number - 1) * cosine)
