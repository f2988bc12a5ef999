"""Digest of a split in memory."""

from __future__ import annotations

import hashlib

import numpy as np

from tangent_bench.tasks import Images


def content_digest(images: Images) -> str:
    """Hexadecimal SHA-256 of the bytes of the images, then of the labels as little-endian int64."""
    digest = hashlib.sha256(np.ascontiguousarray(images.images, dtype=np.uint8).tobytes())
    digest.update(np.ascontiguousarray(images.labels, dtype="<i8").tobytes())
    return digest.hexdigest()
