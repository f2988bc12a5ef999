"""Merging methods: one file for each, or a module of an installed package (entry points of the group
`tangent_bench.methods`). `merging.find` opens them; this file is what they import.

A method has `METHOD` and
    prepare(vectors, context) → direction      once, whatever the number of coefficients
or, if it changes what another one made ("lines+ties"),
    adjust(direction, vectors, context) → direction
and may have
    weights(sources) → {source: weight}        the direction as a fixed sum; then the tangent side needs no pass of its
                                               own, J(Σ w τ) = Σ w J τ

The merged model is θ0 + α · direction, for every α. `vectors` maps a task to its vector, in the order of the config; a
vector maps a name to a tensor (perhaps read from disk at each access, so that a method should go through the names
once).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

DATA = ("none", "unlabelled train", "labelled validation", "unlabelled test")
STORAGE = ("one model", "per-task state")


@dataclass(frozen=True)
class Parameter:
    """A hyper-parameter: its default, what it means, the ends of its range (None: open), and the value that the laws
    of `tangent_bench.testing` are checked at, where the default takes long (None: the default)."""

    default: float | int | bool
    meaning: str
    low: float | None = None
    high: float | None = None
    quick: float | int | bool | None = None

    def check(self, name: str, value: object) -> float | int | bool:
        """The value, if it is of the default's type and in range; an integer is a float as well.

        Raises:
            ValueError: what was given and what is expected.
        """
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        inside = (
            type(value) is kind and value == value
        ) and (  # not a number is never equal to itself
            kind is bool
            or (
                (self.low is None or value >= self.low)
                and (self.high is None or value <= self.high)
            )
        )
        if not inside:
            limits = (("at least", self.low), ("at most", self.high))
            ends = [f"{words} {end:g}" for words, end in limits if end is not None]
            wanted = " and ".join([f"a {kind.__name__}", *ends])
            raise ValueError(
                f"Hyper-parameter {name!r} is {value!r}; expected {wanted} ({self.meaning})."
            )
        return value


@dataclass(frozen=True)
class Method:
    """A way of merging.

    Attributes:
        title: name for tables and plots.
        reference: authors, title, year.
        data: what it sees at merge time, one of `DATA`.
        storage: what it leaves, one of `STORAGE`.
        coefficients: its own α grid as (first, last, count); None takes the config's; count 1: it has one α only.
        parameters: hyper-parameters by name.
        exceptions: laws of `tangent_bench.testing` that it breaks by design, each with the reason.
        negates: whether the direction of one task, taken backwards, is meant to forget it.
    """

    title: str
    reference: str
    data: str = "none"
    storage: str = "one model"
    coefficients: tuple[float, float, int] | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    exceptions: Mapping[str, str] = field(default_factory=dict)
    negates: bool = True


@dataclass(frozen=True)
class Data:
    """Images that a method may look at while it merges; of which split, its `METHOD.data` says.

    Attributes:
        network: the image tower with θ0, in eval(), without gradients; other weights through `linearize.encode`.
        heads: task → head_KD; `heads.logits(embeddings_BD, head_KD)` are what training saw.
        images: (task, number) → the first so many images of the split (or all there are), normalised float NCHW.
        labels: (task, number) → their classes, int64 [N]; None unless the contract says "labelled".
    """

    network: nn.Module
    heads: Mapping[str, Tensor]
    images: Callable[[str, int], Tensor]
    labels: Callable[[str, int], Tensor] | None = None


@dataclass(frozen=True)
class Context:
    """What a method may know beside the vectors: θ0, the values of its hyper-parameters (all of them), a seed, data."""

    theta0: Mapping
    hyper_parameters: Mapping[str, float | int | bool] = field(default_factory=dict)
    seed: int = 0
    data: Data | None = None
