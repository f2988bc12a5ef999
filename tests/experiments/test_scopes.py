"""Scopes by hand: which jobs there are, what a job reads, and whether it runs a network."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tangent_bench.experiments import (
    AcrossInits,
    AcrossModes,
    Coordinates,
    EachMode,
    EachModel,
    EachTraining,
    Once,
)
from tangent_bench.store.layout import Mode

CONFIG = {
    "models": ["m", "n"],
    "tasks": ["a"],
    "control": "c",
    "heads": "prompts",
    "experiments": ["task_addition"],
    "trainings": ["standard", "linear"],
    "joint_training": {"trainings": ["linear"]},
    "modes": ["none-network", "standard-network", "linear-tangent"],
    "inits": ["random", "pretrained"],
    "seeds": [3, 4],
    "evaluation": {"batch_size": 7},
}
BASE = ["base/m/random/a.safetensors", "base/m/random/c.safetensors"]
HEADS = ["heads/m/final/a.safetensors", "heads/m/final/c.safetensors"]
IMAGES = [f"data/{task}/{split}.safetensors" for task in "ac" for split in ("val", "test")]


def read(scope, mode: str, init: str = "random") -> list[str]:
    return scope.inputs(CONFIG, Coordinates("m", init, Mode.parse(mode), 3))


@pytest.mark.parametrize(
    ("scope", "modes", "inits", "seeds"),
    [
        (EachMode(), ["standard-network", "linear-tangent"], ["random", "pretrained"], [3, 4]),
        (EachMode(needs_vectors=False), CONFIG["modes"], ["random", "pretrained"], [3, 4]),
        (EachTraining(), ["standard-none", "linear-none"], ["random", "pretrained"], [3, 4]),
        (EachModel(), ["none-none"], ["random", "pretrained"], [3]),
        (Once(), ["none-none"], ["random"], [3]),
        (AcrossModes(reads=("x",)), ["all-none"], ["random", "pretrained"], [3, 4]),
        (AcrossInits(reads=("x",)), ["standard-network", "linear-tangent"], ["all"], [3, 4]),
    ],
)
def test_jobs_are_those_of_modes_initialisations_and_seeds(scope, modes, inits, seeds):
    assert list(map(str, scope.modes(CONFIG))) == modes
    assert scope.inits(CONFIG) == inits
    assert scope.seeds(CONFIG) == seeds


def test_what_is_about_no_model_has_one_job():
    assert Once().models(CONFIG) == ["m"]
    assert EachModel().models(CONFIG) == EachMode().models(CONFIG) == ["m", "n"]


def test_a_mode_reads_a_network_with_images_or_features_alone():
    vector = "vectors/m/random/standard/a/seed-3.safetensors"
    assert read(EachMode(), "standard-network") == [*BASE, *HEADS, vector, *IMAGES]
    features = [f"features/m/random/linear/{task}/seed-3.safetensors" for task in "ac"]
    assert read(EachMode(), "linear-tangent") == [*BASE, *HEADS, *features]
    assert read(EachMode(needs_vectors=False), "none-network") == [*BASE, *HEADS]


def test_a_training_reads_its_vectors_and_opens_the_rest_if_asked():
    names = ("a", "multitask")
    vectors = [f"vectors/m/random/linear/{name}/seed-3.safetensors" for name in names]
    features = [f"features/m/random/linear/{task}/seed-3.safetensors" for task in "ac"]
    assert read(EachTraining(), "linear-none") == vectors
    opened = [*BASE, *HEADS, *IMAGES, *vectors, *features]
    assert read(EachTraining(opens=True), "linear-none") == opened


def test_a_model_reads_no_vector():
    assert read(EachModel(), "none-none") == []
    assert read(EachModel(opens=True), "none-none") == [*BASE, *HEADS, *IMAGES]


def test_comparisons_read_labels_and_what_others_left():
    scope = AcrossModes(reads=("single_task", "task_addition"))
    left = "outcomes/task_addition/m/random/{}/seed-3.safetensors"
    modes = ("standard-network", "linear-tangent")
    assert scope.compared(CONFIG) == ["task_addition"], "of those that the run has"
    assert scope.compared(CONFIG | {"experiments": ["x"]}) == ["single_task", "task_addition"]
    assert read(scope, "all-none") == [*BASE, *map(left.format, modes)]
    across = AcrossInits(reads=("task_addition",))
    left = "outcomes/task_addition/m/{}/linear-tangent/seed-3.safetensors"
    expected = [*BASE, *map(left.format, CONFIG["inits"])]
    assert read(across, "linear-tangent", init="all") == expected
    assert across.min_inits == 2 and scope.min_inits == 1


def test_a_network_runs_where_points_or_folders_are_looked_at_through_one():
    network, zero_shot = Mode("standard", "network"), Mode("none", "network")
    assert EachMode().runs_network(network) and EachMode().loads_network(network)
    assert not EachMode().runs_network(zero_shot), "f0 is stored"
    assert not EachMode().runs_network(Mode("standard", "tangent"))
    assert not EachTraining().runs_network(Mode("standard", "none"))
    assert EachTraining().loads_network(Mode("standard", "none")), "θ0 has a norm too"
    assert EachModel(opens=True).runs_network(Mode("none", "none"))
    assert not AcrossInits(reads=()).runs_network(network)


def test_a_job_is_given_the_part_of_the_config_that_its_scope_reads():
    network = Mode("standard", "network")
    assert EachMode().settings(CONFIG, network) == {"evaluation": {"batch_size": 7}}
    assert EachMode().settings(CONFIG, Mode("linear", "tangent")) == {}
    across = AcrossModes(reads=("task_addition",)).settings(CONFIG, Mode("all", "none"))
    assert across == {"modes": CONFIG["modes"], "reads": ["task_addition"]}
    assert AcrossInits(reads=()).settings(CONFIG, network) == {"inits": CONFIG["inits"]}


def test_scopes_import_nothing_heavy():
    program = (
        "import sys; from tangent_bench import registry; registry.every('experiments'); "
        "print({'torch', 'open_clip', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr
