"""TSV-M: the leading singular vectors of every task, made orthogonal to those of the others.

With τ_t = U_t diag(σ_t) V_tᵀ of each weight matrix, cut to k = max(1, ⌊fraction · min(m, n)⌋)
triplets,

    direction = polar([U_1 … U_T]) · diag([σ_1 … σ_T]) · polar([V_1 … V_T])ᵀ,

where polar(A) = A (AᵀA)^(−½) is the nearest matrix with orthonormal columns. Other tensors are
averaged; which tensors are matrices: `_spectral`. Unlike the paper's code, columns that several
tasks share exactly are not completed by an arbitrary direction (see `_spectral.polar`), and the
positional embedding is averaged: their code decomposes it, and takes `proj` as stored, if at all.
The direction is 4 to 5 % of its length away from theirs for that (vectors of the tiny model).

ViT-B/32's image tower, eight tasks from files, two threads of an Intel Xeon, 2026-11-28, PyTorch
2.14.1 (tests/methods/oracle/race.py): 86 s and 706 MB; FusionBench 0.2.33 125 s and 3.3 GB, since
it holds all vectors of the model and this one parameter at a time. Of 49 matrices 47 agree to 5e-5
of their length. In the other two, 4 % apart, one direction of the stacked right vectors has the
singular value 5e-8: too little for `_spectral.polar`, which leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(
    title="TSV-M",
    reference="Gargiulo et al., Task Singular Vectors: Reducing Task Interference in Model "
    "Merging, CVPR 2025",
    coefficients=(0.0, 3.0, 31),
    parameters={
        "fraction": Parameter(
            0.0, "part of the singular vectors kept of each task; 0 is the paper's 1/T", 0.0, 1.0
        )
    },
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The orthogonalised sum of truncated vectors."""
    from tangent_bench.methods import _spectral

    fraction = context.hyper_parameters["fraction"] or 1 / len(vectors)

    def merge(stack: Tensor) -> Tensor:
        rank = _spectral.num_kept(fraction, stack)
        triplets = [_spectral.leading(tau, rank) for tau in stack]
        left, sigma, right = _spectral.assemble(triplets, stack.dtype)
        return (left * sigma) @ right

    return _spectral.merge_matrices(vectors, merge)
