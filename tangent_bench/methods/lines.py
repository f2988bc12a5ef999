"""LiNeS, a wrapper: scale the direction linearly with depth, so that early layers stay near θ0.

    λ_l = a + β (l − 1) / (L − 1),   l = 1 … L over the blocks;   a = ‖Σ_t τ_t‖₁ / (T ‖direction‖₁), or 1,

sums of magnitudes over all floating-point entries; for task arithmetic a = 1/T. The depth is read from the names of
open_clip image towers: `transformer.resblocks.<l>.` or, counted through, `stages.<i>.blocks.<j>.`; a stage's other
parameters (its downsampling) go with its first block. What is in no block has l = 1, the last norm and projection too:
so it is in the authors' code, as is the norm (tests/methods/oracle). They choose β on validation data, from 0.1 to 1
(TIES: 1.5), and have no further factor; here the coefficient α of the sweep scales all layers, the last by α (a + β),
and α = 1 is their model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="LiNeS",
    reference="Wang et al., LiNeS: Post-training Layer Scaling Prevents Forgetting and Enhances Model Merging, "
    "ICLR 2025",
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
    given = context.hyper_parameters
    first = _norm_ratio(direction, vectors) if given["norm_ratio"] else 1.0
    scales = {name: first + given["beta"] * depth for name, depth in depths(direction).items()}
    return {name: scales[name] * v if v.is_floating_point() else v for name, v in direction.items()}


def depths(names: Iterable[str]) -> dict[str, float]:
    """(l − 1) / (L − 1) of every parameter, between 0 and 1; 0 outside the blocks, or if there is only one.

    >>> depths(["conv1.weight", "resblocks.0.w", "resblocks.1.w", "resblocks.2.w", "proj"]).values()
    dict_values([0.0, 0.0, 0.5, 1.0, 0.0])

    Raises:
        ValueError: no name tells of a block.
    """
    names = list(names)
    places = {name: _place(name) for name in names}
    blocks = sorted({place for place in places.values() if place})
    if not blocks:
        raise ValueError(
            f"LiNeS found no blocks among {len(names)} parameters, the first {names[:1]}; expected names with "
            "'resblocks.<l>.' or 'stages.<i>.blocks.<j>.'."
        )
    last = len(blocks) - 1
    order = {block: number / max(last, 1) for number, block in enumerate(blocks)}
    return {name: order[place] if place else 0.0 for name, place in places.items()}


def _place(name: str) -> tuple[int, int] | None:
    """(stage, block) to sort by; None outside the blocks."""
    found = _BLOCK.search(name)
    if not found:
        return None
    layer, stage, block = (int(group or 0) for group in found.groups())
    return (0, layer) if found[1] else (stage, block)


def _norm_ratio(direction: Mapping[str, Tensor], vectors: Mapping[str, Mapping]) -> float:
    """‖Σ τ‖₁ / (T ‖direction‖₁); a direction of zeros stays zeros whatever it is scaled by."""
    from tangent_bench.methods import _streams

    total = sum(
        float(stack.double().sum(0).abs().sum()) for _, stack in _streams.each_parameter(vectors)
    )
    own = sum(
        float(value.double().abs().sum())
        for value in direction.values()
        if value.is_floating_point()
    )
    return total / own / len(vectors) if own else 1.0
