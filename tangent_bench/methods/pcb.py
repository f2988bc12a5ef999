"""PCB-Merging (parameter competition balancing): keep entries that matter and that tasks agree on.

With products and functions taken entry by entry, T tasks, and softmax and Norm over all entries of
a model,

    Norm(x) = (x − min x) / (max x − min x)
    β_t = Softmax(T · Norm(τ_t ⊙ τ_t)) ⊙ Σ_s Softmax(Norm(τ_t ⊙ τ_s))
    β̂_t = β_t where it is among the largest `keep` of β_t, else 0
    direction = Σ_t β̂_t ⊙ τ_t / Σ_t β̂_t,   0 where no task keeps an entry.

Softmax ignores what is added to its argument, so Norm only divides, by the span max − min of a
product. Most values of the softmax lie so near to one another that float32 would not tell them
apart. So β_t is computed as C_t (1 + e_t) with

    e_t = (1 + a)(1 + b) − 1
    a = exp(T τ_t² / span_tt) − 1,   b = Σ_s w_ts (exp(τ_t τ_s / span_ts) − 1),

where Z are the softmaxes' sums, w_ts = Z_ts⁻¹ / Σ_r Z_tr⁻¹ and C_t = Z_t⁻¹ Σ_r Z_tr⁻¹. Entries of
equal β_t at the threshold are all kept. Vectors are read one parameter at a time, 3 + T times;
beside them, one model's worth of e_t or of the direction is in memory.

From memory: the equations. The authors' code (github.com/duguodong7/pcb-merging, its vision part)
has the factor T and this Norm, but others besides: it clamps magnitudes at their 1st and 99th
percentile, normalises them before they are squared, takes exp and tanh(τ_t ⊙ Σ_s τ_s) for the
softmaxes, and subtracts the threshold from what is kept (5 % with its search). The coefficient α is
the paper's λ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="PCB",
    reference="Du et al., Parameter Competition Balancing for Model Merging, NeurIPS 2024, "
    "section 3",
    coefficients=(0.0, 3.0, 31),  # it is a mean: the best α of several tasks lies above 1
    parameters={
        "keep": Parameter(0.1, "share of the entries of each vector that are kept", 0.0, 1.0)
    },
    exceptions={"one task": "its entries of low score are dropped as well"},
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Spans, sums and thresholds of whole vectors first, then the weighted mean of what is kept."""
    import torch

    from tangent_bench.methods._streams import merge_each
    from tangent_bench.methods._thresholds import smallest_of_largest

    score = Score.of(vectors)
    keep = context.hyper_parameters["keep"]
    total = sum(value.numel() for value in context.theta0.values() if value.is_floating_point())
    limits = []
    for t in range(len(vectors)):
        excess = map(partial(score.excess, t=t), _flat(vectors))
        limits.append(smallest_of_largest(excess, total, keep))

    def merge(name: str, stack: Tensor) -> Tensor:
        flat_TN = stack.reshape(len(stack), -1)
        above = torch.zeros_like(flat_TN[0])
        below = torch.zeros_like(flat_TN[0])
        for t, limit in enumerate(limits):
            excess_N = score.excess(flat_TN, t)
            weight_N = float(score.size_T[t]) * (1.0 + excess_N) * (excess_N >= limit)
            above += weight_N * flat_TN[t]
            below += weight_N
        return torch.where(below > 0, above / below.clamp(min=1e-30), 0.0).reshape(stack.shape[1:])

    return merge_each(vectors, merge)


class Score(NamedTuple):
    """What β_t of one entry depends on beside that entry.

    Attributes:
        steepness_TT: 1/span.
        weight_TT: w.
        size_T: C, up to a factor that makes the largest 1.
    """

    steepness_TT: Tensor
    weight_TT: Tensor
    size_T: Tensor

    @classmethod
    def of(cls, vectors: Mapping[str, Mapping]) -> Score:
        """In two readings of all vectors: the spans, then the sums of the softmaxes."""
        steepness_TT = _steepness(vectors)
        sum_TT, own_T = _softmax_sums(vectors, steepness_TT)
        weight_TT = 1.0 / sum_TT / (1.0 / sum_TT).sum(1, keepdim=True)
        size_T = (1.0 / sum_TT).sum(1) / own_T
        return cls(steepness_TT, weight_TT, size_T / size_T.max())

    def excess(self, flat_TN: Tensor, t: int) -> Tensor:
        """e_t [N] of the entries `flat_TN` for task number `t`, in the vectors' own precision."""
        own_N = (len(flat_TN) * float(self.steepness_TT[t, t]) * flat_TN[t].square()).expm1_()
        others_N = own_N.new_zeros(own_N.shape)
        for s, tau_N in enumerate(flat_TN):
            product_N = (flat_TN[t] * tau_N).mul_(float(self.steepness_TT[t, s])).expm1_()
            others_N.add_(product_N, alpha=float(self.weight_TT[t, s]))
        return own_N + others_N + own_N * others_N


def _steepness(vectors: Mapping[str, Mapping]) -> Tensor:
    """1 / span [T, T] of the products τ_t ⊙ τ_s, float64; 0 where the span is 0."""
    import torch

    number = len(vectors)
    low_TT = torch.full((number, number), torch.inf, dtype=torch.float64)
    high_TT = -low_TT
    for t, s, product_N in _products(vectors):
        low, high = torch.aminmax(product_N)
        low_TT[t, s] = low_TT[s, t] = min(low_TT[t, s], float(low))
        high_TT[t, s] = high_TT[s, t] = max(high_TT[t, s], float(high))
    return torch.where(high_TT > low_TT, 1.0 / (high_TT - low_TT), 0.0)


def _softmax_sums(vectors: Mapping[str, Mapping], steepness_TT: Tensor) -> tuple[Tensor, Tensor]:
    """Z_ts [T, T] and Z_t [T], the sums of the softmaxes, float64."""
    import torch

    number = len(vectors)
    sum_TT = torch.zeros_like(steepness_TT)
    own_T = torch.zeros_like(steepness_TT[0])
    for t, s, product_N in _products(vectors):
        product_N.mul_(float(steepness_TT[t, s]))
        if s == t:
            own_T[t] += _sum_of_exp(number * product_N)
        sum_TT[t, s] += _sum_of_exp(product_N)
    sum_TT += sum_TT.tril(-1).T
    return sum_TT, own_T


def _sum_of_exp(x_N: Tensor) -> float:
    """Σ exp(x), as N + Σ (exp(x) − 1), whose terms float32 resolves; x is overwritten."""
    return len(x_N) + float(x_N.expm1_().double().sum())


def _products(vectors: Mapping[str, Mapping]) -> Iterator[tuple[int, int, Tensor]]:
    """(t, s, τ_t ⊙ τ_s [N]) of every parameter and pair s ≤ t."""
    for flat_TN in _flat(vectors):
        for t, first_N in enumerate(flat_TN):
            for s, second_N in enumerate(flat_TN[: t + 1]):
                yield t, s, first_N * second_N


def _flat(vectors: Mapping[str, Mapping]) -> Iterator[Tensor]:
    """[T, N] of every floating-point parameter."""
    from tangent_bench.methods._streams import each_parameter

    for _, stack in each_parameter(vectors):
        yield stack.reshape(len(stack), -1)
