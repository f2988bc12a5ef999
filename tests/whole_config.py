"""A config that uses every section, and what is said of it before the first job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tangent_bench import checkpoints, merging, models
from tangent_bench.planning import missing, resources
from tangent_bench.planning.config import validate
from tangent_bench.store import joins, layout
from tests.workflow.checkout import ROOT

DEFAULT = yaml.safe_load((ROOT / "config" / "default.yaml").read_text(encoding="utf-8"))
# A config that uses every section, so that there is something in each to be made wrong.
FULL = DEFAULT | {
    "tasks": ["mnist", "beetles", "birds"],
    "custom_tasks": {
        "beetles": {
            "folder": "examples/beetles",
            "templates": ["a {}"],
            "class_names": ["a", "b"],
            "side": 32,
        },
        "birds": {
            "hub": "lab/birds",
            "revision": "a" * 40,
            "templates": ["a {}", "the {}"],
            "splits": {"train": "train", "test": "test"},
            "label": "label",
        },
    },
    "models": ["tiny", "mine"],
    "custom_models": {
        "mine": {
            "architecture": "RN50",
            "weights": "openai",
            "title": "Mine",
            "config": "mine.json",
        }
    },
    "trainings": ["standard", "linear", "tau_jp"],
    "checkpoints": {
        "standard": {
            "layout": "fusionbench",
            "protocol": "C",
            "folder": "checkpoints/{model}",
            "files": dict.fromkeys(("mnist", "beetles", "birds", "multitask"), "file-{seed}"),
        }
    },
    "methods": [
        "ties",
        {"name": "lines+ties", "keep": 0.1, "lines.beta": 0.5},
        {"name": "dare", "drop": 0.5},
    ],
    "reference": {"out_of_scope": [{"table": "1", "coefficient": 0.5}]},
    "disentanglement": DEFAULT["disentanglement"] | {"pairs": [["mnist", "beetles"]]},
}


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


def before_the_jobs(config: dict) -> dict:
    """All that is done with a config before the first job, except by Snakemake itself; and the
    paths that it gives.
    """
    config = validate(config)
    joins.presets(config), checkpoints.sources(config), merging.asked(config["methods"])
    missing.report(config)
    for name in config["models"]:
        models.weights_file(models.find(name, config["custom_models"]))
        resources.gflop_of(name, config["custom_models"])
    for path in paths(config):
        assert os.path.relpath(f"{config['results']}/{path}", config["results"]) == path
        parts = Path(path).parts
        assert ".." not in parts
        assert max(len(part.encode()) for part in parts) <= 255
        assert path.isprintable() and not set(path) & set(" {}*\\")
    return config


def paths(config: dict) -> Iterator[str]:
    """Where artefacts and logs of jobs lie: for every name once, with the longest of the others."""
    names = {
        "experiment": config["experiments"] or ["none"],
        "model": config["models"],
        "init": config["inits"],
        "training": [*config["trainings"], *config["checkpoints"]] or ["none"],
        "mode": config["modes"] or ["none"],
        "method": [*merging.asked(config["methods"])] or ["none"],
        "task": [*config["tasks"], config["control"]],
        "seed": [str(seed) for seed in config["seeds"]],
    }
    longest = {key: max(values, key=len) for key, values in names.items()}
    for key, values in names.items():
        for value in values:
            yield from _paths(**longest | {key: value})


def _paths(experiment, model, init, training, mode, method, task, seed) -> Iterator[str]:
    yield f"logs/run_method/{experiment}.{model}.{init}.{mode}.{method}.{seed}.log"
    yield layout.outcome(experiment, model, init, mode, seed, method=method)
    yield layout.vector(model, init, training, task, seed)
    yield layout.merged(model, init, training, method, seed)
    yield layout.base(model, init, task)
    yield layout.data(task, "train")


def answer(config: dict) -> str:
    """ "" if a config is accepted, or the sentence about it."""
    try:
        before_the_jobs(config)
    except ValueError as error:
        assert type(error) is ValueError, repr(error)
        return str(error)
    return ""


def is_a_sentence(text: str) -> bool:
    """One line that can be printed, ends as a sentence does, and does not go on for pages."""
    return text.isprintable() and text[-1] in ".?" and 20 < len(text) < 1000


@contextmanager
def nothing_is_written(folder: Path) -> Iterator[None]:
    """In an empty folder, which stays so, without the weights and data sets of this machine."""
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "tangent_bench.planning.missing.absent", lambda name, origin: f"get {origin.hub}"
        )
        patch.setattr("tangent_bench.planning.missing.is_here", lambda model: False)
        patch.setattr("tangent_bench.checkpoints._file", lambda about, *_: Path(about["folder"]))
        os.chdir(folder)
        yield
        os.chdir(here)
    assert list(folder.rglob("*")) == []
