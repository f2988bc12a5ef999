"""Where the time of a run went, from the jobs' records: `logs/**/*.json` of a results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench.figures._cells import Cell, cells
from tangent_bench.jobs import provenance

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Where the time went"
NOTE = (
    "Seconds are wall-clock time inside the jobs, without the start of Python. Jobs run side by "
    "side, so the run took less time than their sum. Peak memory is that of one process."
)
SHARED = ("draw_figure", "make_table")  # each figure and table has a rule of its own


@dataclass(frozen=True)
class JobKind:
    """The jobs of one kind.

    Attributes:
        name: the rule, with the wildcards that set the cost.
        jobs: the number of jobs.
        seconds: the sum of their times.
        longest: the longest time, in seconds.
        peak: the largest peak memory, in bytes.
    """

    name: str
    jobs: int
    seconds: float
    longest: float
    peak: int


def records(folder: Path) -> list[dict]:
    """The records of all jobs of a results folder, in the order of their paths.

    Raises:
        ValueError: there are no records, or one of them is damaged.
    """
    paths = sorted((folder / "logs").rglob("*.json"))
    if not paths:
        raise ValueError(f"{folder / 'logs'} holds no records of jobs; run the preset first.")
    return list(map(_record, paths))


def _record(path: Path) -> dict:
    try:
        record = provenance.read_record(path)
        _require_fields(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not the record of a job ({error}); delete it, and the next run goes "
            "without."
        ) from None
    return record


def _require_fields(record: Mapping) -> None:
    """Raises an error if a field that this module reads is missing or of another type."""
    kind_of(record)
    float(record["seconds"])
    int(record["peak_memory_bytes"])


def read(folder: Path) -> list[JobKind]:
    """Kinds of jobs, the most expensive first.

    Raises:
        ValueError: as `records`.
    """
    by_kind: dict[str, list[Mapping]] = {}
    for record in records(folder):
        by_kind.setdefault(kind_of(record), []).append(record)
    kinds = starmap(_sum, by_kind.items())
    return sorted(kinds, key=lambda kind: -kind.seconds)


def kind_of(record: Mapping) -> str:
    """The rule, with the wildcards that tell its cheap jobs from its expensive ones."""
    wildcards = record["wildcards"]
    mode = wildcards.get("mode", "")
    variant = mode.rpartition("-")[2] if mode else wildcards.get("training", "")
    parts = [wildcards.get("experiment", ""), variant]
    details = ", ".join(part for part in parts if part and part != "none").replace("_", " ")
    rule = _shared_rule(record["rule"]).replace("_", " ")
    return f"{rule} ({details})" if details else rule


def _shared_rule(rule: str) -> str:
    """One name for the rules that differ only in their figure or table."""
    return next((shared for shared in SHARED if rule.startswith(shared)), rule)


def _sum(name: str, group: Sequence[Mapping]) -> JobKind:
    seconds = [float(record["seconds"]) for record in group]
    peaks = [record["peak_memory_bytes"] for record in group]
    return JobKind(name, len(group), sum(seconds), max(seconds), max(peaks))


def build(kinds: Sequence[JobKind]) -> pd.DataFrame:
    """Cells of the table: a row for each kind of job, and a last one for all jobs."""
    total = JobKind(
        name="all",
        jobs=sum(kind.jobs for kind in kinds),
        seconds=sum(kind.seconds for kind in kinds),
        longest=max(map(attrgetter("longest"), kinds)),
        peak=max(map(attrgetter("peak"), kinds)),
    )
    items = []
    for kind in [*kinds, total]:
        items += _line(kind, total.seconds)
    return cells(items)


def _line(kind: JobKind, total: float) -> list[Cell]:
    texts = {
        "Jobs": f"{kind.jobs:,}",
        "Seconds": f"{kind.seconds:,.0f}",
        "Share (%)": f"{100 * kind.seconds / total:.1f}",
        "Longest (s)": f"{kind.longest:,.0f}",
        "Peak memory (GB)": f"{kind.peak / 1e9:.2f}",
    }
    return [Cell(kind.name, "", column, unit="text", text=text) for column, text in texts.items()]
