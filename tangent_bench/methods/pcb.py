"""PCB-Merging (parameter competition balancing): keep large entries that agree with the sum of all
tasks.

With products and functions taken entry by entry, T tasks, and Norm over all entries of a model,

    Norm(x) = (x − min x) / (max x − min x)
    m_t = |τ_t|, clamped so that `clamp` of its entries are raised and as many lowered
    τ̃_t = sign(τ_t) ⊙ Norm(m_t)
    β_t = exp(T τ̃_t²) ⊙ tanh(τ_t ⊙ Σ_s τ̃_s)
    w_t = Norm(max(β_t, limit_t)),   limit_t so that `keep` of the entries of β_t lie above it
    direction = Σ_t w_t ⊙ sign(τ_t) ⊙ m_t / Σ_t w_t,   0 where no task keeps an entry.

β_t has the sign of τ_t times that of the sum, so entries against the sum are dropped, unless less
than `keep` of the entries agree with it.

This is the vision part of the authors' code (github.com/duguodong7/pcb-merging, MIT licence,
vision_source_code/pcb.py), with its shares. The language part (pcb-merging.py) sums the vectors as
they are, Σ_s τ_s, and has other shares: `normalise: false`, `clamp: 0.0001`, `keep: 0.1`. Both
agree with what their code gives (tests/methods/oracle). Their λ is the coefficient α; 1.2 in the
vision part. Left out is their search for a λ of each task by evolution (pcb_ES.py), which adds up
Σ_s tanh(τ̃_t ⊙ τ̃_s). The paper's equations have softmaxes in place of exp and tanh; of entries
that those keep, nearly all are the largest, and a fifth lies against the sum.

Where their code divides 0 by 0, Norm of what is positive is 1: all magnitudes are equal, or all
scores above the limit. The factor exp(−T) of β_t, which Norm cancels, keeps it in range. Vectors
are read one parameter at a time, four times; beside them, two models' worth of numbers are in
memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="PCB",
    reference="Du et al., Parameter Competition Balancing for Model Merging, NeurIPS 2024, "
    "section 3; the authors' code, vision part",
    coefficients=(0.0, 3.0, 31),  # it is a mean: the best α of several tasks lies above 1
    parameters={
        "keep": Parameter(0.05, "share of the entries of each vector that are kept", 0.0, 1.0),
        "clamp": Parameter(
            0.01, "share of the magnitudes that are raised, and as many are lowered", 0.0, 0.49
        ),
        "normalise": Parameter(
            True, "normalise vectors before their sum is taken (vision); else not (language)"
        ),
    },
    exceptions={
        "one task": "its entries of low score are dropped as well",
        "scaling": "tanh of a product of entries bends for long vectors",
    },
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Ranges and limits of whole vectors first, then the weighted mean of what is kept."""
    import torch

    from tangent_bench.methods._streams import merge_each

    values = context.hyper_parameters
    spans = [_clamps(vector, values["clamp"]) for vector in vectors.values()]
    score = Score(spans, values["normalise"])
    limits = _limits(vectors, score, values["keep"])

    def merge(name: str, stack: Tensor) -> Tensor:
        common = score.common(stack)
        above = torch.zeros_like(common)
        below = torch.zeros_like(common)
        for t, tau in enumerate(stack):
            weight = limits[t].norm(score.of(tau, common, t))
            above += weight * spans[t].clamp(tau)
            below += weight
        return torch.where(below > 0, above / below.clamp(min=1e-30), 0.0)

    return merge_each(vectors, merge)


class Span(NamedTuple):
    """The smallest and the largest value that numbers are clamped to."""

    low: float
    high: float

    def clamp(self, tau: Tensor) -> Tensor:
        """The entries with their signs, magnitudes clamped; 0 stays 0."""
        return tau.sign() * tau.abs().clamp(self.low, self.high)

    def norm(self, x: Tensor) -> Tensor:
        """(x − low) / (high − low), clamped to [0, 1].

        If the ends meet, it is 1 for positive numbers that reach them.
        """
        if self.high > self.low:
            return (x - self.low).clamp_(0.0, self.high - self.low) / (self.high - self.low)
        return ((x >= self.high) & (x > 0)).to(x.dtype)


class Score(NamedTuple):
    """What β of an entry depends on beside the entries of all tasks.

    Attributes:
        spans: of the magnitudes of every task.
        normalises: whether the sum is of τ̃, or of τ.
    """

    spans: list[Span]
    normalises: bool

    def common(self, stack: Tensor) -> Tensor:
        """Σ_s τ̃_s or Σ_s τ_s of one parameter's `stack` [T, ...]."""
        if not self.normalises:
            return stack.sum(0)
        total = stack.new_zeros(stack.shape[1:])
        for span, tau in zip(self.spans, stack, strict=True):
            total += tau.sign() * span.norm(tau.abs())
        return total

    def of(self, tau: Tensor, common: Tensor, t: int) -> Tensor:
        """exp(−T) β_t of entries of task number `t`, given their `common` sums."""
        size = self.spans[t].norm(tau.abs())
        intra = (len(self.spans) * (size.square() - 1.0)).exp_()
        return intra.mul_((tau * common).tanh_())


def _clamps(vector: Mapping[str, Tensor], share: float) -> Span:
    """The magnitudes that a share of a vector's entries lies below, and above.

    Raises:
        ValueError: so few entries move that all would be lowered to 0.
    """
    from tangent_bench.methods._thresholds import order_statistics

    parts = [value for value in vector.values() if value.is_floating_point()]
    total = _size(parts)
    ranks = _clamped_ranks(total, share)
    low, high, largest = order_statistics(
        (value.abs() for value in parts), total, [*ranks, total - 1]
    )
    if largest > high == 0.0:
        raise ValueError(
            f"PCB lowers {share:g} of the magnitudes of a vector to those of the others, but fewer "
            f"of its {total} entries are not 0; expected a smaller 'clamp', as 0."
        )
    return Span(low, high)


def _clamped_ranks(total: int, share: float) -> tuple[int, int]:
    """Of the smallest and the largest magnitude that is left, as the authors round them."""
    low = int(total * share)
    return low, max(low, int(total * (1.0 - share) - 1.0))


def _limits(vectors: Mapping[str, Mapping], score: Score, keep: float) -> list[Span]:
    """The limit and the largest score of every task."""
    from tangent_bench.methods._streams import each_parameter
    from tangent_bench.methods._thresholds import order_statistics

    common = {name: score.common(stack) for name, stack in each_parameter(vectors)}
    total = _size(common.values())
    limit = min(int(total * (1.0 - keep)), total - 1)

    def scores(t: int, vector: Mapping[str, Tensor]) -> Iterator[Tensor]:
        for name, shared in common.items():
            yield score.of(vector[name], shared, t)

    return [
        Span(*order_statistics(scores(t, vector), total, [limit, total - 1]))
        for t, vector in enumerate(vectors.values())
    ]


def _size(parts: Iterable[Tensor]) -> int:
    return sum(part.numel() for part in parts)
