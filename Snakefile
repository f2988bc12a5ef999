# Table of contents. `snakemake --cores all` runs tiny; others: --configfile config/<preset>.yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from tangent_bench import checkpoints
from tangent_bench.jobs import adoption, console, provenance
from tangent_bench.planning import opening
from tangent_bench.store import joins

min_version("9.20")
console.say_warnings()
provenance.mend_threads()


configfile: f"{workflow.basedir}/config/default.yaml"


try:
    config = opening.validated(workflow, config)
    opening.take_the_folder(workflow)
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


rule pretrain:
    input:
        expand(f"{PRETRAINING}/{{model}}/tangent-{{model}}.safetensors", model=EMBEDDED),
