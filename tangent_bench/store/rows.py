"""Result rows: one measured number each, with all its coordinates, in one tidy CSV schema.

Row vocabulary (used by every experiment and every figure):
  training     none | standard | linear | ...   how the vector was made
  evaluation   network | tangent | none         what it was put into (none: nothing was evaluated)
  sources      tasks whose vectors were used, joined by "+"; "" for none; "each" where a mean runs
               over single vectors
  task         task that was evaluated; "all" for the mean over tasks; "own" where each vector met
               its own task
  coefficient  what multiplies the vector (negative in negation), or the first of two, the second of
               which coefficient2 multiplies; empty where it has no meaning
  metric       accuracy, normalized_accuracy, recovered_gain, ...; "_tuned" = at the coefficient
               selected on validation
  low, high    95 % interval (empty if none), num_samples the number of images behind the value
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from tangent_bench.store.artefacts import DamagedFile, write_text

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Row:
    """One number; accuracies are fractions, and `coefficient` is None where it has no meaning."""

    experiment: str
    model: str
    init: str
    training: str
    evaluation: str
    sources: str
    task: str
    split: str
    seed: int
    metric: str
    value: float
    num_samples: int
    coefficient: float | None = None
    coefficient2: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    params_id: str = ""
    protocol: str = "own"
    schema_version: int = SCHEMA_VERSION


COLUMNS = (
    "schema_version",
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
    "value",
    "low",
    "high",
    "num_samples",
)
assert set(COLUMNS) == {f.name for f in fields(Row)}
KEY = [c for c in COLUMNS if c not in ("value", "low", "high", "num_samples")]
_NUMBERS = ["coefficient", "coefficient2", "value", "low", "high"]
_INTEGERS = ["schema_version", "seed", "num_samples"]
_TEXT = [c for c in COLUMNS if c not in (*_NUMBERS, *_INTEGERS)]
_MARK = "# tangent_bench rows, sha256 of what follows: "


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a data frame with the schema's columns, in order."""
    return check(pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS)))


def check(table: pd.DataFrame) -> pd.DataFrame:
    """The table, typed, if it obeys the schema.

    Raises:
        ValueError: wrong columns or version, a value that is no number, or two rows with the same
            coordinates.
    """
    if list(table.columns) != list(COLUMNS):
        odd = sorted(set(table.columns) ^ set(COLUMNS))
        raise ValueError(
            f"Rows have other columns than schema {SCHEMA_VERSION}: {odd or 'order'}; expected "
            f"{list(COLUMNS)}."
        )
    try:
        table = _typed(table)
    except (ValueError, TypeError) as error:
        raise ValueError(f"Rows hold something that is no number ({error}).") from None
    versions = set(table["schema_version"])
    if versions - {SCHEMA_VERSION}:
        raise ValueError(
            f"Rows of schema {versions}, expected {SCHEMA_VERSION}; rebuild them with this version."
        )
    num_empty = int(table["value"].isna().to_numpy().sum())
    if num_empty:
        raise ValueError(f"{num_empty} rows have no value; a measurement failed without saying so.")
    twice = table.loc[table.duplicated(KEY), KEY]
    if len(twice):
        raise ValueError(f"Two rows have the same coordinates: {twice.iloc[0].to_dict()}.")
    return table


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with columns of text, floats and integers."""
    typed = {name: table[name].fillna("").astype(str) for name in _TEXT}
    typed |= {name: _numeric(table, name).astype(float) for name in _NUMBERS}
    typed |= {name: _numeric(table, name).astype("int64") for name in _INTEGERS}
    return table.assign(**typed)


def _numeric(table: pd.DataFrame, name: str) -> pd.Series:
    column = pd.to_numeric(table[name])
    assert isinstance(column, pd.Series)
    return column


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write rows as CSV (floats so that they read back exactly) under a line with their digest."""
    body = check(table).to_csv(index=False, lineterminator="\n")
    write_text(path, f"{_MARK}{hashlib.sha256(body.encode()).hexdigest()}\n{body}")


def read(path: str | Path) -> pd.DataFrame:
    """Rows of a file that `write` made.

    Raises:
        ValueError: no such file, or no rows file.
        DamagedFile: its content does not match its digest.
    """
    if not Path(path).is_file():
        raise ValueError(
            f"Missing file {path}: result rows were expected there; run the same command again to "
            "build them."
        )
    first, _, body = Path(path).read_bytes().partition(b"\n")
    if not first.startswith(_MARK.encode()):
        raise ValueError(
            f"{path} is no rows file of tangent_bench: its first line must hold its sha256."
        )
    if hashlib.sha256(body).hexdigest() != first[len(_MARK) :].decode("ascii", "replace"):
        raise DamagedFile(path, "its content does not match its sha256")
    types: Any = dict.fromkeys(_TEXT, str)  # pandas-stubs name no dict of them
    return check(pd.read_csv(io.BytesIO(body), keep_default_na=False, na_values=[""], dtype=types))
