"""Marks that would cover one another, moved apart by as little as possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(values: Sequence[float] | np.ndarray, least: float) -> np.ndarray:
    """Returns places near the values, of which no two are closer than `least`.

    In the order of the values (equal ones in the order that they are given in),

        minimise  Σ (place − value)²   with   place_{k+1} − place_k ≥ least.

    Less k · least, places never fall and values are fitted by their means: isotonic regression,
    here by pooling neighbours that fall.

    >>> spread([0.2, 0.2, 0.8], 0.1)
    array([0.15, 0.25, 0.8 ])

    Args:
        values: [N], in any order.
        least: the distance.

    Reference: Barlow, Bartholomew, Bremner, Brunk 1972, Statistical Inference under Order
    Restrictions, §1.2.
    """
    values_N = np.asarray(values, dtype=float)
    order_N = np.argsort(values_N, kind="stable")
    steps_N = least * np.arange(len(values_N))
    pools: list[list[float]] = []  # of neighbours with one place: their values
    for value in values_N[order_N] - steps_N:
        pools.append([float(value)])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    places_N = np.empty_like(values_N)
    means = [np.full(len(pool), np.mean(pool)) for pool in pools]
    places_N[order_N] = np.concatenate([np.empty(0), *means]) + steps_N
    return places_N
