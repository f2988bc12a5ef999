"""Frozen heads without a text tower: logistic regression on the embeddings of θ0.

    min over W of  −1/N Σ_n log softmax(W x_n)[y_n] + λ/2 ‖W‖²,    x_n = f(x_n; θ0) / ‖f(x_n; θ0)‖

Ortiz-Jimenez, Favero, Frossard, NeurIPS 2023, appendix (closed vocabulary). There is no intercept:
a head is a matrix, and a prediction the arg-max of f · h_k, whatever the length of f
(`heads.logits`). Everything is float64. The objective is λ-strongly convex, so that ‖∇‖² / (2 λ) is
an upper bound of how far it lies above its minimum.

Shapes: N images, K classes, D embedding.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

GAP = 5e-7  # of the objective above its minimum, in nats, at most
RESTARTS = 10  # of L-BFGS, whose memory may hold it up near the minimum
# It ends by the bound alone.
_LBFGS = {
    "method": "L-BFGS-B",
    "options": {"maxiter": 20_000, "maxfun": 40_000, "maxcor": 20, "ftol": 0.0, "gtol": 0.0},
}
log = logging.getLogger(__name__)


class Probe(NamedTuple):
    """A fitted head.

    Attributes:
        head: head_KD, float64.
        penalty: λ that was chosen.
        losses: mean cross entropy on validation at each λ that was tried, in nats.
    """

    head: np.ndarray
    penalty: float
    losses: tuple[float, ...]


def choose(
    features_ND: np.ndarray,
    labels_N: np.ndarray,
    val_features_ND: np.ndarray,
    val_labels_N: np.ndarray,
    num_classes: int,
    penalties: Sequence[float],
) -> Probe:
    """The probe with the λ that has the least cross entropy on validation.

    Of equal ones the largest λ is taken.

    Args:
        features_ND: f(x; θ0) of training images, of any length.
        labels_N: their classes, from 0.
        val_features_ND: of validation images.
        val_labels_N: their classes.
        num_classes: K; a class may have no training image.
        penalties: the λ that are tried, each above 0.

    Raises:
        ValueError: features that are not finite, or as `fit`.
    """
    x_ND = normalised(features_ND)
    held_ND = normalised(val_features_ND)
    head_KD = np.zeros((num_classes, x_ND.shape[1]))
    found = []
    for penalty in sorted(penalties, reverse=True):
        head_KD = fit(x_ND, labels_N, penalty, head_KD)
        loss = cross_entropy(head_KD, held_ND, val_labels_N)
        log.info("penalty %g: cross entropy on validation %.4f", penalty, loss)
        found.append((loss, penalty, head_KD))
    loss, penalty, head_KD = min(found, key=lambda each: each[0])
    return Probe(head_KD, penalty, tuple(each[0] for each in found))


def fit(x_ND: np.ndarray, labels_N: np.ndarray, penalty: float, start_KD: np.ndarray) -> np.ndarray:
    """The head at one λ, float64 [K, D], whose objective is within `GAP` of the least.

    Args:
        x_ND: features of length 1, float64.
        labels_N: classes.
        penalty: λ, above 0.
        start_KD: where L-BFGS starts.

    Raises:
        ValueError: it does not come that close.
    """
    from scipy.optimize import minimize

    flat = start_KD.ravel()
    gap = np.inf
    last = np.full_like(flat, np.inf)  # the gradient of the last evaluation

    def function(flat: np.ndarray) -> tuple[float, np.ndarray]:
        loss, last[:] = objective(flat, x_ND, labels_N, penalty)
        return loss, last.copy()

    def stop(_: np.ndarray) -> None:
        if _gap(last, penalty) <= GAP:
            raise StopIteration

    for _ in range(RESTARTS):
        flat = minimize(function, flat, jac=True, callback=stop, **_LBFGS).x
        gap = _gap(objective(flat, x_ND, labels_N, penalty)[1], penalty)
        if gap <= GAP:
            return flat.reshape(start_KD.shape)
    raise ValueError(
        f"The probe at penalty {penalty:g} ends {gap:.1g} above its least loss, expected at most "
        f"{GAP:g}; try larger ones (probe.penalties)."
    )


def _gap(gradient: np.ndarray, penalty: float) -> float:
    """Upper bound of how far the objective lies above its minimum."""
    return float(gradient @ gradient) / (2 * penalty)


def objective(
    flat: np.ndarray, x_ND: np.ndarray, labels_N: np.ndarray, penalty: float
) -> tuple[float, np.ndarray]:
    """The loss that is minimised, and its gradient in the entries of W.

    Args:
        flat: W, [K · D].
        x_ND: features of length 1.
        labels_N: classes.
        penalty: λ.
    """
    number, width = x_ND.shape
    head_KD = flat.reshape(-1, width)
    log_p_NK = log_softmax(x_ND @ head_KD.T)
    rows = np.arange(number)
    loss = -log_p_NK[rows, labels_N].mean() + 0.5 * penalty * (flat @ flat)
    residual_NK = np.exp(log_p_NK)
    residual_NK[rows, labels_N] -= 1.0
    gradient_KD = residual_NK.T @ x_ND / number + penalty * head_KD
    return float(loss), gradient_KD.ravel()


def cross_entropy(head_KD: np.ndarray, x_ND: np.ndarray, labels_N: np.ndarray) -> float:
    """Mean cross entropy of a head on features of length 1, in nats."""
    log_p_NK = log_softmax(x_ND @ head_KD.T)
    return float(-log_p_NK[np.arange(len(labels_N)), labels_N].mean())


def log_softmax(logits_NK: np.ndarray) -> np.ndarray:
    """Logarithms of the softmax of each row."""
    shifted_NK = logits_NK - logits_NK.max(1, keepdims=True)
    return shifted_NK - np.log(np.exp(shifted_NK).sum(1, keepdims=True))


def normalised(features_ND: np.ndarray) -> np.ndarray:
    """Features of length 1, float64, as `heads.logits` takes them.

    Raises:
        ValueError: some are not finite.
    """
    wide_ND = np.asarray(features_ND, dtype=np.float64)
    if not np.isfinite(wide_ND).all():
        raise ValueError(
            "Features for a probe are not finite; check the weights of the model and the images."
        )
    return wide_ND / np.maximum(np.linalg.norm(wide_ND, axis=1, keepdims=True), 1e-12)
