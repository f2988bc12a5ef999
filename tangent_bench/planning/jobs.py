"""The jobs of a run, from Snakemake's own dry run: plan and run cannot disagree."""

from __future__ import annotations

import atexit
import json
import logging
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tangent_bench import registry, suite
from tangent_bench.planning import missing
from tangent_bench.planning.config import validate
from tangent_bench.store import yaml_files

DEFAULT = suite.ROOT / "config/default.yaml"


@dataclass(frozen=True)
class Job:
    """One job of a rule.

    Attributes:
        rule: its name.
        wildcards: name → value.
        gpus: that it asks for.
        memory_mb: that it asks for, as a limit; 0 if that was not looked up.
        minutes: likewise.
        log: beside which its record will lie; "" if that was not looked up.
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
        ValueError: a file is not there or is no YAML, a key stands twice in it, or the config is
            wrong.
    """
    from snakemake.utils import update_config

    config: dict = {}
    for file in [DEFAULT, *files]:
        update_config(config, yaml_files.read(Path(file)))
    return validate(config)


def of_dag(files: Sequence[str | Path]) -> list[Job]:
    """All jobs of a run from nothing: a dry run of Snakemake with everything forced.

    It runs in the working directory. As after every dry run, what is not on this machine yet is
    said on stderr when the process ends.

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
    propagates = logger.propagate
    on_terminate = signal.getsignal(signal.SIGTERM)  # Snakemake's waits for jobs to end
    output = OutputSettings(quiet={Quietness.ALL}, dryrun=True, skip_plugin_handlers=True)
    try:
        with SnakemakeApi(output) as api:
            # A dry run would be printed, however quiet it is asked to be.
            logger.handlers[:] = [listener]
            logger.propagate = False
            workflow = api.workflow(
                ResourceSettings(cores=1),
                ConfigSettings(configfiles=[DEFAULT, *map(Path, files)]),
                snakefile=suite.ROOT / "Snakefile",
            )
            workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
    # Beside its own errors: a folder that cannot be written; a user without a home or a name.
    except (WorkflowError, OSError, RuntimeError, KeyError) as error:
        if isinstance(error, KeyError) and "getpwuid" not in str(error):
            raise
        raise ValueError(
            f"Snakemake cannot plan this run: {' '.join(str(error).split())}"
        ) from None
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagates
        if signal.getsignal(signal.SIGTERM) != on_terminate:
            signal.signal(signal.SIGTERM, on_terminate)
    return listener.jobs


class _Listener(logging.Handler):
    """Collects the jobs that Snakemake reports, through the interface of its logger plugins."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.jobs: list[Job] = []

    def emit(self, record: logging.LogRecord) -> None:
        from snakemake_interface_logger_plugins.common import LogEvent

        about = vars(record)
        if about.get("event") != LogEvent.JOB_INFO or about["rule_name"] == "all":
            return
        resources = about["resources"]
        self.jobs.append(
            Job(
                about["rule_name"],
                dict(about["wildcards"]),
                gpus=getattr(resources, "gpu", 0),
                memory_mb=getattr(resources, "mem_mb", 0),
                minutes=getattr(resources, "runtime", 0),
                log=str(next(iter(about["log"]), "")),
            )
        )


@dataclass(frozen=True)
class LargerRun:
    """A run of another size, all else the same.

    Attributes:
        config: complete.
        jobs: all of them.
        originals: task → the task of the first run that it is a copy of.
    """

    config: dict
    jobs: list[Job]
    originals: Mapping[str, str]


def of_larger_dag(
    files: Sequence[str | Path], config: Mapping, num_tasks: int, num_seeds: int
) -> LargerRun:
    """The jobs of a run with so many tasks and seeds: further tasks are copies of the config's own.

    A copy is a task of the user's own, in a folder that is not there. A vector that is read in
    place of being trained comes from an empty file: a dry run opens neither.

    Args:
        files: as of `of_dag`.
        config: the complete config that they make.
        num_tasks: of the larger run.
        num_seeds: of the larger run.

    Raises:
        ValueError: as `of_dag`.
    """
    originals = _originals(config, num_tasks)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "larger.yaml"
        changes = _larger(config, originals, num_seeds, Path(folder))
        file.write_text(json.dumps(changes), encoding="utf-8")  # JSON is YAML
        try:
            jobs = of_dag([*files, file])
        finally:
            # Each dry run asks for its own config to be looked at in the end; the first one's will
            # do.
            atexit.unregister(missing.say)
            atexit.register(missing.say, config)
        return LargerRun(read_config([*files, file]), jobs, originals)


def _originals(config: Mapping, num_tasks: int) -> dict[str, str]:
    """Task of the larger run → the config's own: its tasks, then copies of them in turn.

    A copy is a folder of images, so that a config of texts has its own tasks alone.
    """
    own = config["tasks"]
    named = [task for task in own if task not in config["custom_tasks"]]
    if any(registry.task_folder(task) == "texts" for task in named):
        num_tasks = min(num_tasks, len(own))
    taken = {*own, config["control"], *config["custom_tasks"]}
    originals = {}
    for place in range(num_tasks):
        original = own[place % len(own)]
        name = original if place < len(own) else f"copy-{place}"
        while name in taken and name != original:
            name = f"{name}-"
        originals[name] = original
    return originals


def _larger(
    config: Mapping, originals: Mapping[str, str], num_seeds: int, folder: Path
) -> dict[str, object]:
    """What the config of the larger run changes."""
    absent = {"folder": str(folder / "absent"), "templates": ["{}"]}
    copies = [task for task, original in originals.items() if task != original]
    return {
        "tasks": list(originals),
        "seeds": list(range(num_seeds)),
        "custom_tasks": dict.fromkeys(copies, absent),
        "checkpoints": _empty_checkpoints(config, originals, num_seeds, folder),
        # Pairs that are named would not cover the new tasks: neighbours are taken.
        "disentanglement": {"pairs": []},
    }


def _empty_checkpoints(
    config: Mapping, originals: Mapping[str, str], num_seeds: int, folder: Path
) -> dict[str, dict]:
    """Entries of `checkpoints` whose files are empty."""
    changes = {}
    for training, entry in config["checkpoints"].items():
        vectors = [*originals, *(task for task in entry["files"] if task not in originals)]
        for model in config["models"]:
            for seed in range(num_seeds):
                for vector in vectors:
                    (folder / f"{training}.{model}.{seed}.{vector}").touch()
        files = {vector: f"{training}.{{model}}.{{seed}}.{vector}" for vector in vectors}
        changes[training] = {"folder": str(folder), "files": files}
    return changes
