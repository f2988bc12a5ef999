# Table of contents. `snakemake --cores all` runs tiny; others: --configfile config/<preset>.yaml
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from tangent_bench import checkpoints
from tangent_bench.jobs import adoption, console, lock, provenance
from tangent_bench.planning import config_schema, resources
from tangent_bench.planning.config import validate
from tangent_bench.store import joins, yaml_files

min_version("9.0")
console.say_warnings()
provenance.mend_threads()


configfile: f"{workflow.basedir}/config/default.yaml"


try:
    # What Snakemake has read already is looked at once more: of a key twice it takes the last, and
    # numbers within lists and maps of --config it leaves as text.
    yaml_files.require_single_keys(workflow.configfiles, workflow.config_settings.config_args or ())
    resources.require_cores(
        cores=workflow.resource_settings.cores,
        jobs=workflow.resource_settings.nodes,
        local_cores=workflow.resource_settings.local_cores,
        max_threads=workflow.resource_settings.max_threads,
    )
    config = validate(config_schema.typed(config, workflow.config_settings.config))
    if "--unlock" in sys.argv:
        lock.forget(Path())
    elif workflow.is_main_process and not workflow.output_settings.dryrun:
        lock.enter(Path())
    JOINED = joins.presets(config)
    CHECKPOINTS = checkpoints.sources(config)
except ValueError as sentence:
    raise WorkflowError(str(sentence)) from None


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/checkpoints.smk"
include: "workflow/rules/finetune.smk"
include: "workflow/rules/experiments.smk"
include: "workflow/rules/methods.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/sweep.smk"


if workflow.is_main_process and "--unlock" not in sys.argv:
    try:
        for folder in (RESULTS, PRETRAINING):
            adoption.adopt(Path(folder))
    except ValueError as sentence:
        raise WorkflowError(str(sentence)) from None


rule all:
    default_target: True
    input:
        PUBLISHED,
        PAGE,
