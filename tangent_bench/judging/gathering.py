"""Which rows' replicates a results folder keeps in one file: those that claims and tables stand on.

The outcomes of an experiment hold the replicates of all means over tasks on test images
(`experiments/_studies.py`); here is chosen what intervals over seeds are asked of. Those of the
theory of wide networks are over initialisations, not over images, so that it has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from tangent_bench.judging.claims import CLAIMS
from tangent_bench.store import replicates
from tangent_bench.store.replicates import RowReplicates

# Coordinates of the rows that Tables 1 and 2, the overview and the table of single tasks print.
SHOWN: tuple[Mapping[str, object], ...] = (
    {"experiment": "single_task", "metric": "accuracy"},
    {"experiment": "task_addition", "metric": "accuracy_tuned"},
    {"experiment": "task_addition", "metric": "normalized_accuracy_tuned"},
    {"experiment": "task_addition", "metric": "recovered_gain_tuned"},
    {"experiment": "task_negation", "metric": "accuracy_tuned"},
)
OF_ANY_MODE = ("training", "evaluation")


def gather(sidecars: Iterable[str | Path]) -> RowReplicates:
    """Returns the replicates that claims and tables stand on, in half precision.

    Args:
        sidecars: of outcomes.

    Raises:
        ValueError: a file is missing or damaged.
    """
    deviations: dict[str, np.ndarray] = {}
    num_units: dict[str, int] = {}
    for path in sidecars:
        left = replicates.of_sidecar(path)
        for name in filter(is_asked, left.deviations):
            deviations[name] = replicates.half(left.deviations[name])
            num_units[name] = left.num_units[name]
    return RowReplicates(deviations, num_units)


def is_asked(name: str) -> bool:
    """Whether a claim or a table stands on the row of this name."""
    row = set(replicates.coordinates(name).items())
    return any(pattern <= row for pattern in _patterns())


@cache
def _patterns() -> list[set[tuple[str, str]]]:
    """Returns coordinates, each of which a row may have to be asked for."""
    patterns = []
    for coordinates in [*SHOWN, *(claim.rows for claim in CLAIMS)]:
        pattern = set()
        for column, value in coordinates.items():
            if column not in OF_ANY_MODE:
                pattern.add((column, replicates.text(column, value)))
        patterns.append(pattern)
    return patterns
