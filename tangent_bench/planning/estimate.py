"""From jobs to what they cost together, by kind; and the same for a run of another size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tangent_bench.planning.jobs import Job, LargerRun
from tangent_bench.planning.units import Unit, Work
from tangent_bench.planning.work import Workload
from tangent_bench.report import times


@dataclass(frozen=True)
class PlannedJob:
    """A job with its work and its seconds."""

    job: Job
    work: Work
    seconds: float

    @property
    def kind(self) -> str:
        """As "Where the time went" names it."""
        return times.kind_of({"rule": self.job.rule, "wildcards": self.job.wildcards})


@dataclass
class KindCost:
    """Jobs of one kind together, or all of them.

    Attributes:
        name: of the kind.
        jobs: their number.
        images: that pass a network, again at every point of weight space.
        passes: forward passes of the image tower that they come to.
        hours: of all jobs.
        gpu_hours: of those that hold a GPU.
        disk: bytes that they leave.
        memory_mb: the most that one of them asks for.
        peak_bytes: the most that one of them was seen to take; None without records.
    """

    name: str
    jobs: int = 0
    images: int = 0
    passes: float = 0.0
    hours: float = 0.0
    gpu_hours: float = 0.0
    disk: int = 0
    memory_mb: int = 0
    peak_bytes: float | None = None

    def take(self, entry: PlannedJob, peak_bytes: float | None = None) -> None:
        """Adds a job, with the peak of its memory where there is a record."""
        self.jobs += 1
        self.images += entry.work.images
        self.passes += entry.work.passes
        self.hours += entry.seconds / 3600
        if entry.job.gpus:
            self.gpu_hours += entry.seconds / 3600
        self.disk += entry.work.disk
        self.memory_mb = max(self.memory_mb, entry.job.memory_mb)
        self.peak_bytes = max(filter(None, (self.peak_bytes, peak_bytes)), default=None)


def planned(jobs: Iterable[Job], load: Workload, costs: Mapping[Unit, float]) -> list[PlannedJob]:
    """Every job with what it costs: Σ amount × seconds of a unit."""
    works = [(job, load.of(job)) for job in jobs]
    units = {unit for _, work in works for unit in work.units}
    # Model by model, since one that is measured may fill the memory.
    seconds = {unit: costs[unit] for unit in sorted(units, key=lambda unit: unit[::-1])}
    return [
        PlannedJob(job, work, sum(amount * seconds[unit] for unit, amount in work.units.items()))
        for job, work in works
    ]


def kinds(plan: Iterable[PlannedJob], peaks: Mapping[str, float] | None = None) -> list[KindCost]:
    """Kinds of jobs, the most expensive first, and all of them.

    Args:
        plan: every job with what it will take.
        peaks: log of a job → bytes of its peak memory, where there is a record.
    """
    by_name: dict[str, KindCost] = {}
    total = KindCost("all")
    for entry in plan:
        peak_bytes = (peaks or {}).get(entry.job.log)
        by_name.setdefault(entry.kind, KindCost(entry.kind)).take(entry, peak_bytes)
        total.take(entry, peak_bytes)
    return [*sorted(by_name.values(), key=lambda kind: -kind.hours), total]


def larger(run: LargerRun, load: Workload, costs: Mapping[Unit, float]) -> KindCost:
    """All jobs of a run of another size, together.

    Args:
        run: its config and jobs.
        load: of the first run, whose sizes the copies of its tasks have.
        costs: seconds of a unit.
    """
    sizes = {task: load.tasks[original] for task, original in run.originals.items()}
    of_run = Workload(run.config, load.tasks | sizes, load.models)
    num_tasks = len(run.config["tasks"])
    num_seeds = len(run.config["seeds"])
    total = KindCost(f"with {num_tasks} tasks × {num_seeds} seeds")
    for entry in planned(run.jobs, of_run, costs):
        total.take(entry)
    return total


def too_long(plan: Iterable[PlannedJob]) -> dict[str, PlannedJob]:
    """KindCost → its longest job, where that takes longer than it asks for."""
    by_length = sorted(plan, key=lambda entry: entry.seconds)
    return {entry.kind: entry for entry in by_length if 0 < 60 * entry.job.minutes < entry.seconds}
