"""Contrast, brightness, noise and sharpness of drawn images."""

from __future__ import annotations

import numpy as np
from PIL import Image


def jitter(
    images_NHWC: np.ndarray,
    rng: np.random.Generator,
    contrast: tuple[int, int],
    brightness: int,
    noise: int,
) -> np.ndarray:
    """Images, each with a contrast, brightness and noise of its own, uint8 of the same shape.

    All arithmetic is in integers.

    out = (in − 128) · c / 64 + 128 + b + n, clipped to [0, 255]

    Args:
        images_NHWC: uint8.
        rng: source of the draws.
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


def blurred(scene: Image.Image, rng: np.random.Generator, least: int, side: int) -> np.ndarray:
    """A `scene` as seen from afar or out of focus, `side` pixels wide.

    `rng` draws how many pixels along a side are seen, from `least` to `side`.
    """
    seen = int(rng.integers(least, side + 1))
    small = scene.resize((seen, seen), Image.Resampling.BOX)
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))
