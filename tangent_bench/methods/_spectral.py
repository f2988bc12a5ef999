"""Singular value decompositions of the weight matrices of a vector, shared by the spectral methods.

What counts as a matrix: a 2-D tensor with both sides > 1 whose name ends in "weight" or "proj" and does not speak of an
embedding. Of an open_clip image tower these are in_proj_weight (query, key and value stacked, one matrix), out_proj,
c_fc, c_proj and the last projection `proj`. Positional and class embeddings, the patch convolution (4-D), norms and
biases are not: they are averaged. The code of TSV-M, Iso and SVC takes every 2-D tensor but the text projection, and so
the positional embedding, which is no linear map: its rows are added to tokens. Matrices are handed on as [outputs,
inputs]; `proj` is stored the other way: turned (their code, and WUDI's, takes it as stored).
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


def merge_matrices(
    vectors: Mapping[str, Mapping[str, Tensor]], merge: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
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
    """The first `rank` triplets in float64; those whose σ is zero up to rounding, and so arbitrary, are zeros.

    A float32 matrix A [m, n], m ≥ n, is decomposed by AᵀA V = V diag(σ²) and U = A V diag(σ)⁻¹ in float64: squares of
    its condition number are then still resolved, and only `rank` eigenvectors are made. A float64 one by its SVD.
    """
    if matrix.dtype == torch.float64 or not rank:
        left, sigma, right = (part.clone() for part in _cut(svd(matrix.double()), rank))
    elif matrix.shape[0] < matrix.shape[1]:
        left, sigma, right = leading(matrix.mT, rank)
        return right.mT, sigma, left.mT
    else:
        tall = matrix.double()
        right = _eigh(tall, rank)[1].mT
        left = tall @ right.mT
        sigma = torch.linalg.vector_norm(left, dim=0)
        left /= sigma.clamp(min=torch.finfo(sigma.dtype).tiny)
    known = sigma > _rounding(matrix, matrix.dtype) * sigma[:1]
    return left * known, sigma * known, right * known[:, None]


def truncate(matrix: Tensor, rank: int) -> Tensor:
    """The nearest matrix of at most this rank (Eckart and Young)."""
    left, sigma, right = leading(matrix, rank)
    return ((left * sigma) @ right).to(matrix.dtype)


def polar(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """The nearest partial isometry, A (AᵀA)^(−½) = P Qᵀ for A = P diag(s) Qᵀ: the solution of Procrustes' problem.

    Directions in which A is zero up to rounding stay zero. There P Qᵀ would be arbitrary; so, two equal columns u
    become u/√2 each.

    Args:
        matrix: float64.
        dtype: of the data that it was made from, which says what rounding is. If they are float32, AᵀA will do.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return polar(matrix.mT, dtype).mT
    if dtype == torch.float64:
        left, sigma, right = svd(matrix)
        return (left * (sigma > _rounding(matrix, dtype) * sigma[0])) @ right
    squares, basis = _eigh(matrix, matrix.shape[1])
    # what float64 resolves of AᵀA, s > 4e-7 at 768 columns; float32's own rounding would drop directions that are known
    known = squares > matrix.shape[1] * torch.finfo(matrix.dtype).eps * squares[0]
    scales = torch.where(known, squares, 1.0).rsqrt() * known
    return matrix @ ((basis * scales) @ basis.mT)


def assemble(triplets: list[Triplet], dtype: torch.dtype) -> Triplet:
    """Triplets side by side, U and V each made orthonormal by `polar`: as near as can be to what they were."""
    lefts, sigmas, rights = zip(*triplets, strict=True)
    return (
        polar(torch.cat(lefts, 1), dtype).to(dtype),
        torch.cat(sigmas).to(dtype),
        polar(torch.cat(rights, 0), dtype).to(dtype),
    )


def _cut(triplet: Triplet, rank: int) -> Triplet:
    left, sigma, right = triplet
    return left[:, :rank], sigma[:rank], right[:rank]


def _eigh(tall: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The `rank` largest eigenvalues of AᵀA, descending, and their eigenvectors as columns."""
    from scipy import linalg
    from threadpoolctl import threadpool_limits

    array, size = tall.cpu().numpy(), tall.shape[1]
    gram = array.T @ array  # NumPy sees that it is symmetric, and computes one half
    # a second thread made it three times as slow on two cores at 768 × 768: most of the work is matrix times vector
    with threadpool_limits(1, user_api="blas"):
        squares, basis = linalg.eigh(
            gram, subset_by_index=[size - rank, size - 1], overwrite_a=True
        )
    return tuple(
        torch.from_numpy(part[..., ::-1].copy()).to(tall.device) for part in (squares, basis)
    )


def _rounding(matrix: Tensor, dtype: torch.dtype) -> float:
    """Singular values below this part of the largest are zero up to rounding."""
    return torch.finfo(dtype).eps * max(matrix.shape) ** 0.5


def num_kept(fraction: float, matrix: Tensor) -> int:
    """The whole number of triplets in a fraction of min(m, n), at least one."""
    # a third of 3 is 1, though 3 · (1/3) may round to less
    return max(1, int(fraction * min(matrix.shape[-2:]) + 1e-9))
