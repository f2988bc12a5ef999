"""Whether a run can begin on this machine.

Its config, folders, data, weights, models, GPU, cores and disk are looked at. What a job would
refuse is asked of the same code here: the layout of images and their classes, architectures,
weights, the ways of fine-tuning a model. Nothing is asked of the hub, and images are counted, not
decoded: a damaged picture, or one that is in train and test, is found by the job that prepares it.
Disk is that of the plan, without what lies in the results folder already. "blocks" means that jobs
will fail, or ask the hub for files that a machine without a network does not get.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from tangent_bench import models, registry
from tangent_bench.planning import jobs, missing, sizes
from tangent_bench.planning.jobs import Job

if TYPE_CHECKING:
    from torch import nn

Status = Literal["ok", "note", "blocks"]
STATUSES: tuple[Status, ...] = get_args(Status)
MEMORY = Path(".snakemake")  # where Snakemake writes, in the working directory
# What is to be mended first: a folder before what is put into it, all else before Snakemake plans.
ORDER = ("config", "folders", "disk", "weights", "data", "models", "gpu", "cores", "jobs")
ABSENT = "Not on this machine: "  # begins a finding about what is to be fetched


class Finding(NamedTuple):
    """What was looked at, how it stands, and a sentence."""

    about: str
    status: Status
    text: str


@dataclass
class _Known:
    """What was learned of a run on the way, for the disk that it needs.

    Attributes:
        tasks: their sizes, as far as they are known.
        models: likewise.
        unknown: why one is not.
    """

    tasks: dict[str, sizes.TaskSize] = field(default_factory=dict)
    models: dict[str, sizes.ModelSize] = field(default_factory=dict)
    unknown: str = ""


def findings(
    files: Sequence[str | Path], begin: Callable[[str], object] = lambda text: None
) -> Iterator[Finding]:
    """Findings about a run with these config files, one by one.

    Args:
        files: what the run reads beside config/default.yaml.
        begin: is told of each thing as it begins, since some take a while.
    """
    begin("config")
    try:
        config = jobs.read_config(files)
    except ValueError as sentence:
        yield Finding("config", "blocks", str(sentence))
        return
    yield Finding("config", "ok", f"Preset {config['preset']}, built into {config['results']}.")
    known = _Known()
    begin("folders that are written")
    is_writable = True
    for finding in _places(config):
        is_writable = is_writable and finding.status == "ok"
        yield finding
    yield from _data(config, known, begin)
    begin("weights")
    yield from _weights(config)
    yield from _models(config, known, begin)
    begin("gpu")
    yield _gpu(config)
    if not is_writable:  # Snakemake could not even plan
        return
    begin("jobs, by a dry run of Snakemake")
    try:
        of_run = jobs.of_dag(files)
    except ValueError as sentence:
        yield Finding("jobs", "blocks", str(sentence))
        return
    finally:
        atexit.unregister(missing.say)  # the findings have it
    yield _cores(of_run)
    begin("disk")
    yield _disk(config, of_run, known)


def steps(found: Iterable[Finding]) -> list[str]:
    """What is to be done before a run can begin, in the order in which it is done best.

    >>> steps([Finding("data", "blocks", f"{ABSENT}svhn: hf download a/b"),
    ...        Finding("gpu", "ok", "None."), Finding("folders", "blocks", "Make it one.")])
    ['folders: Make it one.', 'data: get svhn: hf download a/b', 'check again']
    """
    blocking = [finding for finding in found if finding.status == "blocks"]
    blocking.sort(key=lambda finding: ORDER.index(finding.about))
    told = []
    for finding in blocking:
        is_absent = finding.text.startswith(ABSENT)
        text = f"get {finding.text.removeprefix(ABSENT)}" if is_absent else finding.text
        told.append(f"{finding.about}: {text}")
    return [*told, "check again"]


def _places(config: Mapping) -> Iterator[Finding]:
    """Whether results, and Snakemake's own notes, can be written."""
    reasons = {}
    for folder in (Path(config["results"]), MEMORY):
        if reason := _unwritable(folder):
            reasons[folder] = reason
    for folder, reason in reasons.items():
        other = "" if folder == MEMORY else ", or choose another `results` folder in the config"
        text = f"Cannot write {folder}: {reason}. Make it a folder that you can write{other}."
        yield Finding("folders", "blocks", text)
    if not reasons:
        yield Finding("folders", "ok", f"{config['results']} can be written.")


def _unwritable(folder: Path) -> str:
    """Why nothing can be written into a folder, which need not be there; "" if something can."""
    place = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        where = "" if place == folder else f" ({place})"
        return f"{error.strerror}{where}"
    return ""


def _data(config: Mapping, known: _Known, begin: Callable[[str], object]) -> Iterator[Finding]:
    """A finding for each task that is not here, or not as its job wants it."""
    lacking = {line.split()[0]: line for line in missing.data_sets(config)}
    blocked = False
    for name in (*config["tasks"], config["control"]):
        begin(f"data: {name}")
        if name in lacking:
            text = f"{ABSENT}{lacking[name]}"
        else:
            text = _refused(name, config, known)
        if text:
            blocked = True
            yield Finding("data", "blocks", text)
    if not blocked:
        yield Finding("data", "ok", "All data sets are here, or drawn by the suite.")


def _refused(name: str, config: Mapping, known: _Known) -> str:
    """What is wrong with the images of a task, as far as they need not be decoded; "" if nothing.

    Its size is learned on the way.
    """
    try:
        if missing.is_to_be_prepared(name, config):
            _open(name, config)
        known.tasks[name] = sizes.of_task(name, config)
    except sizes.NotCountedYet as sentence:
        known.unknown = str(sentence)
    except (ValueError, OSError) as error:
        known.unknown = "there are data that are not as they should be"
        return str(error)
    return ""


def _open(name: str, config: Mapping) -> None:
    """Find the images of a data set that is on this machine, with their classes and counts."""
    from tangent_bench.images.own_task import OwnTask
    from tangent_bench.images.sources import custom_task, open_split

    entry = config["custom_tasks"].get(name)
    source = custom_task(name, entry) if entry else registry.task(name)
    assert not isinstance(source, OwnTask), "a folder has no origin"
    for split in source.TASK.splits:
        open_split(source, split, allow_counts=config["data"]["allow_counts"])


def _models(config: Mapping, known: _Known, begin: Callable[[str], object]) -> Iterator[Finding]:
    """A finding for each model that cannot be made, or not be fine-tuned as the config wants."""
    blocked = False
    for name in config["models"]:
        begin(f"model: {name}")
        try:
            model = models.find(name, config["custom_models"])
            known.models[name] = _made(model, _inits(name, model, config), config)
        except (ValueError, OSError, MemoryError) as error:
            known.unknown = "there is a model that cannot be made"
            blocked = True
            yield Finding("models", "blocks", str(error) or f"Model {name!r}: memory is short.")
    if not blocked:
        yield Finding("models", "ok", "All models can be made.")


def _made(model: models.Model, inits: Sequence[str], config: Mapping) -> sizes.ModelSize:
    """The size of a model that can be made at all of these initialisations, and fine-tuned."""
    if model.is_clip:
        networks = [models.create(model, init) for init in inits]
        _require_trainable(networks[0].visual, config)
        return sizes.of_model(model, networks[0])
    from tangent_bench.models._tower import image_tower

    towers = [image_tower(model, init, 0) for init in inits]
    _require_trainable(towers[0].module, config)
    return sizes.of_tower(towers[0])


def _inits(name: str, model: models.Model, config: Mapping) -> list[str]:
    """The initialisations, if the weights are here; random ones have the same sizes."""
    file = models.weights_file(model)
    is_file = file is not None and file.is_file() and not models.REBUILT.fullmatch(name)
    is_in_cache = bool(model.hub) and missing.is_here(model)
    return config["inits"] if is_file or is_in_cache else ["random"]


def _require_trainable(tower: nn.Module, config: Mapping) -> None:
    """Raises ValueError if a training finds no layers of its kind in a network."""
    from tangent_bench.tangent.linearize import parameters

    theta0 = parameters(tower)
    for training in config["trainings"]:
        module = registry.load("training", training)
        if hasattr(module, "parameters") and training not in config["checkpoints"]:
            settings = config["training_modes"].get(training, {})
            module.parameters(tower, theta0, settings, 0)


def _weights(config: Mapping) -> Iterator[Finding]:
    lacking = [*missing.weights(config), *_own_weights(config)]
    yield from (Finding("weights", "blocks", f"{ABSENT}{line}") for line in lacking)
    if not lacking:
        yield Finding("weights", "ok", "The weights of all models are here, or made by the run.")


def _own_weights(config: Mapping) -> Iterator[str]:
    """A line for each of `custom_models` whose weights are no file and not in the hub's cache."""
    for name in config["models"]:
        model = models.find(name, config["custom_models"])
        file = models.weights_file(model)
        if model.hub or model.package or file is None or file.is_file():
            continue
        if models.REBUILT.fullmatch(name):
            continue
        if not model.is_clip:
            yield f"{name}: its weights {model.weights!r} are no file."
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


def _disk(config: Mapping, of_run: Sequence[Job], known: _Known) -> Finding:
    """What the plan says that jobs leave, against what is free where results are built."""
    if known.unknown:
        return Finding("disk", "note", f"What is needed is not known: {known.unknown}")
    folder = Path(config["results"])
    needed = _planned_bytes(config, of_run, known)
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


def _planned_bytes(config: Mapping, of_run: Sequence[Job], known: _Known) -> int:
    from tangent_bench.planning.work import Workload

    load = Workload(config, known.tasks, known.models)
    return sum(load.of(job).disk for job in of_run)


def _gigabytes(number: float) -> str:
    """
    >>> _gigabytes(1_234_567_890), _gigabytes(20_000_000)
    ('1.2 GB', '0.02 GB')
    """
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e9:.2f} GB"
