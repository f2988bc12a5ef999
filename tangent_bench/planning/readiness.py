"""Whether a run can begin on this machine: its config, data, weights, disk, GPU and cores.

Files alone tell what is missing (`missing`); nothing is asked of the hub. Disk is that of the plan,
without what lies in the results folder already. "blocks" means that jobs will fail, or ask the hub
for files that a machine without a network does not get.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from tangent_bench import models
from tangent_bench.planning import jobs, missing
from tangent_bench.planning.jobs import Job

Status = Literal["ok", "note", "blocks"]
STATUSES: tuple[Status, ...] = get_args(Status)


class Finding(NamedTuple):
    """What was looked at, how it stands, and a sentence."""

    about: str
    status: Status
    text: str


def findings(files: Sequence[str | Path]) -> Iterator[Finding]:
    """Findings about a run with these config files, one by one, since disk takes a while."""
    try:
        config = jobs.read_config(files)
    except ValueError as sentence:
        yield Finding("config", "blocks", str(sentence))
        return
    yield Finding("config", "ok", f"Preset {config['preset']}, built into {config['results']}.")
    yield from _data(config)
    yield from _weights(config)
    yield _gpu(config)
    try:
        of_run = jobs.of_dag(files)
    except ValueError as sentence:
        yield Finding("jobs", "blocks", str(sentence))
        return
    finally:
        atexit.unregister(missing.say)  # the findings have it
    yield _cores(of_run)
    yield _disk(config, of_run)


def _data(config: Mapping) -> Iterator[Finding]:
    lacking = [*missing.data_sets(config), *_absent_folders(config)]
    yield from (Finding("data", "blocks", f"Not on this machine: {line}") for line in lacking)
    if not lacking:
        yield Finding("data", "ok", "All data sets are here, or drawn by the suite.")


def _absent_folders(config: Mapping) -> Iterator[str]:
    """A line for each task of the user's own whose folder is not there."""
    for name in (*config["tasks"], config["control"]):
        folder = config["custom_tasks"].get(name, {}).get("folder")
        if folder is not None and not Path(folder).is_dir():
            yield (f"{name}: its folder {folder} is not there; make it, or correct `custom_tasks`.")


def _weights(config: Mapping) -> Iterator[Finding]:
    lacking = [*missing.weights(config), *_own_weights(config)]
    yield from (Finding("weights", "blocks", f"Not on this machine: {line}") for line in lacking)
    if not lacking:
        yield Finding("weights", "ok", "The weights of all models are here, or made by the run.")


def _own_weights(config: Mapping) -> Iterator[str]:
    """A line for each of `custom_models` whose weights are no file and not in the hub's cache."""
    for name in config["models"]:
        model = models.find(name, config["custom_models"])
        file = models.weights_file(model)
        if model.hub or file is None or file.is_file() or models.REBUILT.fullmatch(name):
            continue
        import open_clip

        tag = open_clip.get_pretrained_cfg(model.architecture, str(model.weights))
        hub = tag.get("hf_hub", "").rpartition("/")[0]
        if not hub:
            yield (
                f"{name}: its weights {model.weights!r} are no file, and no tag that open_clip has "
                "on the hub."
            )
        elif not missing.is_here(replace(model, hub=hub)):
            yield f"{name}: its weights {model.weights!r}: hf download {hub}."


def _gpu(config: Mapping) -> Finding:
    from tangent_bench.planning.costs import gpu_is_missing

    device = config["device"]
    if device == "cpu":
        return Finding("gpu", "ok", "None is asked for (`device: cpu`).")
    if gpu_is_missing(config):
        return Finding(
            "gpu",
            "blocks",
            f"The config asks for one (`device: {device}`), none is found: check where the jobs "
            "will run, install PyTorch's CUDA build, or set `device: cpu`.",
        )
    return Finding("gpu", "ok", _gpus_here())


def _gpus_here() -> str:
    import torch

    number = torch.cuda.device_count()
    names = []
    for place in range(number):
        gpu = torch.cuda.get_device_properties(place)
        names.append(f"{gpu.name} ({gpu.total_memory / 1e9:.0f} GB)")
    many = f"; `--resources gpu={number}` uses all" if number > 1 else ""
    return f"{', '.join(names)}{many}."


def _cores(of_run: Sequence[Job]) -> Finding:
    """One job runs on a core; together they may ask for more memory than there is."""
    import psutil
    from snakemake.utils import available_cpu_count

    cores = available_cpu_count()
    memory_mb = psutil.virtual_memory().total / 1e6
    job_mb = max((job.memory_mb for job in of_run), default=0)
    text = (
        f"{cores} for as many jobs of one thread, each of which asks for up to "
        f"{job_mb / 1e3:.1f} GB"
    )
    if cores * job_mb <= memory_mb:
        return Finding("cores", "ok", f"{text}; there are {memory_mb / 1e3:.0f} GB.")
    limit = f"--resources mem_mb={memory_mb:.0f}"
    return Finding(
        "cores", "note", f"{text}, but there are {memory_mb / 1e3:.0f} GB: give Snakemake {limit}."
    )


def _disk(config: Mapping, of_run: Sequence[Job]) -> Finding:
    """What the plan says that jobs leave, against what is free where results are built."""
    folder = Path(config["results"])
    try:
        needed = _planned_bytes(config, of_run)
    except ValueError as sentence:
        return Finding("disk", "note", f"What is needed is not known: {sentence}")
    built = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(place).free
    more = max(0, needed - built)
    text = (
        f"{_gigabytes(more)} more for results ({_gigabytes(built)} built), {_gigabytes(free)} free "
        f"at {place}"
    )
    if more > free:
        return Finding("disk", "blocks", f"{text}: make room, or name another folder as `results`.")
    return Finding("disk", "ok", f"{text}.")


def _planned_bytes(config: Mapping, of_run: Sequence[Job]) -> int:
    from tangent_bench.planning import sizes
    from tangent_bench.planning.work import Workload

    load = Workload(config, sizes.of_tasks(config), sizes.of_models(config))
    return sum(load.of(job).disk for job in of_run)


def _gigabytes(number: float) -> str:
    """
    >>> _gigabytes(1_234_567_890), _gigabytes(20_000_000)
    ('1.2 GB', '0.02 GB')
    """
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e9:.2f} GB"
