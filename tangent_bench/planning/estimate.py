"""From jobs to what they cost together, by kind; and the same for a run of another size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tangent_bench.planning import jobs
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.work import Unit, Work, Workload
from tangent_bench.report import times


@dataclass(frozen=True)
class Planned:
    """A job with its work and its seconds."""

    job: Job
    work: Work
    seconds: float

    @property
    def kind(self) -> str:
        """As "Where the time went" names it."""
        return times.kind_of({"rule": self.job.rule, "wildcards": self.job.wildcards})


@dataclass
class Kind:
    """Jobs of one kind together, or all of them.

    Attributes:
        images: that pass a network, again at every point of weight space.
        passes: forward passes of the image tower that they come to.
        hours: of all jobs; gpu_hours: of those that hold a GPU.
        disk: bytes.
        memory_mb: the most that one of them asks for; peak_bytes: that one was seen to take, None without records.
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

    def take(self, each: Planned, peak: float | None = None) -> None:
        """One more job."""
        self.jobs += 1
        self.images += each.work.images
        self.passes += each.work.passes
        self.hours += each.seconds / 3600
        self.gpu_hours += each.seconds / 3600 if each.job.gpus else 0.0
        self.disk += each.work.disk
        self.memory_mb = max(self.memory_mb, each.job.memory_mb)
        self.peak_bytes = max(filter(None, (self.peak_bytes, peak)), default=None)


def planned(found: Iterable[Job], load: Workload, costs: Mapping[Unit, float]) -> list[Planned]:
    """Every job with what it costs: Σ amount × seconds of a unit."""
    works = [(job, load.of(job)) for job in found]
    # Model by model, since one that is measured may fill the memory.
    units = sorted({unit for _, work in works for unit in work.units}, key=lambda unit: unit[::-1])
    seconds = {unit: costs[unit] for unit in units}
    return [
        Planned(job, work, sum(n * seconds[unit] for unit, n in work.units.items()))
        for job, work in works
    ]


def kinds(plan: Iterable[Planned], peaks: Mapping[str, float] | None = None) -> list[Kind]:
    """Kinds of jobs, the most expensive first, and all of them.

    Args:
        plan: every job with what it will take.
        peaks: log of a job → bytes of its peak memory, where there is a record.
    """
    found: dict[str, Kind] = {}
    total = Kind("all")
    for each in plan:
        for kind in (found.setdefault(each.kind, Kind(each.kind)), total):
            kind.take(each, (peaks or {}).get(each.job.log))
    return [*sorted(found.values(), key=lambda kind: -kind.hours), total]


def larger(load: Workload, num_tasks: int, num_seeds: int) -> Workload:
    """The workload of a run with so many tasks (those of the config again and again) and seeds, all else the same."""
    own = list(load.config["tasks"])
    names = [own[k % len(own)] + "'" * (k // len(own)) for k in range(num_tasks)]
    config = {**load.config, "tasks": names, "seeds": list(range(num_seeds))}
    # Neighbours: pairs that are named would not cover the new tasks.
    config["disentanglement"] = {**config["disentanglement"], "pairs": []}
    return Workload(
        config, load.tasks | {name: load.tasks[name.rstrip("'")] for name in names}, load.models
    )


def grown(
    plan: Sequence[Planned],
    load: Workload,
    costs: Mapping[Unit, float],
    num_tasks: int,
    num_seeds: int,
) -> Kind:
    """All jobs of a run with so many tasks and seeds, together."""
    other = larger(load, num_tasks, num_seeds)
    fixed = [each for each in plan if each.job.rule not in jobs.GROWING]
    total = Kind(f"with {num_tasks} tasks × {num_seeds} seeds")
    for each in [*fixed, *planned(jobs.of_config(other.config), other, costs)]:
        total.take(each)
    total.memory_mb = max(each.job.memory_mb for each in plan)  # it follows from the models
    return total


def too_long(plan: Iterable[Planned]) -> dict[str, Planned]:
    """Kind → its longest job, where that takes longer than it asks for."""
    found = sorted(plan, key=lambda each: each.seconds)
    return {each.kind: each for each in found if 0 < 60 * each.job.minutes < each.seconds}
