"""Singular value decompositions of the weight matrices of a vector, shared by the spectral methods.

A matrix is a 2-D tensor with both sides > 1 whose name ends in "weight" or "proj" and does not
speak of an embedding. In an open_clip image tower these are in_proj_weight (query, key and value
stacked, one matrix), out_proj, c_fc, c_proj and the last projection `proj`. Positional and class
embeddings, the patch convolution (4-D), norms and biases are averaged. The code of TSV-M, Iso and
SVC takes every 2-D tensor but the text projection, and so the positional embedding, which is no
linear map: its rows are added to tokens. Matrices are handed on as [outputs, inputs]; `proj` is
stored the other way and is turned (their code, and merge-and-rebase's WUDI, take it as stored).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tangent_bench.methods._streams import Vectors, merge_each

Triplet = tuple[Tensor, Tensor, Tensor]


def is_matrix(name: str, tensor: Tensor) -> bool:
    """Whether a parameter (not a stack of them) counts as a weight matrix."""
    is_weight = name.endswith(("weight", "proj")) and "embed" not in name
    return is_weight and tensor.ndim == 2 and min(tensor.shape) > 1


def turn(name: str, matrix: Tensor) -> Tensor:
    """[..., outputs, inputs] of a `matrix` as stored under `name`, and the reverse.

    Only `x @ proj` is stored the other way.
    """
    return matrix.mT if name.rpartition(".")[2] in ("proj", "text_projection") else matrix


def merge_matrices(vectors: Vectors, merge: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """Merges the weight matrices, and averages all other parameters.

    Args:
        vectors: of all tasks.
        merge: stack [T, outputs, inputs] → [outputs, inputs].
    """

    def merge_one(name: str, stack: Tensor) -> Tensor:
        if not is_matrix(name, stack[0]):
            return stack.mean(0)
        return turn(name, merge(turn(name, stack))).contiguous()

    return merge_each(vectors, merge_one)


def svd(matrix: Tensor) -> Triplet:
    """U [m, r], σ [r] descending and Vᵀ [r, n], with r = min(m, n) and U diag(σ) Vᵀ = matrix.

    In the precision of the matrix.
    """
    return torch.linalg.svd(matrix, full_matrices=False)


def leading(matrix: Tensor, rank: int) -> Triplet:
    """The first `rank` triplets of a `matrix` [m, n], in float64.

    Triplets whose σ is zero up to rounding are arbitrary; they become zeros.

    A float32 matrix A, m ≥ n, is decomposed in float64 by AᵀA V = V diag(σ²) and U = A V diag(σ)⁻¹:
    float64 still resolves squares of its condition number, and only `rank` eigenvectors are made. A
    float64 matrix is decomposed by its SVD.
    """
    if matrix.dtype == torch.float64 or not rank:
        left, sigma, right = _cut(svd(matrix.double()), rank)
    elif matrix.shape[0] < matrix.shape[1]:
        left, sigma, right = leading(matrix.mT, rank)
        return right.mT, sigma, left.mT
    else:
        left, sigma, right = _leading_of_tall(matrix.double(), rank)
    known = sigma > _rounding(matrix, matrix.dtype) * sigma[:1]
    return left * known, sigma * known, right * known[:, None]


def _leading_of_tall(tall: Tensor, rank: int) -> Triplet:
    """The first `rank` triplets by the eigenvectors of AᵀA; `tall` is A, float64."""
    right = _eigh(tall, rank)[1].mT
    left = tall @ right.mT
    sigma = torch.linalg.vector_norm(left, dim=0)
    left /= sigma.clamp(min=torch.finfo(sigma.dtype).tiny)
    return left, sigma, right


def truncate(matrix: Tensor, rank: int) -> Tensor:
    """The nearest matrix of at most this rank (Eckart and Young)."""
    left, sigma, right = leading(matrix, rank)
    return ((left * sigma) @ right).to(matrix.dtype)


def polar(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """The nearest partial isometry: the solution of Procrustes' problem.

        A (AᵀA)^(−½) = P Qᵀ   for A = P diag(s) Qᵀ

    Directions in which A is zero up to rounding stay zero, since P Qᵀ would be arbitrary there. So
    two equal columns u become u/√2 each.

    Args:
        matrix: A, float64.
        dtype: of the data that A was made from, which says what rounding is. For float32, AᵀA is
            precise enough.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return polar(matrix.mT, dtype).mT
    if dtype == torch.float64:
        left, sigma, right = svd(matrix)
        return (left * (sigma > _rounding(matrix, dtype) * sigma[0])) @ right
    squares, basis = _eigh(matrix, matrix.shape[1])
    # The bound is what float64 resolves of AᵀA: s > 4e-7 at 768 columns. float32's own rounding
    # would drop directions that are known.
    known = squares > matrix.shape[1] * torch.finfo(matrix.dtype).eps * squares[0]
    scales = torch.where(known, squares, 1.0).rsqrt() * known
    return matrix @ ((basis * scales) @ basis.mT)


def assemble(triplets: list[Triplet], dtype: torch.dtype) -> Triplet:
    """Puts `triplets` side by side, U and V each made orthonormal by `polar`; the result has
    `dtype`.
    """
    lefts, sigmas, rights = zip(*triplets, strict=True)
    return (
        polar(torch.cat(lefts, 1), dtype).to(dtype),
        torch.cat(sigmas).to(dtype),
        polar(torch.cat(rights, 0), dtype).to(dtype),
    )


def _cut(triplet: Triplet, rank: int) -> Triplet:
    """Copies of the first `rank` triplets."""
    left, sigma, right = triplet
    return left[:, :rank].clone(), sigma[:rank].clone(), right[:rank].clone()


def _eigh(tall: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The `rank` largest eigenvalues of AᵀA, descending, and their eigenvectors as columns."""
    from scipy import linalg
    from threadpoolctl import threadpool_limits

    array = tall.cpu().numpy()
    size = tall.shape[1]
    # NumPy sees that the product is symmetric, and computes one half.
    gram = array.T @ array
    # Most of the work is matrix times vector: at 768 × 768 on two cores, a second thread made it
    # three times as slow.
    with threadpool_limits(1, user_api="blas"):
        squares, basis = linalg.eigh(
            gram, subset_by_index=[size - rank, size - 1], overwrite_a=True
        )
    return (
        torch.from_numpy(squares[::-1].copy()).to(tall.device),
        torch.from_numpy(basis[:, ::-1].copy()).to(tall.device),
    )


def _rounding(matrix: Tensor, dtype: torch.dtype) -> float:
    """Singular values below this part of the largest are zero up to rounding."""
    return torch.finfo(dtype).eps * max(matrix.shape) ** 0.5


def num_kept(fraction: float, matrix: Tensor) -> int:
    """The whole number of triplets in a `fraction` of min(m, n) of a `matrix` [..., m, n], at least
    one.
    """
    # A third of 3 is 1, though 3 · (1/3) may round to less.
    return max(1, int(fraction * min(matrix.shape[-2:]) + 1e-9))
