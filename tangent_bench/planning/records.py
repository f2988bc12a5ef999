"""A plan beside the records of a run: what its jobs took."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tangent_bench.jobs import provenance
from tangent_bench.planning.estimate import Planned


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


def read(folder: Path, plan: Iterable[Planned], own: str) -> dict[str, Taken]:
    """Log of a job → what it took, for the jobs of a plan whose record lies in a results folder.

    Args:
        folder: results of a finished run.
        plan: jobs of the same config.
        own: the results folder of the config, with which the logs' names begin.

    Raises:
        ValueError: a record is damaged.
    """
    found = {}
    for log in filter(None, (each.job.log for each in plan)):
        path = (folder / os.path.relpath(log, own)).with_suffix(".json")
        if not path.is_file():
            continue
        try:
            record = provenance.read_record(path)
            found[log] = Taken(float(record["seconds"]), float(record["peak_memory_bytes"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is no record of a job ({error}); delete it, and plan again."
            ) from None
    return found


def compare(plan: Sequence[Planned], taken: Mapping[str, Taken]) -> list[Compared]:
    """Predicted and measured seconds of the jobs that have a record, by kind, the most expensive first; and of all.

    Raises:
        ValueError: none of them has one.
    """
    both = [
        (each.kind, each.seconds, taken[each.job.log].seconds)
        for each in plan
        if each.job.log in taken
    ]
    if not both:
        raise ValueError(
            "No job of this config has a record there; name the results folder of a finished run of it."
        )
    found = [
        _sum(name, [each for each in both if each[0] == name])
        for name in {name for name, _, _ in both}
    ]
    return [*sorted(found, key=lambda each: -each.measured), _sum("all", both)]


def _sum(name: str, both: Sequence[tuple[str, float, float]]) -> Compared:
    return Compared(name, len(both), sum(each[1] for each in both), sum(each[2] for each in both))
