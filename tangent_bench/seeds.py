"""Seeds are hashes of names: no two streams share one, and none depends on the work's order."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(*names: object) -> int:
    """A 63-bit seed from the names that identify a stream of random numbers.

    >>> derive("finetune", "mnist", 0) == derive("finetune", "mnist", 0)
    True
    >>> derive("finetune", "mnist", 0) == derive("finetune", "mnist", 1)
    False
    """
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*names: object) -> np.random.Generator:
    """A NumPy generator (PCG64) for the stream that `names` identify."""
    return np.random.Generator(np.random.PCG64(derive(*names)))
