# What all rules share: names of files, digests of the code they stand on, and lists of what the config asks for.
import hashlib
from pathlib import Path

from tangent_bench import layout, models, registry
from tangent_bench.layout import JOINT, Mode

RESULTS = config["results"].rstrip("/")
PACKAGE = Path(workflow.basedir) / "tangent_bench"
CONTROL = config["control"]
EVALUATED = [*config["tasks"], CONTROL]  # tasks that models are evaluated on
SOURCES = [*config["tasks"], *([JOINT] if config["joint_training"]["enabled"] else [])]


wildcard_constraints:
    task="[A-Za-z0-9_-]+",
    model="[A-Za-z0-9_-]+",
    init="pretrained|random",
    training="[a-z_]+",
    mode="[a-z_]+-(network|tangent|none)",
    seed=r"\d+",
    split="train|val|test",


def results(path):
    """A path of the layout under the results folder."""
    return f"{RESULTS}/{path}"


def code(*modules):
    """Digest of the package's modules that a rule stands on: Snakemake itself tracks the script, not what it imports."""
    state = hashlib.sha256()
    for module in modules:
        for file in sorted(PACKAGE.glob(module)):
            state.update(file.read_bytes())
    return state.hexdigest()[:16]


def weights_of(wildcards):
    """The weights of a model as an input, if they are a file (a tag of open_clip's is none)."""
    file = models.find(wildcards.model, config["custom_models"]).weights
    return [file] if file and Path(file).is_file() else []


def needs(experiment, key):
    """An attribute of an experiment's contract, read from its file without heavy imports."""
    return getattr(registry.load("experiments", experiment).EXPERIMENT, key)


def modes_of(experiment):
    """The modes in which an experiment has a job."""
    scope = needs(experiment, "scope")
    if scope == "together":
        return [Mode("all", "none")]
    if scope == "training":
        return [Mode(training, "none") for training in config["trainings"]]
    modes = map(Mode.parse, config["modes"])
    return [m for m in modes if m.training != "none" or not needs(experiment, "needs_vectors")]


def outcomes(suffix="csv", model=None, init=None, seed=None, experiments=None):
    """Outcome files of all jobs, or of those of one model, initialisation and seed."""
    return [
        results(layout.outcome(e, m, i, mode, s, suffix))
        for e in experiments or config["experiments"]
        for m in ([model] if model else config["models"])
        for i in ([init] if init else config["inits"])
        for s in ([seed] if seed is not None else config["seeds"])
        for mode in modes_of(e)
    ]


ROWS = outcomes
FORMS = "loop.py", "linearize.py", "vectors.py", "heads.py", "seeds.py", "artefacts.py", "models/*.py"
