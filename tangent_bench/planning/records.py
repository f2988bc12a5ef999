"""A plan beside the records of a run: what its jobs took."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tangent_bench.jobs import provenance
from tangent_bench.planning.estimate import PlannedJob


class Taken(NamedTuple):
    """What a job took, from its record."""

    seconds: float
    peak_bytes: float


@dataclass(frozen=True)
class Compared:
    """Predicted and measured seconds of the jobs of one kind."""

    name: str
    jobs: int
    predicted: float
    measured: float

    @property
    def deviation(self) -> float:
        """Share by which the prediction is above what was measured."""
        return self.predicted / self.measured - 1.0


def read(folder: Path, plan: Iterable[PlannedJob], own: str) -> dict[str, Taken]:
    """Log of a job → what it took, for the jobs of a plan that have a record.

    Args:
        folder: results of a finished run.
        plan: jobs of the same config.
        own: the results folder of the config, with which the logs' names begin.

    Raises:
        ValueError: a record is damaged.
    """
    taken = {}
    for log in filter(None, (entry.job.log for entry in plan)):
        path = (folder / os.path.relpath(log, own)).with_suffix(".json")
        if path.is_file():
            taken[log] = _taken(path)
    return taken


def _taken(path: Path) -> Taken:
    try:
        record = provenance.read_record(path)
        return Taken(float(record["seconds"]), float(record["peak_memory_bytes"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no record of a job ({error}); delete it, and plan again."
        ) from None


def compare(plan: Sequence[PlannedJob], taken: Mapping[str, Taken]) -> list[Compared]:
    """Predicted and measured seconds of the jobs that have a record.

    By kind, the most expensive first; then of all jobs.

    Raises:
        ValueError: no job has a record.
    """
    recorded = [entry for entry in plan if entry.job.log in taken]
    if not recorded:
        raise ValueError(
            "No job of this config has a record there; name the results folder of a finished run "
            "of it."
        )
    by_kind: dict[str, list[PlannedJob]] = {}
    for entry in recorded:
        by_kind.setdefault(entry.kind, []).append(entry)
    kinds = [_sum(name, entries, taken) for name, entries in by_kind.items()]
    return [*sorted(kinds, key=lambda kind: -kind.measured), _sum("all", recorded, taken)]


def _sum(name: str, entries: Sequence[PlannedJob], taken: Mapping[str, Taken]) -> Compared:
    predicted = sum(entry.seconds for entry in entries)
    measured = sum(taken[entry.job.log].seconds for entry in entries)
    return Compared(name, len(entries), predicted, measured)
