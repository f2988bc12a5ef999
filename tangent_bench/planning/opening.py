"""What the Snakefile asks before it plans anything: a config that can be run, by one run alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tangent_bench.jobs import lock
from tangent_bench.planning import config_schema, resources
from tangent_bench.planning.config import validate
from tangent_bench.store import yaml_files


def validated(workflow: Any, config: Mapping) -> dict:
    """The config as it is run.

    What Snakemake has read already is looked at once more: of a key twice it takes the last, and
    numbers within lists and maps of --config it leaves as text.

    Args:
        workflow: Snakemake's.
        config: what it has read.

    Raises:
        ValueError: something is wrong with config or command line, or another run is at work.
    """
    yaml_files.require_single_keys(workflow.configfiles, workflow.config_settings.config_args or ())
    resources.require_cores(
        cores=workflow.resource_settings.cores,
        jobs=workflow.resource_settings.nodes,
        local_cores=workflow.resource_settings.local_cores,
        max_threads=workflow.resource_settings.max_threads,
    )
    return validate(config_schema.typed(config, workflow.config_settings.config))


def take_the_folder(workflow: Any) -> None:
    """Leave a record of this run, which tells later ones whose lock it is; --unlock removes it.

    Raises:
        ValueError: another run is at work in the folder, or may be.
    """
    if "--unlock" in sys.argv:
        lock.forget(Path())
    elif workflow.is_main_process and not workflow.output_settings.dryrun:
        lock.enter(Path())
