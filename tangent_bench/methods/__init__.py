"""Merging methods: one file for each. A module has `METHOD`, `prepare` and, if its direction is a fixed sum, `weights`.

prepare(vectors, context) → direction      once, whatever the number of coefficients
apply(direction, coefficient) → change     θ = θ0 + apply(...), for every α; the default multiplies
weights(sources) → {source: weight}        optional: the direction as a linear combination; then the tangent side needs
no
                                           pass of its own, J(Σ w τ) = Σ w J τ
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Method:
    """A way of merging.

    Attributes:
        title: name for tables and plots.
        data: what it sees at merge time: "none", "unlabelled train", "labelled validation", "unlabelled test".
        storage: "one model" or "per-task state".
        coefficients: its own α grid as (first, last, count); None takes the config's; count 0 means that it has no α.
        hyper_parameters: name → default.
        reference: authors, title, year.
    """

    title: str
    data: str
    storage: str
    reference: str
    coefficients: tuple[float, float, int] | None = None
    hyper_parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a method may know beside the vectors: θ0, the hyper-parameters, a seed."""

    theta0: Mapping
    hyper_parameters: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
