"""Singular value decompositions of the weight matrices of a vector, shared by the spectral methods.

What counts as a matrix: a 2-D tensor with both sides > 1 whose name ends in "weight" or "proj" and does not speak of
an embedding. Of an open_clip image tower these are in_proj_weight (query, key and value stacked, one matrix), out_proj,
c_fc, c_proj and the last projection `proj`. Positional and class embeddings, the patch convolution (4-D), norms and
biases are not: they are averaged. Matrices are handed on as [outputs, inputs]; `proj` is stored the other way: turned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from tangent_bench.methods._streams import merge_each

Triplet = tuple[Tensor, Tensor, Tensor]


def is_matrix(name: str, tensor: Tensor) -> bool:
    """Whether a parameter (not a stack of them) counts as a weight matrix."""
    named = name.endswith(("weight", "proj")) and "embed" not in name
    return named and tensor.ndim == 2 and min(tensor.shape) > 1


def turn(name: str, matrix: Tensor) -> Tensor:
    """[..., outputs, inputs] of a matrix as stored, and the reverse; only `x @ proj` is stored the other way."""
    return matrix.mT if name.rpartition(".")[2] in ("proj", "text_projection") else matrix


def merge_matrices(vectors: Mapping[str, Mapping[str, Tensor]], merge: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """merge(stack [T, outputs, inputs]) → [outputs, inputs] for matrices, the average for all others."""

    def each(name: str, stack: Tensor) -> Tensor:
        if not is_matrix(name, stack[0]):
            return stack.mean(0)
        return turn(name, merge(turn(name, stack))).contiguous()

    return merge_each(vectors, each)


def svd(matrix: Tensor) -> Triplet:
    """U [m, r], σ [r] descending and Vᵀ [r, n] with r = min(m, n) and U diag(σ) Vᵀ = matrix, in its own precision."""
    return torch.linalg.svd(matrix, full_matrices=False)


def leading(matrix: Tensor, rank: int) -> Triplet:
    """The first `rank` triplets; copies, so that the full decomposition does not stay in memory."""
    left, sigma, right = svd(matrix)
    return left[:, :rank].clone(), sigma[:rank].clone(), right[:rank].clone()


def truncate(matrix: Tensor, rank: int) -> Tensor:
    """The nearest matrix of at most this rank (Eckart and Young)."""
    left, sigma, right = leading(matrix, rank)
    return (left * sigma) @ right


def polar(matrix: Tensor) -> Tensor:
    """The nearest partial isometry, A (AᵀA)^(−½) = P Qᵀ for A = P diag(s) Qᵀ: the solution of Procrustes' problem.

    Directions in which A is zero up to rounding stay zero. There P Qᵀ would be arbitrary; so, two equal columns u
    become u/√2 each.
    """
    left, sigma, right = svd(matrix)
    rounding = torch.finfo(matrix.dtype).eps * max(matrix.shape) ** 0.5 * sigma[0]
    return (left * (sigma > rounding)) @ right


def assemble(triplets: list[Triplet]) -> Triplet:
    """Triplets side by side, U and V each made orthonormal by `polar`: as near as can be to what they were."""
    lefts, sigmas, rights = zip(*triplets, strict=True)
    return polar(torch.cat(lefts, 1)), torch.cat(sigmas), polar(torch.cat(rights, 0))


def num_kept(fraction: float, matrix: Tensor) -> int:
    """The whole number of triplets in a fraction of min(m, n), at least one."""
    # a third of 3 is 1, though 3 · (1/3) may round to less
    return max(1, int(fraction * min(matrix.shape[-2:]) + 1e-9))
