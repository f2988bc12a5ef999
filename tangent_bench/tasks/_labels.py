"""Labels of a drawn split."""

from __future__ import annotations

import numpy as np


def balanced_labels(num_images: int, num_classes: int, rng: np.random.Generator) -> np.ndarray:
    """labels_N int64 in an order by `rng`, each class equally often (within one).

    >>> sorted(balanced_labels(5, 2, np.random.Generator(np.random.PCG64(0))).tolist())
    [0, 0, 0, 1, 1]
    """
    return rng.permutation(np.arange(num_images, dtype=np.int64) % num_classes)
