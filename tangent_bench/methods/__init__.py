"""Merging methods: one file for each, or a module of an installed package.

Packages name their methods by entry points of the group `tangent_bench.methods`; `merging.find`
opens files and packages alike. Method modules import their contract from here.

A method has `METHOD` and
    prepare(vectors, context) → direction      called once, whatever the number of coefficients
or, if it changes the direction of another method ("lines+ties"),
    adjust(direction, vectors, context) → direction
and may have
    weights(sources) → {source: weight}        the direction as a fixed sum; the tangent side then
                                               needs no pass of its own, J(Σ w τ) = Σ w J τ. It may
                                               ask for the `hyper_parameters` too

The merged model is θ0 + α · direction, for every α. `vectors` maps a task to its vector, in the
order of the config; a vector maps a name to a tensor. A tensor may be read from disk at each
access, so a method should go through the names once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from torch import Tensor, nn

DATA = ("none", "unlabelled train", "labelled validation", "unlabelled test")
STORAGE = ("one model", "per-task state")


@dataclass(frozen=True)
class Parameter:
    """A hyper-parameter of a method.

    Attributes:
        default: value where the config gives none; its type is the type of all values.
        meaning: what it does, for people.
        low: smallest value; None leaves the range open below.
        high: largest value; None leaves the range open above.
        quick: value at which `tangent_bench.testing` checks the laws; None takes the default. For
            defaults that take long.
    """

    default: float | int | bool
    meaning: str
    low: float | None = None
    high: float | None = None
    quick: float | int | bool | None = None

    def check(self, name: str, value: object) -> float | int | bool:
        """The value, if it is of the default's type and in range; an integer is a float as well.

        Args:
            name: for the error's sentence.
            value: as the user gave it.

        Raises:
            ValueError: what was given and what is expected.
        """
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        if isinstance(value, float | int) and type(value) is kind and self._has(value):
            return value
        raise ValueError(
            f"Hyper-parameter {name!r} is {value!r}; expected {self._range()} ({self.meaning})."
        )

    def _has(self, value: float | int | bool) -> bool:
        """Whether a value of the right type is in range; a truth value always is, NaN never."""
        if isinstance(value, bool):
            return True
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        is_number = value == value
        return is_number and above and below

    def _range(self) -> str:
        """For example "a float at least 0 and at most 1"."""
        ends = [f"a {type(self.default).__name__}"]
        if self.low is not None:
            ends.append(f"at least {self.low:g}")
        if self.high is not None:
            ends.append(f"at most {self.high:g}")
        return " and ".join(ends)


@dataclass(frozen=True)
class Method:
    """A way of merging.

    Attributes:
        title: name for tables and plots.
        reference: authors, title, year.
        data: what it sees at merge time, one of `DATA`.
        storage: what it leaves, one of `STORAGE`.
        coefficients: its own grid of α as (first, last, count); None takes the config's; with count
            1 it has one α.
        parameters: hyper-parameters by name.
        by_task: what a hyper-parameter that is named after a task is; None if it has none such. A
            task that the user does not name has the default.
        exceptions: laws of `tangent_bench.testing` that it breaks by design, each with the reason.
        negates: whether the direction of one task, taken backwards, is meant to forget that task.
    """

    title: str
    reference: str
    data: str = "none"
    storage: str = "one model"
    coefficients: tuple[float, float, int] | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    by_task: Parameter | None = None
    exceptions: Mapping[str, str] = field(default_factory=dict)
    negates: bool = True

    @property
    def sees_test_images(self) -> bool:
        """Whether it adapts on the test images, without labels, that it is then tested on.

        Such a method is transductive. Tables, figures and rankings set it apart from the others.
        """
        return self.data == "unlabelled test"

    @property
    def sees_labels(self) -> bool:
        """Whether it fits numbers to labelled validation images, beyond the choice of one α.

        Tables and rankings set it apart from methods that get along without.
        """
        return self.data == "labelled validation"


@dataclass(frozen=True)
class Data:
    """Images that a method may look at while it merges; `METHOD.data` says of which split.

    Attributes:
        network: the image tower with θ0, in eval(), without gradients; other weights go through
            `linearize.encode`.
        heads: task → head_KD; training saw `heads.logits(embeddings_BD, head_KD)`.
        images: (task, number) → the first so many images of the split (or all there are),
            normalised float NCHW.
        labels: (task, number) → their classes, int64 [N]; None unless the contract says "labelled".
    """

    network: nn.Module
    heads: Mapping[str, Tensor]
    images: Callable[[str, int], Tensor]
    labels: Callable[[str, int], Tensor] | None = None


class _NoData(Data):
    """Stands for the data of a method that declares none; any look at it is an error."""

    def __init__(self) -> None:
        """Sets no attribute, so that every access ends in `__getattr__`."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ValueError(
            f"The method reads context.data.{name}, but was given no data; "
            f"expected METHOD.data to be one of {', '.join(DATA[1:])}."
        )


NO_DATA: Data = _NoData()


@dataclass(frozen=True)
class Context:
    """What a method may know beside the vectors.

    Attributes:
        theta0: θ0 by name.
        hyper_parameters: the values of all of them; each has the type of its default.
        seed: of random draws.
        data: images, if `METHOD.data` asks for them.
    """

    theta0: Mapping[str, Tensor]
    hyper_parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    data: Data = NO_DATA
