"""How a coefficient is chosen on validation images.

Arrays may have leading axes (bootstrap replicates) before the grid axis A.
Protocol: Ortiz-Jimenez et al. 2023 and its official code for addition; Ilharco et al. 2023 for the
control rule of negation.
"""

from __future__ import annotations

import numpy as np


def grid(first: float, last: float, count: int) -> np.ndarray:
    """`count` equidistant coefficients, rounded to 12 digits so that 0.15 is 0.15.

    >>> grid(0.0, 1.0, 21)[:4].tolist()
    [0.0, 0.05, 0.1, 0.15]
    """
    return np.round(np.linspace(first, last, count), 12)


def select_addition(accuracy_AT: np.ndarray, single_T: np.ndarray) -> np.ndarray:
    """Index of the first maximiser over the grid of the mean normalized accuracy, shape [...].

        argmax_α  mean_t  acc_t(α) / acc_t(single-task model of the same mode)

    Args:
        accuracy_AT: validation accuracies [..., A, T].
        single_T: validation accuracies of the single-task models [..., T].

    Raises:
        ValueError: a single-task model has accuracy 0, so that nothing can be normalized by it.
    """
    if (single_T <= 0).any():
        raise ValueError(
            "A single-task model has validation accuracy 0; normalized accuracy does not exist. "
            "Train longer."
        )
    normalized_A = (accuracy_AT / single_T[..., None, :]).mean(-1)
    # Means of equal accuracies can differ in the last bit; a tie must go to the first.
    return np.argmax(normalized_A >= normalized_A.max(-1, keepdims=True) - 1e-12, axis=-1)


def select_negation(
    target_A: np.ndarray, control_A: np.ndarray, zero_shot: np.ndarray, threshold: float
) -> np.ndarray:
    """Index of the lowest target accuracy among coefficients that keep the control, shape [...].

    A coefficient is allowed if its control accuracy is at least `threshold` × zero-shot control
    accuracy. Ties go to the smallest coefficient.

    Args:
        target_A: validation accuracies of the target [..., A] along α from 0 upwards.
        control_A: validation accuracies of the control [..., A].
        zero_shot: control accuracy at α = 0, [...].
        threshold: the share of it that must be kept.

    Raises:
        ValueError: α = 0 is not in the grid, or `threshold` is above 1, so that nothing may be
            allowed.
    """
    allowed_A = control_A >= threshold * np.asarray(zero_shot)[..., None] - 1e-12
    if not allowed_A.any(-1).all():
        raise ValueError(
            "No coefficient keeps the control; the grid must contain 0 and control_threshold be at "
            "most 1."
        )
    return np.argmin(np.where(allowed_A, target_A, np.inf), axis=-1)
