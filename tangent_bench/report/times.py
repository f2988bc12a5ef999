"""Where the time of a run went, from the records that its jobs left: `logs/**/*.json` of a results folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench.figures._cells import Cell, cells
from tangent_bench.jobs import provenance

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Where the time went"
NOTE = (
    "Seconds by the clock inside the jobs, without the start of Python; jobs run side by side, so the run took less "
    "than their sum. Peak memory is that of one process."
)
SHARED = "draw_figure", "make_table"  # there is a rule for each figure and table


@dataclass(frozen=True)
class Kind:
    """Jobs of one kind: how many, their seconds, the longest of them, and the largest peak memory in bytes."""

    name: str
    jobs: int
    seconds: float
    longest: float
    peak: int


def records(folder: Path) -> list[dict]:
    """What every job of a results folder left, in the order of their paths.

    Raises:
        ValueError: there are no records, or one of them is damaged.
    """
    found = []
    for path in sorted((folder / "logs").rglob("*.json")):
        try:
            record = provenance.read_record(path)
            kind_of(record), float(record["seconds"]), int(record["peak_memory_bytes"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is no record of a job ({error}); delete it and the next run does without."
            ) from None
        found.append(record)
    if not found:
        raise ValueError(f"{folder / 'logs'} holds no records of jobs; run the preset first.")
    return found


def read(folder: Path) -> list[Kind]:
    """Kinds of jobs, the most expensive first.

    Raises:
        ValueError: as `records`.
    """
    found: dict[str, list[Mapping]] = {}
    for record in records(folder):
        found.setdefault(kind_of(record), []).append(record)
    kinds = [_sum(name, records) for name, records in found.items()]
    return sorted(kinds, key=lambda kind: -kind.seconds)


def kind_of(record: Mapping) -> str:
    """The rule, with what tells cheap jobs of it from expensive ones."""
    wildcards = record["wildcards"]
    mode = wildcards.get("mode", "")
    parts = [
        wildcards.get("experiment", ""),
        mode.rpartition("-")[2] if mode else wildcards.get("training", ""),
    ]
    details = ", ".join(part for part in parts if part and part != "none")
    rule = next(
        (shared for shared in SHARED if record["rule"].startswith(shared)), record["rule"]
    ).replace("_", " ")
    return f"{rule} ({details.replace('_', ' ')})" if details else rule


def _sum(name: str, records: list[Mapping]) -> Kind:
    seconds = [float(record["seconds"]) for record in records]
    return Kind(
        name, len(records), sum(seconds), max(seconds), max(r["peak_memory_bytes"] for r in records)
    )


def build(kinds: list[Kind]) -> pd.DataFrame:
    """Cells of the table: a row for each kind of job, and one for all."""
    total = sum(kind.seconds for kind in kinds)
    whole = Kind(
        "all",
        sum(k.jobs for k in kinds),
        total,
        max(k.longest for k in kinds),
        max(k.peak for k in kinds),
    )
    return cells(cell for kind in [*kinds, whole] for cell in _line(kind, total))


def _line(kind: Kind, total: float) -> list[Cell]:
    texts = {
        "Jobs": f"{kind.jobs:,}",
        "Seconds": f"{kind.seconds:,.0f}",
        "Share (%)": f"{100 * kind.seconds / total:.1f}",
        "Longest (s)": f"{kind.longest:,.0f}",
        "Peak memory (GB)": f"{kind.peak / 1e9:.2f}",
    }
    return [Cell(kind.name, "", column, unit="text", text=text) for column, text in texts.items()]
