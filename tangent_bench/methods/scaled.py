"""Task arithmetic with the user's own number for each task.

    direction = Σ_t c_t τ_t

c_t is the hyper-parameter that bears the name of the task, as `{name: scaled, mnist: 0.4}` in a
config; a task that is not named has c_t = 1. α scales the whole sum as ever: where it is tuned, the
ratios of the numbers decide, and at α = 1 they count as they are. 0 leaves a task's vector out, and
a negative number takes it backwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="Scaled task arithmetic",
    reference="Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023, section 2",
    by_task=Parameter(1.0, "factor c_t of the task's vector", -1000.0, 1000.0),
)


def weights(sources: Sequence[str], hyper_parameters: Mapping[str, float]) -> dict[str, float]:
    """c_t of every vector."""
    return {source: hyper_parameters.get(source, 1.0) for source in sources}


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Σ_t c_t τ_t."""
    import torch

    from tangent_bench.methods._streams import merge_each

    of_task = weights(list(vectors), context.hyper_parameters)
    factors_T = torch.tensor(list(of_task.values()), dtype=torch.float64)

    def merge(name: str, stack: Tensor) -> Tensor:
        return torch.tensordot(factors_T.to(stack), stack, 1)

    return merge_each(vectors, merge)
