"""About how long the jobs of a run take, known at once: nothing is measured or drawn.

`tangent-bench plan` measures this machine for a minute. Here the amounts of work are the same
(`planning.work`), but the seconds of a unit are typical ones, those of the model `tiny` on one of
two busy cores. Other models take them times the ratio of their FLOPs. Images of the embedded tasks
are counted where their digests are pinned. This weighs jobs against one another; how fast the
machine is, a run shows by itself (`progress.pace`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache

from tangent_bench import registry, suite
from tangent_bench.planning import resources, sizes
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.sizes import ModelSize, TaskSize
from tangent_bench.planning.units import Unit, passes
from tangent_bench.planning.work import DRAWN_SECONDS, Workload
from tangent_bench.tasks import SPLITS

PINS = suite.ROOT / "workflow/resources/digests.csv"
REFERENCE = "tiny"  # the model that the seconds below are about
PARAMETERS = 850_000  # of its image tower
EMBEDDING = 256  # its width
# Unit → seconds. Ratios are those of `tangent-bench plan --preset analyses --json`; the tiny preset
# comes to ten minutes on two cores, of the seven to eleven that it was seen to take (README).
SECONDS = {
    "second": 1.0,
    "start": 0.5,
    "start network": 4.0,
    "encode": 3.3e-4,
    "point": 3.3e-4,
    "primal": 2.8e-4,
    "tangent": 5e-4,
    "standard step": 1.2e-3,
    "linear step": 1.7e-3,
    "update": 1.7e-3,
    "prompt": 1.7e-3,
    "kernel pass": 1.7e-4,
    "kernel pair": 2.8e-5,
    "sum": 3.3e-4,
    "dot": 1.1e-3,
    "crop": 2e-3,
    "logit": 7e-10,
    "flop": 1.2e-11,
    "basis": 1.8e-10,
    "wide step": 3e-10,
    "draw": 5e-8,
    "byte": 1.3e-9,
    "tile": 0.09,
    "decode": 8e-3,
    "decode native": 2e-4,
}
LAUNCH = 1.0  # seconds of Snakemake and Python before a job's own work begins
# Of a task that is not pinned, or whose classes take a second to make.
IMAGES = {"train": 2400, "val": 504, "test": 1200}
CLASSES = 20
TEMPLATES = 4


def seconds(config: Mapping, jobs: Iterable[Job]) -> list[float | None]:
    """Seconds that each job takes from its start by Snakemake; None: there is no formula for them.

    Args:
        config: complete.
        jobs: of a run with this config.
    """
    load = Workload(
        config,
        {name: _task_size(name, config) for name in (*config["tasks"], config["control"])},
        {name: _model_size(name, config) for name in config["models"]},
    )
    return [_of_job(job, load) for job in jobs]


def _of_job(job: Job, load: Workload) -> float | None:
    work = load.of(job)
    if not work.known and not _is_short(job.rule):
        return None
    inside = sum(amount * _of_unit(unit, load.config) for unit, amount in work.units.items())
    return LAUNCH + inside


def _is_short(rule: str) -> bool:
    """Whether jobs of a rule read rows alone, so that their start is most of what they take."""
    return resources.NEEDS.get(rule) is resources.READS_ROWS


def _of_unit(unit: Unit, config: Mapping) -> float:
    name, model = unit
    if not model or name == "start network":
        return SECONDS[name]
    of_pass = _seconds_of_pass(model, config)
    if name in SECONDS:
        return SECONDS[name] / SECONDS["encode"] * of_pass
    # A step of a training without a time of its own: one of those with as many passes.
    like = "linear step" if passes(name) == passes("linear step") else "standard step"
    return SECONDS[like] / SECONDS["encode"] * of_pass


def _seconds_of_pass(model: str, config: Mapping) -> float:
    gflop = resources.gflop_of(model, config["custom_models"])
    if config["device"] != "cpu":
        return gflop / resources.GPU_GFLOP_PER_SECOND
    return SECONDS["encode"] * gflop / resources.gflop_of(REFERENCE)


def _task_size(name: str, config: Mapping) -> TaskSize:
    is_drawn = name not in config["custom_tasks"] and not hasattr(registry.task(name), "ORIGIN")
    if not is_drawn:
        try:
            return sizes.of_task(name, config)
        except ValueError:  # its images are counted when they have been prepared
            return _drawn_size(IMAGES, None, config)
    pinned = {split: _pins()[name, split] for split in SPLITS if (name, split) in _pins()}
    return _drawn_size(pinned or IMAGES, vars(registry.task(name)).get("TASK"), config)


def _drawn_size(images: Mapping[str, int], task: object, config: Mapping) -> TaskSize:
    return sizes.as_drawn(
        config,
        images,
        num_classes=len(getattr(task, "class_names", range(CLASSES))),
        num_templates=len(getattr(task, "templates", range(TEMPLATES))),
        seconds={split: DRAWN_SECONDS * number for split, number in images.items()},
    )


@cache
def _pins() -> dict[tuple[str, str], int]:
    """(task, split) → number of images."""
    with PINS.open(encoding="utf-8", newline="") as file:
        return {(row["task"], row["split"]): int(row["num_images"]) for row in csv.DictReader(file)}


def _model_size(name: str, config: Mapping) -> ModelSize:
    """Of parameters there are about as many more as there are FLOPs."""
    ratio = resources.gflop_of(name, config["custom_models"]) / resources.gflop_of(REFERENCE)
    return ModelSize(round(PARAMETERS * ratio), EMBEDDING)
