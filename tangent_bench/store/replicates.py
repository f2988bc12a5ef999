"""Replicates of rows: what their intervals were made of, in a small file beside `rows.csv`.

An interval says how far a number may be off, and nothing of which images were easy or hard. The
error of a difference of two rows, or of a mean over seeds, depends on whether they went up and down
together when the same images were drawn again: that only their replicates say. The value of a row
stands in the row; the file holds how far its replicates lie from it, in half precision.

A table of rows carries its replicates (`attach`): pandas hands them on to what is selected from it.

Shapes: R bootstrap replicates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from tangent_bench.store import artefacts

if TYPE_CHECKING:
    import pandas as pd

KIND = "replicates"
FILE = "replicates.safetensors"
SIDECAR = "rows/"  # begins the names in the sidecars of outcomes
UNITS = "num_units"  # the fact of both kinds of files: name → independent units
# The coordinates of a row, `rows.KEY` without the version, which is imported with pandas.
COORDINATES = (
    "experiment",
    "model",
    "init",
    "protocol",
    "training",
    "evaluation",
    "method",
    "params_id",
    "sources",
    "task",
    "split",
    "seed",
    "coefficient",
    "coefficient2",
    "metric",
)
NUMBERS = ("coefficient", "coefficient2")


@dataclass(frozen=True, eq=False)
class RowReplicates:
    """The replicates of rows, by the names of these (`name`).

    Attributes:
        deviations: name → replicates less the value, [R].
        num_units: name → independent units that were resampled, the fewest of any task.
    """

    deviations: Mapping[str, np.ndarray]
    num_units: Mapping[str, int]

    def __contains__(self, name: str) -> bool:
        return name in self.deviations

    def __deepcopy__(self, memo: object) -> RowReplicates:
        return self  # pandas copies what a table carries at every selection

    def around(self, name: str, value: float) -> np.ndarray:
        """Returns a row's value, followed by its replicates, float64 [1 + R]."""
        return value + np.concatenate([[0.0], self.deviations[name].astype(np.float64)])


NONE = RowReplicates({}, {})


def name(coordinates: Mapping[str, Any]) -> str:
    """Returns the name of a row: its coordinates as text, joined by "|".

    Args:
        coordinates: a row's columns; further ones are passed over.
    """
    parts = []
    for column in COORDINATES:
        plain = text(column, coordinates[column])
        parts.append(plain.replace("%", "%25").replace("|", "%7C"))
    return "|".join(parts)


def coordinates(name: str) -> dict[str, str]:
    """Returns the coordinates in a row's name, as text."""
    return dict(zip(COORDINATES, map(unquote, name.split("|")), strict=True))


def text(column: str, value: Any) -> str:
    """Returns a coordinate as text; where there is none (None, NaN), "".

    >>> text("coefficient", 1), text("coefficient", None), text("seed", 1)
    ('1.0', '', '1')
    """
    if value is None or value != value:
        return ""
    return str(float(value)) if column in NUMBERS else str(value)


def of_sidecar(path: str | Path) -> RowReplicates:
    """Reads those that a job of an experiment left.

    Raises:
        ValueError: no such file, or a damaged one.
    """
    tensors, about = artefacts.load(path, "outcome")
    deviations = {}
    for key, values in tensors.items():
        if key.startswith(SIDECAR):
            deviations[key.removeprefix(SIDECAR)] = values
    return RowReplicates(deviations, about.get(UNITS, {}))


def half(values: np.ndarray) -> np.ndarray:
    """Returns deviations in half precision: three digits, whatever their size."""
    limit = float(np.finfo(np.float16).max)
    return np.clip(values, -limit, limit).astype(np.float16)


def save(path: str | Path, kept: RowReplicates) -> None:
    """Writes replicates."""
    artefacts.save(path, KIND, dict(kept.deviations), **{UNITS: dict(kept.num_units)})


def load(path: str | Path) -> RowReplicates:
    """Reads a file that `save` wrote.

    Raises:
        ValueError: no such file, or a damaged one.
    """
    tensors, about = artefacts.load(path, KIND)
    return RowReplicates(tensors, about[UNITS])


def together(parts: Mapping[str, RowReplicates]) -> RowReplicates:
    """Returns the replicates of several presets; those of a row in two of them are taken once.

    Raises:
        ValueError: two presets have different replicates of one row.
    """
    deviations: dict[str, np.ndarray] = {}
    num_units: dict[str, int] = {}
    for preset, part in parts.items():
        for key, values in part.deviations.items():
            if not np.array_equal(deviations.setdefault(key, values), values, equal_nan=True):
                raise ValueError(
                    f"Preset {preset!r} has other replicates of the row {key} than a preset before "
                    "it: build both again with the same code and settings, or let one of them "
                    "leave the experiment out."
                )
        num_units |= part.num_units
    return RowReplicates(deviations, num_units)


def attach(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Returns the table of rows with the replicates of a file.

    Raises:
        ValueError: no such file, or a damaged one.
    """
    if not Path(path).is_file():
        raise ValueError(
            f"There is no {path}, which claims and intervals over seeds stand on: run the preset "
            "again, which gathers it from the outcomes of its experiments."
        )
    return carrying(table, load(path))


def carrying(table: pd.DataFrame, kept: RowReplicates) -> pd.DataFrame:
    """Returns the table of rows with these replicates."""
    table = table.copy()
    table.attrs[KIND] = kept
    return table


def of(table: pd.DataFrame) -> RowReplicates | None:
    """Returns the replicates that a table of rows carries, if it carries any."""
    return table.attrs.get(KIND)
