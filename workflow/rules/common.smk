# What all rules share: names of files, digests of code, and lists of what the config asks for.
import atexit
import itertools
import os
import shlex
import sys
from functools import cache, partial
from pathlib import Path

from tangent_bench.images import class_folders, sources
from tangent_bench.jobs import digests, provenance
from tangent_bench.measuring import directions
from tangent_bench.store import layout
from tangent_bench import experiments, merging, models, registry, tasks, weights
from tangent_bench.planning import missing, recipes, resources
from tangent_bench.progress import outlook
from tangent_bench.store.layout import JOINT, Mode

RESULTS = config["results"].rstrip("/")
SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
CONTROL = config["control"]
EVALUATED = experiments.evaluated(config)
INIT = r"pretrained|random|(step|whole|shuffled)-\d+"


# Jobs end when the Snakemake that started them is killed; on a cluster, the one on their node.
os.environ[provenance.RUN] = str(os.getpid())


# Snakemake puts the path of its interpreter into the commands of jobs as it stands, and the folder of
# a checkout may have blanks, brackets or quotes in its name.
if Path(sys.executable).exists() and not workflow.output_settings.dryrun:
    sys.executable = shlex.quote(sys.executable)


# Said last: at the end of a dry run, or below the sentence of a job that failed for want of it.
if workflow.is_main_process:
    atexit.register(missing.say, config)


# Snakemake's limit of 100 job starts a second wakes the scheduler once more every second for each
# job that has started, and for good: a seventh of a core after 60 jobs. On this machine its cores
# are limit enough.
onstart:
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
    try:
        missing.require_place(config)
    except ValueError as sentence:
        raise WorkflowError(str(sentence)) from None
    outlook.tell(workflow, config)


onerror:
    provenance.say_killed(log)


# A GPU is a place on a machine: `--resources gpu=1` limits what runs on this one, not what Slurm
# runs on others.
resource_scopes:
    gpu="local",


wildcard_constraints:
    task="[A-Za-z0-9_-]+",
    model="[A-Za-z0-9_-]+",
    init=INIT,
    text=rf"{layout.FINAL}|whole-\d+",
    training="[A-Za-z0-9_-]+",
    mode="[A-Za-z0-9_-]+-(network|tangent|none)",
    seed=r"\d+",
    split="train|val|test",
    method="[A-Za-z0-9_+-]+",


def results(path):
    """A path of the layout under the results folder."""
    return f"{RESULTS}/{path}"


def code(script, *plugins):
    """Digest of all code that a script runs; `plugins` are the modules that it loads by name."""
    return digests.digest(SCRIPTS / f"{script}.py", *plugins)


def plugins(folder, *names):
    """The modules of plug-ins by their names; an entry of the config's own has no module."""
    own = {
        "tasks": config["custom_tasks"],
        "models": config["custom_models"],
        "training": config["checkpoints"],
    }
    modules = []
    for name in names:
        if name in own.get(folder, ()):
            continue
        if folder == "models":
            modules.append(models.module_name(name))
        else:
            place = registry.task_folder(name) if folder == "tasks" else folder
            modules.append(registry.module_name(place, name))
    return modules


def titles():
    """Modules of the plug-ins whose titles stand in tables and figures.

    Joined presets may have names without a file here.
    """
    shown = {
        "training": all_of("trainings"),
        "models": all_of("models"),
        "tasks": [*all_of("tasks"), CONTROL],
    }
    modules = []
    for merger in METHODS.values():
        modules += merger.modules
    for folder, names in shown.items():
        present = models.names() if folder == "models" else registry.names(folder)
        if folder == "tasks":
            present = [*present, *registry.names("texts")]
        modules += plugins(folder, *(name for name in names if name in present))
    return modules


def weights_of(wildcards):
    """The files of a model (weights, config, merges) as inputs.

    The weights of an open_clip tag are its file in $TANGENT_BENCH_WEIGHTS. A copy in the hub's
    cache is not an input: a first run may download it, so that the second would find one input more
    and make everything again. Nor does it change by itself; and after another download θ0 has
    another digest than the vectors and features name, which are then refused. Every record has the
    sha256 of what was used.
    """
    model = models.find(wildcards.model, config["custom_models"])
    init = wildcards.get("init", wildcards.get("text", layout.FINAL)).replace("whole", "step")
    files = [*models.weights_files(model), model.config, model.merges]
    if model.along and init not in ("pretrained", "random", layout.FINAL):
        files.append(f"{model.along}/{init}.safetensors")
    inputs = []
    for file in map(Path, filter(None, files)):
        # Other entries are open_clip tags.
        if file.is_file() or file.is_relative_to("results/pretraining"):
            # Relative where possible: a checkout that was moved would rerun everything.
            inside = file.is_relative_to(Path.cwd())
            inputs.append(file.relative_to(Path.cwd()) if inside else file)
    return inputs


def asked(rule, num_times=lambda wildcards: 1):
    """Memory, time and GPUs of a rule's jobs (`planning.resources`) as functions of the job.

    `num_times`: how many times the usual work a job does; 0 if it passes no image through a
    network.
    """

    def ask(wildcards, attempt):
        names = [wildcards.model] if "model" in wildcards.keys() else config["models"]
        gflop = max(resources.gflop_of(name, config["custom_models"]) for name in names)
        return resources.ask(rule, gflop, attempt, num_times(wildcards))

    def gpus(wildcards):
        if not num_times(wildcards):
            return 0
        return resources.num_gpus(rule, config.get("device", "cpu"))

    return {
        "mem_mb": lambda wildcards, attempt: ask(wildcards, attempt)["mem_mb"],
        "runtime": lambda wildcards, attempt: ask(wildcards, attempt)["runtime"],
        "gpu": gpus,
    }


def custom_model(wildcards):
    """The config's entry of this model alone, so that adding another one reruns nothing."""
    return {
        name: entry for name, entry in config["custom_models"].items() if name == wildcards.model
    }


def is_real(task):
    """Whether a task is a data set with an origin: the paper's, or one of the hub's."""
    if task in config["custom_tasks"]:
        return "hub" in config["custom_tasks"][task]
    return hasattr(registry.task(task), "ORIGIN")


def has_texts(task):
    """Whether a task has texts, not images."""
    return task not in config["custom_tasks"] and registry.task_folder(task) == "texts"


def splits_of(task):
    """The splits that a task has."""
    if task in config["custom_tasks"]:
        return tasks.SPLITS
    return registry.task(task).TASK.splits


@cache
def images_state(task):
    """Digest of names, sizes and dates of a task's images, where others may change them.

    Another image reruns what stands on it. The suite's own pictures change with its code alone.
    """
    entry = config["custom_tasks"].get(task, {})
    if "folder" in entry:
        return class_folders.state(Path(entry["folder"]))
    if not is_real(task):
        return None
    if entry:
        return sources.state_below_root(sources.hub_origin(task, entry))
    return sources.state_below_root(registry.task(task).ORIGIN)


def settings_of_images(task):
    """The keys of `data` that a task's images depend on."""
    if is_real(task):
        names = ("side", "allow_counts", "max_leaks")
    else:
        names = ("max_leaks",) if task in config["custom_tasks"] else ()
    return {name: config["data"][name] for name in names}


def of_training(training):
    """A training mode's contract, read from its file without heavy imports."""
    return registry.load("training", training).TRAINING


def settings_of(training):
    """The numbers of a training mode's own."""
    return config["training_modes"].get(training, {})


def outcomes(suffix="csv", names=()):
    """Outcome files of all experiments, or of those named."""
    return [path for name in names or config["experiments"] for path in outcomes_of(name, suffix)]


def outcomes_of(experiment, suffix, method=""):
    """Outcome files of one experiment; of one of the config's `methods`, or of its `method`."""
    scope = experiments.scope_of(experiment)
    places = itertools.product(
        scope.models(config), scope.inits(config), scope.seeds(config), scope.modes(config)
    )
    return [
        results(layout.outcome(experiment, model, init, mode, seed, suffix, method))
        for model, init, seed, mode in places
    ]
