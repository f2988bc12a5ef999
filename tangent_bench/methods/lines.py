"""LiNeS, a wrapper: scale the direction linearly with depth, so that early layers stay near θ0.

    λ_l = a + β (l − 1) / (L − 1),   l = 1 … L over the blocks
    a = ‖Σ_t τ_t‖₁ / (T ‖direction‖₁), or 1

with sums of magnitudes over all floating-point entries; for task arithmetic a = 1/T. The depth is
read from the names of open_clip image towers: `transformer.resblocks.<l>.` or, counted through,
`stages.<i>.blocks.<j>.`. A stage's other parameters (its downsampling) go with its first block.
Parameters outside all blocks have l = 1, the last norm and projection too, as in the authors' code,
which also has the norm (tests/methods/oracle). The authors choose β on validation data, from 0.1 to
1 (TIES: 1.5), and have no further factor. Here the coefficient α of the sweep scales all layers,
the last by α (a + β), and α = 1 is their model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="LiNeS",
    reference="Wang et al., LiNeS: Post-training Layer Scaling Prevents Forgetting and Enhances "
    "Model Merging, ICLR 2025",
    parameters={
        "beta": Parameter(1.0, "what the last layer is scaled by, beyond the first", 0.0),
        "norm_ratio": Parameter(
            True, "scale the first layer by ‖Σ τ‖₁ / (T ‖direction‖₁), else by 1"
        ),
    },
    exceptions={"one task": "deep layers are scaled up even if there is nothing to merge"},
)

_BLOCK = re.compile(r"(?:^|\.)(?:resblocks\.(\d+)|stages\.(\d+)(?:\.blocks\.(\d+))?)\.")


def adjust(
    direction: Mapping[str, Tensor], vectors: Mapping[str, Mapping], context: Context
) -> dict:
    """λ_l times the direction, layer by layer; integers stay as they are."""
    beta = context.hyper_parameters["beta"]
    first = _norm_ratio(direction, vectors) if context.hyper_parameters["norm_ratio"] else 1.0
    depth = depths(direction)
    return {
        name: (first + beta * depth[name]) * value if value.is_floating_point() else value
        for name, value in direction.items()
    }


def depths(names: Iterable[str]) -> dict[str, float]:
    """(l − 1) / (L − 1) of every parameter, between 0 and 1.

    It is 0 outside the blocks, or if there is only one block.

    >>> depths(["conv1.weight", "resblocks.0.w", "resblocks.1.w", "resblocks.2.w", "proj"]).values()
    dict_values([0.0, 0.0, 0.5, 1.0, 0.0])

    Raises:
        ValueError: no name tells of a block.
    """
    names = list(names)
    places = {name: _place(name) for name in names}
    blocks = sorted({place for place in places.values() if place is not None})
    if not blocks:
        raise ValueError(
            f"LiNeS found no blocks among {len(names)} parameters, the first {names[:1]}; expected "
            "names with 'resblocks.<l>.' or 'stages.<i>.blocks.<j>.'."
        )
    last = max(len(blocks) - 1, 1)
    depth: dict[tuple[int, int] | None, float] = {None: 0.0}
    for number, block in enumerate(blocks):
        depth[block] = number / last
    return {name: depth[place] for name, place in places.items()}


def _place(name: str) -> tuple[int, int] | None:
    """(stage, block) to sort by; None outside the blocks."""
    match = _BLOCK.search(name)
    if not match:
        return None
    layer, stage, block = (int(group or 0) for group in match.groups())
    return (0, layer) if match[1] else (stage, block)


def _norm_ratio(direction: Mapping[str, Tensor], vectors: Mapping[str, Mapping]) -> float:
    """‖Σ τ‖₁ / (T ‖direction‖₁); 1 for a direction of zeros, which no scale changes."""
    from tangent_bench.methods._streams import each_parameter

    sums = (stack.double().sum(0) for _, stack in each_parameter(vectors))
    moving = (value.double() for value in direction.values() if value.is_floating_point())
    of_sum = math.fsum(map(_magnitude, sums))
    of_direction = math.fsum(map(_magnitude, moving))
    return of_sum / of_direction / len(vectors) if of_direction else 1.0


def _magnitude(tensor: Tensor) -> float:
    """‖·‖₁ of all entries."""
    return float(tensor.abs().sum())
