"""AdaMerging, task-wise: one coefficient for each task that makes the merged network sure.

    direction = Σ_t λ_t τ_t
    λ minimises  Σ_t E_{x of task t} H(p(x; θ0 + direction))   (more in `_entropy`)

Everything else is as in the layer-wise form (`adamerging`): it sees TEST images without labels, and
has the same hyper-parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tangent_bench.methods import Context, adamerging

METHOD = replace(adamerging.METHOD, title="Task-wise AdaMerging")


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The direction with a coefficient for each task."""
    from tangent_bench.methods import _entropy

    return _entropy.merge(vectors, context, dict.fromkeys(context.theta0, 0))
