"""Contrast, brightness and noise of a whole split, in integers."""

from __future__ import annotations

import numpy as np


def jitter(
    images_NHWC: np.ndarray,
    rng: np.random.Generator,
    contrast: tuple[int, int],
    brightness: int,
    noise: int,
) -> np.ndarray:
    """Images with their own contrast, brightness and noise each, uint8 of the same shape.

    out = (in − 128) · c / 64 + 128 + b + n, clipped to [0, 255]

    Args:
        images_NHWC: uint8.
        rng: where the draws come from.
        contrast: bounds of c, in 64ths; (64, 64) leaves it alone.
        brightness: b is uniform in [−brightness, brightness], in grey levels.
        noise: n is uniform in [−noise, noise] for each pixel and channel, in grey levels.
    """
    per_image = (len(images_NHWC), 1, 1, 1)
    c = rng.integers(contrast[0], contrast[1] + 1, per_image, dtype=np.int16)
    b = rng.integers(-brightness, brightness + 1, per_image, dtype=np.int16)
    out = (images_NHWC.astype(np.int16) - 128) * c
    out >>= 6
    out += 128 + b
    if noise:
        out += rng.integers(-noise, noise + 1, images_NHWC.shape, dtype=np.int16)
    return np.clip(out, 0, 255).astype(np.uint8)
