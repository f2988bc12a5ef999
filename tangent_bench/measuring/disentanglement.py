"""Weight disentanglement, from predictions alone.

    ξ(α_a, α_b) = Σ_{t ∈ {a, b}} E_{x ∼ μ_t} [ 1( ŷ(x; θ0 + α_t τ_t) ≠ ŷ(x; θ0 + α_a τ_a + α_b τ_b)
    ) ]

ŷ is the arg-max under task t's own head. It is a **sum** of two shares, as in the paper: range
[0, 2], printed up to 200 %; some re-implementations divide it by 2. No labels are used. Term t is
what the other vector changes on the images of t: it vanishes where the other coefficient is 0.

Ortiz-Jimenez, Favero, Frossard, "Task Arithmetic in the Tangent Space", NeurIPS 2023, §4, Fig. 3.
Shapes: P points, N images, A coefficients, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

import numpy as np

from tangent_bench.measuring import resampling


def disagreement(first_PN: np.ndarray, second_PN: np.ndarray) -> np.ndarray:
    """Whether two predictions of the same images differ, bool [P, N].

    Raises:
        ValueError: they are of different points or images.
    """
    if np.shape(first_PN) != np.shape(second_PN):
        raise ValueError(
            f"Predictions of shapes {np.shape(first_PN)} and {np.shape(second_PN)} cannot be "
            "compared; both must be of the same points and images."
        )
    return np.asarray(first_PN) != np.asarray(second_PN)


def term(alone_PN: np.ndarray, both_PN: np.ndarray, weights_RN: np.ndarray) -> np.ndarray:
    """One task's term of ξ, [R, P] in [0, 1].

    It is the share of the task's images whose prediction the other vector changes.

    Args:
        alone_PN: class indices at θ0 + α_t τ_t.
        both_PN: class indices at θ0 + α_t τ_t + α_other τ_other.
        weights_RN: bootstrap counts of the images.
    """
    return resampling.accuracy(disagreement(alone_PN, both_PN), weights_RN)


def error(term_a: np.ndarray, term_b: np.ndarray) -> np.ndarray:
    """ξ, the sum of both tasks' terms, in [0, 2].

    Raises:
        ValueError: the terms are of different points.
    """
    if np.shape(term_a) != np.shape(term_b):
        raise ValueError(
            f"Terms of shapes {np.shape(term_a)} and {np.shape(term_b)} are not of the same points."
        )
    return np.asarray(term_a) + np.asarray(term_b)


def relative_error(error_R: np.ndarray, change_R: np.ndarray, smallest: float) -> np.ndarray:
    """Unwanted prediction changes per wanted one.

        mean_{α_a, α_b} ξ(α_a, α_b)
        / Σ_{t ∈ {a, b}} mean_α E_{x ∼ μ_t} [ 1( ŷ(x; θ0 + α τ_t) ≠ ŷ(x; θ0) ) ]

    both means over the same grid of each coefficient. 0: nothing is disturbed; 1: the vectors
    disturb each other's tasks as often as they change their own. Weak vectors have a low ξ for the
    trivial reason that they do little.

    Args:
        error_R: mean ξ over the grid.
        change_R: what each vector alone changes on its own task's images, mean over the grid,
            summed over the tasks.
        smallest: what a smaller change counts as, so that vectors that change nothing divide
            nothing by 0.
    """
    return error_R / np.maximum(change_R, smallest)


def first_reaching(
    coefficients_A: np.ndarray, curve_RA: np.ndarray, level_R: np.ndarray
) -> np.ndarray:
    """The smallest coefficient at which each replicate's curve reaches its level, [R].

    A curve is linear between grid points.

    >>> coefficients_A = np.array([0.0, 0.5, 1.0])
    >>> first_reaching(coefficients_A, np.array([[0.2, 0.4, 0.8]]), np.array([0.6])).tolist()
    [0.75]

    Raises:
        ValueError: a curve stays below its level.
    """
    reached_RA = curve_RA >= level_R[:, None]
    if not reached_RA.any(1).all():
        raise ValueError(
            "A curve never reaches the level at which it should be matched; lower the level."
        )
    rows = np.arange(len(curve_RA))
    after = reached_RA.argmax(1)
    before = np.maximum(after - 1, 0)
    low = curve_RA[rows, before]
    high = curve_RA[rows, after]
    share = np.where(after == before, 0.0, (level_R - low) / np.where(high > low, high - low, 1.0))
    return coefficients_A[before] + share * (coefficients_A[after] - coefficients_A[before])


def along(coefficients_A: np.ndarray, values_RA: np.ndarray, at_R: np.ndarray) -> np.ndarray:
    """Each replicate's values, linear between grid points, at its own coefficient, [R]."""
    pairs = zip(at_R, values_RA, strict=True)
    return np.array([np.interp(at, coefficients_A, values_A) for at, values_A in pairs])
