"""The jobs of a run: from Snakemake's own dry run, so that plan and run cannot disagree; or, for a run of another size,
from the config.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import yaml

from tangent_bench import merging, registry, suite
from tangent_bench.planning import resources
from tangent_bench.planning.config import validate
from tangent_bench.store import layout
from tangent_bench.store.layout import JOINT, Mode

DEFAULT = suite.ROOT / "config/default.yaml"
DATA = "prepare_images", "contact_sheet"
# Rules whose number of jobs follows from tasks and seeds; `of_config` has them.
GROWING = (
    *DATA, "build_head", "encode_base", "finetune", "import_checkpoint", "encode_changes", "run_experiment", "merge",
    "encode_merged", "run_method",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One job of a rule.

    Attributes:
        gpus: that it asks for.
        memory_mb, minutes: that it asks for, as limits; 0 if that was not looked up.
        log: its log, beside which its record will lie; "" likewise.
    """

    rule: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    gpus: int = 0
    memory_mb: int = 0
    minutes: int = 0
    log: str = ""


def read_config(files: Sequence[str | Path]) -> dict:
    """The complete config of a run: config/default.yaml, and what the files change.

    Raises:
        ValueError: a file is not there or is no YAML, or the config is wrong.
    """
    from snakemake.utils import update_config

    config: dict = {}
    for file in [DEFAULT, *files]:
        try:
            update_config(config, yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {})
        # Of YAML beside its own errors: 2026-13-45 is no date, digits by the thousand no integer, brackets may not end.
        except (
            OSError,
            yaml.YAMLError,
            AttributeError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise ValueError(
                f"{file} cannot be read as a config ({' '.join(str(error).split())})."
            ) from None
    return validate(config)


def of_dag(files: Sequence[str | Path]) -> list[Job]:
    """All jobs of a run from nothing: a dry run of Snakemake with everything forced, in the working directory.

    As after every dry run, what is not on this machine yet is said on stderr when the process ends.

    Raises:
        ValueError: Snakemake cannot plan this run; its own sentence says why.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.logging import logger
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        ResourceSettings,
    )

    listener = _Listener()
    try:
        with SnakemakeApi(
            OutputSettings(quiet={Quietness.ALL}, dryrun=True, skip_plugin_handlers=True)
        ) as api:
            logger.handlers[:] = [
                listener
            ]  # a dry run would be printed, however quiet it is asked to be
            workflow = api.workflow(
                ResourceSettings(cores=1), ConfigSettings(configfiles=[DEFAULT, *map(Path, files)]),
                snakefile=suite.ROOT / "Snakefile",
            )  # fmt: skip
            workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
    except WorkflowError as error:
        raise ValueError(
            f"Snakemake cannot plan this run: {' '.join(str(error).split())}"
        ) from None
    finally:
        logger.removeHandler(listener)
    return listener.jobs


class _Listener(logging.Handler):
    """Collects the jobs that Snakemake reports; its events are the documented interface of logger plugins."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.jobs: list[Job] = []

    def emit(self, record: logging.LogRecord) -> None:
        from snakemake_interface_logger_plugins.common import LogEvent

        if getattr(record, "event", None) != LogEvent.JOB_INFO or record.rule_name == "all":
            return
        asked = [getattr(record.resources, name, 0) for name in ("gpu", "mem_mb", "runtime")]
        self.jobs.append(
            Job(record.rule_name, dict(record.wildcards), *asked, str(next(iter(record.log), "")))
        )


def of_config(config: Mapping) -> list[Job]:
    """The jobs of the rules `GROWING`, as the DAG has them (a test compares the two), without what they ask for.

    Task names need not exist: `config` may be of a run of another size.
    """
    found = [*_data(config), *_towers(config), *_experiments(config), *_methods(config)]
    return [Job(rule, wildcards, _gpus(config, rule, wildcards)) for rule, wildcards in found]


def _about(experiment: str):
    return registry.load("experiments", experiment).EXPERIMENT


def _gpus(config: Mapping, rule: str, wildcards: Mapping) -> int:
    runs_network = rule != "import_checkpoint"
    if rule in ("run_experiment", "run_method"):
        runs_network = (
            wildcards["mode"].endswith("-network") or _about(wildcards["experiment"]).opens
        )
        rule = "run_experiment"  # both ask for the same
    return resources.num_gpus(rule, config["device"]) if runs_network else 0


def _data(config: Mapping) -> Iterator[tuple[str, dict]]:
    for task in [*config["tasks"], config["control"]]:
        for split in ("train", "val", "test") if task in config["tasks"] else ("val", "test"):
            yield "prepare_images", {"task": task, "split": split}
        yield "contact_sheet", {"task": task}


def _towers(config: Mapping) -> Iterator[tuple[str, dict]]:
    """Heads, f0, vectors and features of every model."""
    evaluated, read, featured = [*config["tasks"], config["control"]], *_trainings(config)
    for model in config["models"]:
        for text in sorted({layout.text(init) for init in config["inits"]}):
            yield from (
                ("build_head", {"model": model, "text": text, "task": task}) for task in evaluated
            )
        for init in config["inits"]:
            yield from (
                ("encode_base", {"model": model, "init": init, "task": task}) for task in evaluated
            )
            for seed in map(str, config["seeds"]):
                for training in read:
                    where = {"model": model, "init": init, "training": training, "seed": seed}
                    rule = "import_checkpoint" if training in config["checkpoints"] else "finetune"
                    yield from (
                        (rule, {**where, "task": source}) for source in sources(config, training)
                    )
                    if training in featured:
                        yield from (
                            ("encode_changes", {**where, "task": task}) for task in evaluated
                        )


def sources(config: Mapping, training: str) -> list[str]:
    """The names of all vectors that a training makes."""
    return [
        *config["tasks"],
        *([JOINT] if training in config["joint_training"]["trainings"] else []),
    ]


def _trainings(config: Mapping) -> tuple[list[str], set[str]]:
    """Trainings whose vectors are read by some job, and those whose features are."""
    experiments = [_about(name) for name in config["experiments"]]
    modes = [mode for mode in map(Mode.parse, config["modes"]) if mode.training != "none"]
    read, featured = set(), set()
    for about in experiments:
        if about.scope == "training":
            read |= set(config["trainings"])
            featured |= set(config["trainings"]) if about.opens else set()
        elif about.scope != "model":
            read |= {mode.training for mode in modes}
            featured |= {mode.training for mode in modes if mode.evaluation == "tangent"}
    return [training for training in config["trainings"] if training in read], featured


def _experiments(config: Mapping) -> Iterator[tuple[str, dict]]:
    for name in config["experiments"]:
        about = _about(name)
        for model in config["models"]:
            for init in [layout.EVERY] if about.scope == "inits" else config["inits"]:
                for seed in config["seeds"][:1] if about.scope == "model" else config["seeds"]:
                    for mode in _modes(config, about):
                        where = {
                            "experiment": name,
                            "model": model,
                            "init": init,
                            "mode": mode,
                            "seed": str(seed),
                        }
                        yield "run_experiment", where


def _methods(config: Mapping) -> Iterator[tuple[str, dict]]:
    """The directions of methods that are no fixed sums, J d of them, and every experiment that merges."""
    for label, merger in merging.asked(config["methods"]).items():
        crossed = [name for name in config["experiments"] if is_crossed(config, merger, name)]
        modes = [mode for name in crossed for mode in _modes(config, _about(name))]
        for model, init, seed in product(
            config["models"], config["inits"], map(str, config["seeds"])
        ):
            where = {"model": model, "init": init, "method": label, "seed": seed}
            yield from (
                ("run_method", {**where, "experiment": e, "mode": m})
                for e in crossed
                for m in _modes(config, _about(e))
            )
            if not merger.is_sum:
                made = {Mode.parse(mode).training for mode in modes}
                encoded = {Mode.parse(mode).training for mode in modes if mode.endswith("-tangent")}
                yield from (("merge", {**where, "training": training}) for training in made)
                yield from (
                    ("encode_merged", {**where, "training": training}) for training in encoded
                )


def is_crossed(config: Mapping, merger: merging.Merger, experiment: str) -> bool:
    """Whether an experiment is run for a method as well; the config's own has been run."""
    asked = merger.label != config["method"] and experiment in config["method_experiments"]
    return asked and merger.crosses(_about(experiment).merges)


def _modes(config: Mapping, about) -> list[str]:
    one = {"together": ["all-none"], "model": ["none-none"]}
    if about.scope in one:
        return one[about.scope]
    if about.scope == "training":
        return [f"{training}-none" for training in config["trainings"]]
    return [
        mode
        for mode in config["modes"]
        if Mode.parse(mode).training != "none" or not about.needs_vectors
    ]
