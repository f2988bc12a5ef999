"""The recipes of CONTRIBUTING, each done once: one file, and one word in a config.

One dry run plans all of them. The files say as little as their contracts allow.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.checkout import Checkout, Finished, environment, merged, preset

pytestmark = pytest.mark.slow

TASK = '''
"""Grey squares: dark or light."""

import numpy as np

from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task

TASK = Task(
    title="Squares",
    class_names=("dark", "light"),
    templates=("a {} square",),
    kind="generated",
    source="one grey an image",
    licence="MIT",
)


def load(split: str) -> Images:
    labels = np.arange(200) % 2
    greys = 60 + 100 * labels + generator("squares", split).integers(0, 40, 200)
    images = np.tile(greys[:, None, None, None], (1, 32, 32, 3)).astype(np.uint8)
    return Images(images, labels, np.arange(200))
'''
TRAINING = '''
"""Fine-tuning of the network with embeddings of half the length."""

from tangent_bench.training import Training

TRAINING = Training(
    title="Halved FT",
    parametrisation="all parameters of the image encoder, f(x; θ) / 2",
    vector_format="dense",
    affine=False,
    reference="none",
)


def encoder(network, theta0):
    from tangent_bench.tangent.linearize import encode

    return lambda theta, images_BCHW: encode(network, theta, images_BCHW) / 2
'''
METHOD = '''
"""The mean of the vectors, of which entries of other sign than the sum become zero."""

from tangent_bench.methods import Method

METHOD = Method(title="Signed mean", reference="none")


def prepare(vectors, context):
    from tangent_bench.methods._streams import merge_each

    return merge_each(vectors, lambda name, stack: (stack * (stack * stack.sum(0) > 0)).mean(0))
'''
EXPERIMENT = '''
"""Accuracy of each task's own vector at α = ½."""

from tangent_bench.experiments import EachMode, Experiment

EXPERIMENT = Experiment(title="Half way", scope=EachMode(), reference="none")


def run(study):
    for task in study.tasks:
        accuracy_RP = study.accuracy(task, "test", [{task: 0.5}])
        number = study.size("test", task)
        study.add(
            "accuracy",
            accuracy_RP[:, 0],
            sources=task,
            task=task,
            split="test",
            num_samples=number,
            coefficient=0.5,
        )


def cost(asking):
    for task in asking.tasks:
        asking.predict(task, "test", points=1, num_vectors=1, sources=[task])
'''
FIGURE = '''
"""Accuracy half way, as a table."""

from tangent_bench.figures import Figure
from tangent_bench.figures._cells import cell, cells
from tangent_bench.figures._select import need

FIGURE = Figure(
    title="Half way",
    reads=("half_way",),
    kind="table",
    category="Tables",
    caption="Test accuracy of each task's own vector at α = ½.",
)


def build(rows):
    table = need(rows, *FIGURE.reads)
    return cells(cell(task, "", "Half way", part) for task, part in table.groupby("task"))
'''
MODEL = '''
"""The embedded model under another name."""

from tangent_bench.models import ASSETS, Model

MODEL = Model(
    title="Twin",
    architecture="tangent-tiny",
    config=str(ASSETS / "tiny" / "tangent-tiny.json"),
    weights=str(ASSETS / "tiny" / "tangent-tiny.safetensors"),
    merges=str(ASSETS / "tiny" / "merges.txt.gz"),
    sealed=True,
)
'''
FILES = {
    "tasks/squares": TASK,
    "training/halved": TRAINING,
    "methods/signed_mean": METHOD,
    "experiments/half_way": EXPERIMENT,
    "figures/half_way": FIGURE,
    "models/twin": MODEL,
}


def words() -> dict[str, list[str]]:
    """The lists of micro's config with one word more; a way of training is evaluated in a mode."""
    config = merged("micro")
    return {
        "tasks": [*config["tasks"], "squares"],
        "models": [*config["models"], "twin"],
        "trainings": [*config["trainings"], "halved"],
        "modes": [*config["modes"], "halved-network"],
        "methods": [*config["methods"], "signed_mean"],
        "experiments": ["task_addition", "half_way"],
        "joint_training": {"trainings": []},
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Checkout:
    """The sources without what the recipes add."""
    return Checkout.of_sources(tmp_path_factory.mktemp("sources") / "checkout")


@pytest.fixture(scope="module")
def checkout(sources, tmp_path_factory) -> Checkout:
    """The sources with a file for each recipe."""
    made = sources.copy(tmp_path_factory.mktemp("recipes") / "checkout")
    for name, text in FILES.items():
        made.path(f"tangent_bench/{name}.py").write_text(text.lstrip(), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def planned(checkout, tmp_path_factory) -> Finished:
    """A dry run that names all of them."""
    arguments = preset("micro", tmp_path_factory.mktemp("config"), **words())
    finished = checkout.dry_run(*arguments)
    assert finished.status == 0, finished.output
    return finished


def jobs(finished: Finished) -> list[tuple[str, dict[str, str]]]:
    """Rule and wildcards of every job."""
    found = []
    for text in re.split(r"\n(?:local)?rule ", finished.output)[1:]:
        wildcards = text.partition("wildcards: ")[2].partition("\n")[0]
        found.append((text.partition(":")[0], dict(re.findall(r"(\w+)=([\w+-]+)", wildcards))))
    return found


@pytest.mark.parametrize(
    ("word", "rules"),
    [
        ({"task": "squares"}, {"prepare_images", "build_head", "finetune", "contact_sheet"}),
        ({"training": "halved"}, {"finetune"}),
        ({"mode": "halved-network"}, {"run_experiment", "run_method"}),
        ({"method": "signed_mean"}, {"merge", "encode_merged", "run_method"}),
        ({"experiment": "half_way"}, {"run_experiment"}),
        ({"model": "twin"}, {"build_head", "encode_base", "finetune", "run_experiment"}),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_word_in_a_config_plans_the_jobs(planned, word, rules):
    with_word = {rule for rule, wildcards in jobs(planned) if word.items() <= wildcards.items()}
    assert rules <= with_word


def test_a_table_is_made_once_its_experiment_runs(planned):
    assert planned.jobs["make_table_half_way"] == 1


def contents(checkout: Checkout) -> dict[Path, bytes]:
    """Path → content of the files of package, workflow and configs."""
    found = {}
    for folder in ("tangent_bench", "workflow", "config"):
        for file in checkout.path(folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                found[file.relative_to(checkout.root)] = file.read_bytes()
    return found


def test_nothing_else_was_touched(sources, checkout, planned):
    """After the dry run the copy differs from the sources in the six files alone."""
    before = contents(sources)
    after = contents(checkout)
    added = {Path(f"tangent_bench/{name}.py") for name in FILES}
    assert {path for path in after if after[path] != before.get(path)} == added
    assert before.keys() <= after.keys()


def test_the_method_keeps_the_laws(checkout):
    """The laws of methods, for the one that was added."""
    program = "from tangent_bench.testing import check_method; check_method('signed_mean')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout.root,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
