"""Kernel regression with a tangent kernel from f_0: what gradient descent on f_lin learns.

    f(x) = f_0(x) + Θ(x, X) c,   (Θ(X, X) + λ I) c = y − f_0(X)

Gradient descent from θ0 on the squared loss ½ ‖f_lin(X) − y‖² + ½ λ ‖θ − θ0‖² arrives here, and
`descent` has c after t of its steps for λ = 0; both are exact where Θ is the kernel of all outputs,
[N K, N K]. One kernel [N, N] for all K outputs is exact in the limit of infinite width and an
approximation elsewhere. No equality is claimed for cross entropy or Adam.

Jacot, Gabriel, Hongler, "Neural Tangent Kernel", NeurIPS 2018, §5.
Lee et al., "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent",
NeurIPS 2019, Eqs. 8 to 11.
Malladi et al., "A Kernel-Based View of Language Model Fine-Tuning", ICML 2023 (Θ is their SGD
kernel).
Mohamadi, Bae, Sutherland, "A Fast, Well-Founded Approximation to the Empirical Neural Tangent
Kernel", ICML 2023 (one kernel for all outputs).
Shapes: N training images, K outputs. Everything is float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def ridge(kernel_NN: np.ndarray, residual_NK: np.ndarray, strength: float) -> np.ndarray:
    """c = (Θ + λ I)⁻¹ r, [N, K]; λ = 0 gives the solution of least norm.

    Args:
        kernel_NN: Θ between the training points.
        residual_NK: r = y − f_0(X).
        strength: λ, in the units of Θ.
    """
    values_N, vectors_NN = _spectrum(kernel_NN)
    seen_N = values_N > 0.0
    weights_N = np.where(seen_N, 1.0 / np.where(seen_N, values_N + strength, 1.0), 0.0)
    return vectors_NN @ (weights_N[:, None] * (vectors_NN.T @ residual_NK))


def descent(kernel_NN: np.ndarray, residual_NK: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """c after t steps of gradient descent on ½ ‖f_lin(X) − y‖² at rate η, [N, K].

        c = Θ⁻¹ (I − (I − η Θ)^t) r

    Args:
        kernel_NN: Θ, as in `ridge`.
        residual_NK: r, as in `ridge`.
        rate: η, in the units of 1/Θ.
        steps: t.

    Raises:
        ValueError: it diverges at this rate: η λ_max is 2 or more.
    """
    values_N, vectors_NN = _spectrum(kernel_NN)
    if rate * values_N[-1] >= 2.0:
        raise ValueError(
            f"Gradient descent at rate {rate:.3g} diverges on a kernel whose largest eigenvalue is "
            f"{values_N[-1]:.3g}; give a rate below {2.0 / values_N[-1]:.3g}."
        )
    seen_N = values_N > 0.0
    learnt_N = 1.0 - (1.0 - rate * values_N) ** steps
    weights_N = np.where(seen_N, learnt_N / np.where(seen_N, values_N, 1.0), 0.0)
    return vectors_NN @ (weights_N[:, None] * (vectors_NN.T @ residual_NK))


def _spectrum(kernel_NN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, set to 0 where they are within rounding, and eigenvectors in columns."""
    values_N, vectors_NN = np.linalg.eigh(kernel_NN)
    rounding = len(values_N) * np.finfo(float).eps * values_N[-1]
    # Θ v = 0 means Jᵀ v = 0, so that such a v reaches no other image either.
    return np.where(values_N > rounding, values_N, 0.0), vectors_NN


def held_out(
    kernel_NN: np.ndarray, residual_NK: np.ndarray, blocks_N: np.ndarray, strength: float
) -> np.ndarray:
    """Each image's residual after a regression without that image's block, [N, K].

        e_B = (I − S)_BB⁻¹ ((I − S) r)_B,   S = Θ (Θ + λ I)⁻¹

    Args:
        kernel_NN: Θ, as in `ridge`.
        residual_NK: r, as in `ridge`.
        blocks_N: images of one block belong together, such as crops of one photograph.
        strength: λ > 0.
    """
    left_NN = strength * np.linalg.inv(kernel_NN + strength * np.eye(len(kernel_NN)))  # I − S
    fitted_NK = left_NN @ residual_NK
    errors_NK = np.empty_like(residual_NK)
    for block in np.unique(blocks_N):
        places = np.flatnonzero(blocks_N == block)
        errors_NK[places] = np.linalg.solve(left_NN[np.ix_(places, places)], fitted_NK[places])
    return errors_NK


def choose_ridge(
    kernel_NN: np.ndarray, residual_NK: np.ndarray, blocks_N: np.ndarray, ridges: Sequence[float]
) -> float:
    """λ with the least squared error on held-out blocks, among `ridges` × the mean of Θ's diagonal.

    `kernel_NN`, `residual_NK` and `blocks_N` are as in `held_out`.
    """
    scale = np.trace(kernel_NN) / len(kernel_NN)
    errors = []
    for share in ridges:
        errors_NK = held_out(kernel_NN, residual_NK, blocks_N, scale * share)
        errors.append((errors_NK**2).sum())
    return float(scale * ridges[int(np.argmin(errors))])


def targets(logits_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """y: one-hot labels less their mean 1/K, scaled to the root mean square of f_0(X), [N, K].

    Squared loss has no scale of its own: with that of the centred logits f_0(X), `logits_NK`, both
    parts of a residual weigh the same. `labels_N` are the classes.

    Raises:
        ValueError: all logits of every image are equal, so that there is no scale.
    """
    num_classes = logits_NK.shape[1]
    one_hot_NK = np.eye(num_classes)[labels_N] - 1.0 / num_classes
    spread = (logits_NK - logits_NK.mean(1, keepdims=True)).std()
    if spread == 0.0:
        raise ValueError(
            "All logits of every image are equal: the targets of a kernel regression have no scale."
        )
    return one_hot_NK * spread / one_hot_NK.std()
