"""Resampling of images by independent unit, in a form where the estimate is replicate 0.

`weights` are bootstrap counts [1 + R, N]: row 0 is all ones, row r counts how often image n was
drawn. Any statistic computed along that axis gives its estimate and its replicates together,
selections on validation included. The same (task, split) has the same weights in every mode and
seed, so that differences between modes are paired.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from tangent_bench.seeds import generator

Accuracy = TypeVar("Accuracy", float, np.ndarray)


def weights(blocks_N: np.ndarray, replicates: int, *names: object) -> np.ndarray:
    """Bootstrap counts, float32 [1 + replicates, N].

    Whole blocks are drawn with replacement (overlapping crops belong together).

    Args:
        blocks_N: the block of each image.
        replicates: R.
        names: by which they are drawn.

    Raises:
        ValueError: no images.
    """
    if len(blocks_N) == 0:
        raise ValueError(f"No images to resample for {' '.join(map(str, names))}; check the split.")
    units, index_N = np.unique(blocks_N, return_inverse=True)
    rng = generator("bootstrap", *names)
    counts = rng.multinomial(len(units), np.full(len(units), 1.0 / len(units)), size=replicates)
    estimate_1N = np.ones((1, len(blocks_N)), np.float32)
    return np.concatenate([estimate_1N, counts[:, index_N].astype(np.float32)])


def accuracy(correct_PN: np.ndarray, weights_RN: np.ndarray) -> np.ndarray:
    """Weighted share of correct predictions for each point and replicate, float64 [R, P]."""
    # Counts are small integers: float32 sums are exact below 2**24.
    hits_RP = weights_RN @ correct_PN.T.astype(np.float32)
    return hits_RP.astype(np.float64) / weights_RN.sum(1, dtype=np.float64)[:, None]


def mean(values_PN: np.ndarray, weights_RN: np.ndarray) -> np.ndarray:
    """Weighted mean over the images for each point and replicate, float64 [R, P]."""
    counts_RN = weights_RN.astype(np.float64)
    return counts_RN @ values_PN.T / counts_RN.sum(1)[:, None]


def interval(replicates_R: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval from replicates 1...; replicate 0 is the estimate."""
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(replicates_R[1:], [tail, 1.0 - tail])
    return float(low), float(high)


def nonlinear_advantage(nonlinear: Accuracy, linear: Accuracy, num_classes: int) -> Accuracy:
    """(acc_nonlinear − acc_linear) · C / (C − 1), C classes: 1 is from chance to perfect.

    Ortiz-Jimenez et al. 2023, §3.
    """
    return (nonlinear - linear) * num_classes / (num_classes - 1)
