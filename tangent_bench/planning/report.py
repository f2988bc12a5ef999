"""What a run will cost, before money is spent: `tangent-bench plan --preset paper`.

Jobs are those of Snakemake's own dry run with everything forced (`planning.jobs`): a plan is of a
run from nothing, and no data need be there. A job costs

    seconds = Σ_units amount × seconds of a unit

where amounts follow from the config (`planning.work`, and `cost` of each experiment: steps × batch
images of a fine-tuning, points × images of a grid, (1 + 2 V) passes for V Jacobian products, one
start, ...) and the seconds of a unit are measured on this machine, in about a minute
(`planning.costs`). Disk is what the jobs leave. Memory is what a job asks for, and beside it the
largest peak in the records of a run that is there.

    --against results/tiny   predicted beside measured seconds of a finished run, kind by kind; exit
                             status 1 if the totals are more than 25 % apart

Seconds are those inside the jobs, without the start of Python, as in "Where the time went"
(`times`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tangent_bench import registry
from tangent_bench.planning import costs, estimate, jobs, records, resources, sizes
from tangent_bench.planning.estimate import KindCost, PlannedJob
from tangent_bench.planning.records import Compared
from tangent_bench.planning.work import Workload
from tangent_bench.report.text_table import aligned

TOLERANCE = 0.25  # of predicted against measured seconds
NOT_COUNTED = (
    "Not counted: downloads, queueing, jobs that are run again, the states of fine-tunings under "
    "way."
)


def table(kinds: Sequence[KindCost]) -> str:
    """The plan as text."""
    head = ["", "Jobs", "Images", "Hours", "GPU-hours", "Disk (GB)", "Memory (GB)"]
    lines = [
        [
            kind.name,
            f"{kind.jobs:,}",
            f"{kind.images:,}",
            _short(kind.hours),
            _short(kind.gpu_hours),
            _short(kind.disk / 1e9),
            _short(kind.memory_mb / 1e3),
        ]
        for kind in kinds
    ]
    if any(kind.peak_bytes for kind in kinds):
        head.append("Peak (GB)")
        for kind, line in zip(kinds, lines, strict=True):
            line.append(_short((kind.peak_bytes or 0.0) / 1e9))
    return "\n".join(aligned([head, *lines], numbers=True))


def comparison(kinds: Sequence[Compared]) -> str:
    """Predicted beside measured as text."""
    head = ["", "Jobs", "Predicted (s)", "Measured (s)", "Off by (%)"]
    lines = [
        [
            kind.name,
            f"{kind.jobs:,}",
            _short(kind.predicted),
            _short(kind.measured),
            f"{100 * kind.deviation:+.0f}",
        ]
        for kind in kinds
    ]
    return "\n".join(aligned([head, *lines], numbers=True))


def _short(value: float) -> str:
    """Three digits, or a dash for nothing.

    >>> _short(0), _short(1234.5), _short(12.345), _short(1.2345)
    ('–', '1,234', '12.3', '1.23')
    """
    if value == 0:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def notes(plan: Sequence[PlannedJob], config: Mapping, assumed: bool) -> list[str]:
    """What the numbers stand on.

    Args:
        plan: every job with what it will take.
        config: the complete config.
        assumed: whether a GPU that is not there was assumed.
    """
    lines = [f"Stands on: {_basis(config, assumed)}{_selected(config)}.", NOT_COUNTED]
    unknown = sorted({job.kind for job in plan if not job.work.known})
    if unknown:
        lines.append(
            f"Of these only the start is counted, they have no formula: {', '.join(unknown)}."
        )
    long = ", ".join(
        f"{kind} {job.seconds / 3600:.1f} h of {job.job.minutes / 60:.1f} h"
        for kind, job in estimate.too_long(plan).items()
    )
    if long:
        lines.append(
            "Longer than the time that they ask for (`tangent_bench/planning/resources.py`): "
            f"{long}."
        )
    return lines


def _basis(config: Mapping, assumed: bool) -> str:
    if assumed:
        teraflops = f"{resources.GPU_GFLOP_PER_SECOND / 1e3:g} TFLOP/s of float32"
        return f"no GPU here, so {teraflops} for networks are assumed"
    where = "one core a job" if config["device"] == "cpu" else "its GPU"
    return f"seconds of a unit measured here, on {where}"


def _selected(config: Mapping) -> str:
    """The numbers of coefficients that are assumed to be selected on validation."""
    contracts = {
        name: registry.load("experiments", name).EXPERIMENT for name in config["experiments"]
    }
    assumed = [
        f"{contract.selected_on_test} ({name.replace('_', ' ')})"
        for name, contract in contracts.items()
        if contract.selected_on_test
    ]
    return f"; {' and '.join(assumed)} selected coefficients looked at on test" if assumed else ""


def report(files: Sequence[str | Path], num_tasks: int = 20, num_seeds: int = 10) -> dict:
    """The plan of a config, as numbers.

    Its kinds of jobs, a larger run of so many tasks and seeds, seconds of the units, and notes.

    Args:
        files: what the run reads beside config/default.yaml.
        num_tasks: of the larger run.
        num_seeds: of the larger run.

    Raises:
        ValueError: the config is wrong, a size is not known, or a record is damaged.
    """
    plan = _planned(files)
    taken = records.read(Path(plan.config["results"]), plan.jobs, plan.config["results"])
    peaks = {log: record.peak_bytes for log, record in taken.items()}
    larger_run = jobs.of_larger_dag(files, plan.config, num_tasks, num_seeds)
    return {
        "preset": plan.config["preset"],
        "kinds": [asdict(kind) for kind in estimate.kinds(plan.jobs, peaks)],
        "larger": asdict(estimate.larger(larger_run, plan.load, plan.costs)),
        "units": [
            {"unit": name, "model": model, "seconds": seconds}
            for (name, model), seconds in sorted(plan.costs.items())
        ],
        "notes": notes(plan.jobs, plan.config, plan.costs.assumed),
    }


def text(numbers: Mapping) -> str:
    """A report as text."""
    kinds = [KindCost(**kind) for kind in (*numbers["kinds"], numbers["larger"])]
    return "\n".join([f"Preset {numbers['preset']}\n", table(kinds), "", *numbers["notes"]])


def against(files: Sequence[str | Path], folder: Path) -> list[Compared]:
    """Predicted beside measured seconds of a finished run, kind by kind, and of all its jobs.

    Args:
        files: what the run reads beside config/default.yaml.
        folder: its results.

    Raises:
        ValueError: as `report`, or no job has a record there.
    """
    plan = _planned(files)
    taken = records.read(folder, plan.jobs, plan.config["results"])
    return records.compare(plan.jobs, taken)


@dataclass(frozen=True)
class _Plan:
    config: dict
    load: Workload
    costs: costs.Costs
    jobs: list[PlannedJob]


def _planned(files: Sequence[str | Path]) -> _Plan:
    config = jobs.read_config(files)
    of_run = jobs.of_dag(files)
    device = "cpu" if costs.gpu_is_missing(config) else config["device"]
    load = Workload(config, sizes.of_tasks(config), sizes.of_models(config, device))
    seconds = costs.Costs(config, load.models)
    return _Plan(config, load, seconds, estimate.planned(of_run, load, seconds))
