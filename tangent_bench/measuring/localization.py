"""Localization of task vectors: what a vector does to other tasks' images, over what it does there.

    E[t, s] = mean_{x ∼ μ_s} ‖Δ_t(x)‖ / ‖f(x; θ0)‖,   Δ_t(x) = f(x; θ0 + α τ_t) − f(x; θ0)
    R[t, s] = E[t, s] / E[s, s]
    others / own of s = mean_{x ∼ μ_s} ‖Δ_others(x)‖ / mean_{x ∼ μ_s} ‖Δ_s(x)‖

f is the embedding before its normalisation, and Δ_others the change by the sum of all vectors but
τ_s. In the tangent space Δ_t(x) = α J(x; θ0) τ_t: changes add exactly, and the ratios do not depend
on α. No label and no head is used.

A ratio of 0 is a vector that other tasks' images do not feel. Vectors that ignored whose images
they see would have R = 1, and if their changes were of equal length and at right angles, others /
own = √(T − 1) for T tasks.
Shapes: P points, N images, D embedding, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

import math

import numpy as np


def lengths(embedding_ND: np.ndarray, base_ND: np.ndarray) -> np.ndarray:
    """‖f(x; θ) − f(x; θ0)‖ of each image, float64 [N].

    Raises:
        ValueError: the embeddings are of different images.
    """
    if np.shape(embedding_ND) != np.shape(base_ND):
        raise ValueError(
            f"Embeddings of shapes {np.shape(embedding_ND)} and {np.shape(base_ND)} cannot be "
            "compared; both must be of the same images."
        )
    difference_ND = embedding_ND.astype(np.float64) - base_ND
    return np.linalg.norm(difference_ND, axis=1)


def relative(lengths_PN: np.ndarray, base_ND: np.ndarray) -> np.ndarray:
    """Lengths of changes over the length of the embedding at θ0, [P, N].

    Raises:
        ValueError: an embedding has no length.
    """
    base_N = np.linalg.norm(base_ND.astype(np.float64), axis=1)
    num_zero = int((base_N == 0.0).sum())
    if num_zero:
        raise ValueError(
            f"{num_zero} of {len(base_N)} embeddings at θ0 are zero, so that no change can be "
            "measured by their length; is the model the one that its weights belong to?"
        )
    return lengths_PN / base_N


def over_own(change_R: np.ndarray, own_R: np.ndarray, task: str) -> np.ndarray:
    """What other vectors do to a task's images over what the task's own vector does, [R].

    >>> over_own(np.array([1.0, 3.0]), np.array([2.0, 2.0]), "mnist").tolist()
    [0.5, 1.5]

    Args:
        change_R: mean change by the others.
        own_R: mean change by the own vector.
        task: name of the task, for the error.

    Raises:
        ValueError: the own vector changes nothing.
    """
    if (own_R == 0.0).any():
        raise ValueError(
            f"The vector of {task!r} changes no embedding of its own task, so that nothing can be "
            "compared with that change; was the fine-tuning run with a learning rate of 0?"
        )
    return change_R / own_R


def of_unrelated(num_tasks: int) -> float:
    """Others / own of vectors that ignore whose images they see: √(T − 1).

    Changes of equal length and at right angles to one another. If all pointed the same way, it
    would be T − 1.

    >>> of_unrelated(5)
    2.0
    """
    return math.sqrt(num_tasks - 1)
