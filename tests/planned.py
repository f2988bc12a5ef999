"""Workloads and jobs to plan, of small made-up sizes."""

from __future__ import annotations

from tangent_bench.planning.jobs import Job
from tangent_bench.planning.sizes import ModelSize, TaskSize
from tangent_bench.planning.work import Workload
from tests.experiments import known
from tests.workflow.checkout import merged

MODEL = ModelSize(parameters=1000, embedding=6)


def workload(preset="tiny", **changed) -> Workload:
    """A workload whose tasks have 300, 40 and 200 images of 4 classes."""
    config = merged(preset) | changed
    size = TaskSize(
        {"train": 300, "val": 40, "test": 200}, dict.fromkeys(("train", "val", "test"), 10), 4, 2
    )
    named = [*config["tasks"], config["control"]]
    return Workload(config, dict.fromkeys(named, size), dict.fromkeys(config["models"], MODEL))


def as_known(experiment: str, num_tasks: int = 3) -> Workload:
    """A workload of the sizes of `known.study`."""
    grid = {"first": 0.0, "last": 1.0, "count": 11}
    settings = {experiment: known.SETTINGS[experiment]} if experiment in known.SETTINGS else {}
    names = [*known.TASKS][:num_tasks]
    changed = {
        "tasks": names,
        "control": known.CONTROL,
        "coefficients": grid,
        "bootstrap": {"replicates": 60},
    }
    made = workload(**changed, joint_training={"trainings": []}, **settings)
    assert {
        split: size for split, size in made.tasks["a"].images.items() if split != "train"
    } == known.NUM
    return made


class Costing(dict):
    """Every unit costs as many seconds as it says, others one."""

    def __missing__(self, unit):
        return 1.0


def job(rule: str, **wildcards: str) -> Job:
    return Job(
        rule,
        {"model": "tiny", "init": "pretrained", "seed": "0", **wildcards},
        log=f"logs/{rule}.log",
    )


def of_experiment(load: Workload, name: str, mode: str = "standard-network"):
    return load.of(job("run_experiment", experiment=name, mode=mode))
