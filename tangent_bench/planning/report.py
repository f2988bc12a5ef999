"""What a run will cost, before money is spent: `tangent-bench plan --preset paper`.

Jobs are those of Snakemake's own dry run with everything forced (`planning.jobs`): a plan is of a run from nothing, and
no data need be there. A job costs

    seconds = Σ_units amount × seconds of a unit

where amounts follow from the config (`planning.work`, `planning.experiments`: steps × batch images of a fine-tuning,
points × images of a grid, (1 + 2 V) passes for V Jacobian products, one start, ...) and the seconds of a unit are
measured on this machine, in about a minute (`planning.costs`). Disk is what the jobs leave. Memory is what a job asks
for, and beside it the largest peak in the records of a run that is there.

    --against results/tiny   predicted beside measured seconds of a finished run, kind by kind; exit status 1 if the
                             totals are more than 25 % apart

Seconds are those inside the jobs, without the start of Python, as in "Where the time went" (`times`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tangent_bench.planning import costs, estimate, jobs, records, resources, sizes
from tangent_bench.planning.estimate import Kind, Planned
from tangent_bench.planning.records import Compared
from tangent_bench.planning.work import Workload

TOLERANCE = 0.25  # of predicted against measured seconds
NOT_COUNTED = "Not counted: downloads, queueing, jobs that are run again, the states of fine-tunings under way."


def table(found: Sequence[Kind]) -> str:
    """The plan as text."""
    peaks = ["Peak (GB)"] if any(kind.peak_bytes for kind in found) else []
    lines = [
        [
            kind.name, f"{kind.jobs:,}", f"{kind.images:,}", _short(kind.hours), _short(kind.gpu_hours),
            _short(kind.disk / 1e9), _short(kind.memory_mb / 1e3),
            *[_short((kind.peak_bytes or 0.0) / 1e9)] * len(peaks),
        ]
        for kind in found
    ]  # fmt: skip
    return _aligned(
        ["", "Jobs", "Images", "Hours", "GPU-hours", "Disk (GB)", "Memory (GB)", *peaks], lines
    )


def comparison(found: Sequence[Compared]) -> str:
    """Predicted beside measured as text."""
    lines = [
        [
            each.name,
            f"{each.jobs:,}",
            _short(each.predicted),
            _short(each.measured),
            f"{100 * each.deviation:+.0f}",
        ]
        for each in found
    ]
    return _aligned(["", "Jobs", "Predicted (s)", "Measured (s)", "Off by (%)"], lines)


def _aligned(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in columns, the first of words and the others of numbers."""
    lines = [head, *lines]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    return "\n".join(
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    )


def _short(value: float) -> str:
    """Three digits, or a dash for nothing."""
    return (
        "–"
        if value == 0
        else f"{value:,.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
    )


def notes(plan: Sequence[Planned], config: Mapping, assumed: bool) -> list[str]:
    """What the numbers stand on."""
    from tangent_bench.planning.experiments import SELECTED

    selected = " and ".join(
        f"{number} ({name.replace('_', ' ')})" for name, number in SELECTED.items()
    )
    if assumed:
        how = f"no GPU here, so {resources.GPU_GFLOP_PER_SECOND / 1e3:g} TFLOP/s of float32 for networks are assumed"
    else:
        how = "seconds of a unit measured here, on " + (
            "one core a job" if config["device"] == "cpu" else "its GPU"
        )
    lines = [f"Stands on: {how}; {selected} selected coefficients looked at on test.", NOT_COUNTED]
    if unknown := sorted({each.kind for each in plan if not each.work.known}):
        lines.append(
            f"Of these only the start is counted, they have no formula: {', '.join(unknown)}."
        )
    if long := estimate.too_long(plan):
        each = ", ".join(
            f"{k} {p.seconds / 3600:.1f} h of {p.job.minutes / 60:.1f} h" for k, p in long.items()
        )
        lines.append(
            f"Longer than the time that they ask for (`tangent_bench/planning/resources.py`): {each}."
        )
    return lines


def report(files: Sequence[str | Path], num_tasks: int = 20, num_seeds: int = 10) -> dict:
    """The plan of a config: its kinds of jobs, a larger run of so many tasks and seeds, seconds of the units, notes.

    Raises:
        ValueError: the config is wrong, a size is not known, or a record is damaged.
    """
    config, load, seconds, plan = _planned(files)
    taken = records.read(Path(config["results"]), plan, config["results"])
    return {
        "preset": config["preset"],
        "kinds": [
            asdict(k)
            for k in estimate.kinds(plan, {log: each.peak_bytes for log, each in taken.items()})
        ],
        "larger": asdict(estimate.grown(plan, load, seconds, num_tasks, num_seeds)),
        "units": [
            {"unit": name, "model": model, "seconds": value}
            for (name, model), value in sorted(seconds.items())
        ],
        "notes": notes(plan, config, seconds.assumed),
    }


def text(found: Mapping) -> str:
    """A report as text."""
    kinds = [Kind(**each) for each in (*found["kinds"], found["larger"])]
    return "\n".join([f"Preset {found['preset']}\n", table(kinds), "", *found["notes"]])


def against(files: Sequence[str | Path], folder: Path) -> list[Compared]:
    """Predicted beside measured seconds of a finished run, kind by kind, and of all its jobs.

    Raises:
        ValueError: as `report`, or no job has a record there.
    """
    config, _, _, plan = _planned(files)
    return records.compare(plan, records.read(folder, plan, config["results"]))


def _planned(files: Sequence[str | Path]) -> tuple[dict, Workload, costs.Costs, list[Planned]]:
    config, found = jobs.read_config(files), jobs.of_dag(files)
    device = "cpu" if costs.gpu_is_missing(config) else config["device"]
    load = Workload(config, sizes.of_tasks(config), sizes.of_models(config, device))
    seconds = costs.Costs(config, load.models)
    return config, load, seconds, estimate.planned(found, load, seconds)
