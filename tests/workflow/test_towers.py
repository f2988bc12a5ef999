"""A network of timm and one of a package, both without a text tower, from images to rows: heads are
probes on frozen embeddings, statistics of BatchNorm are frozen too.
"""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.store import artefacts, layout, rows
from tangent_bench.tangent import probe
from tests.models import own
from tests.workflow.checkout import Checkout, merged, preset

pytestmark = pytest.mark.slow
TASKS = ("mnist", "icons")
CONTROL = "textures"
MODELS = ("net", "my_tower")
CHANGES = {
    "results": "results/towers",
    "models": [*MODELS],
    "custom_models": {
        "net": {
            "library": "timm",
            "architecture": "test_efficientnet",
            "weights": None,
            "side": 32,
            "gflop": 0.05,
        }
    },
    "inits": ["random"],
    "heads": "probe",
    "tasks": [*TASKS],
    "control": CONTROL,
    "data": {"max_train": 120, "max_val": 60, "max_test": 80},
    "trainings": ["linear"],  # the one that needs products; standard asks for a gradient alone
    "modes": ["none-network", "linear-tangent"],
    "experiments": ["single_task", "task_addition"],
    "joint_training": {"trainings": []},
}
ROWS = "results/towers/rows.csv"


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    return preset("micro", tmp_path_factory.mktemp("config"), **CHANGES)


@pytest.fixture(scope="module")
def built(sources, arguments) -> Checkout:
    own.install(sources.root, "my_tower", own.code("my-tower"))
    finished = sources.snakemake(ROWS, *arguments)
    assert finished.status == 0, finished.output
    assert finished.jobs["fit_probe"] == len(MODELS) * 3
    assert "build_head" not in finished.jobs
    return sources


def read(checkout: Checkout, path: str, kind: str):
    return artefacts.load(checkout.path(f"results/towers/{path}"), kind)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("task", [*TASKS, CONTROL])
def test_without_a_vector_accuracy_is_that_of_the_probe(built, model, task):
    """By stored features, labels and head; digits are told apart better than by chance."""
    base, about = read(built, layout.base(model, "random", task), "base features")
    head, fitted = read(built, layout.head(model, "random", task, layout.PROBE), "head")
    assert fitted["theta0"] == about["theta0"]
    assert fitted["penalty"] in merged("micro")["probe"]["penalties"]
    classes = (base["test"] @ head["head"].T).argmax(1)
    table = rows.read(built.path(ROWS))
    zero = table[(table["model"] == model) & (table["training"] == "none")]
    (line,) = zero[(zero["task"] == task) & (zero["split"] == "test")].itertuples()
    assert line.value == pytest.approx((classes == base["test/labels"]).mean())
    if task == "mnist":
        x = probe.normalised(base["val"])
        loss = probe.cross_entropy(head["head"].astype(float), x, base["val/labels"])
        assert loss < np.log(10)


@pytest.mark.parametrize("model", MODELS)
def test_vectors_hold_parameters_alone_and_move_predictions(built, model):
    table = rows.read(built.path(ROWS))
    vector, _ = read(built, layout.vector(model, "random", "linear", "mnist", 0), "vector")
    assert not [name for name in vector if "running" in name]
    assert all(np.isfinite(value).all() for value in vector.values())
    assert sum(np.abs(value).sum() for value in vector.values()) > 0
    added = table[(table["model"] == model) & (table["experiment"] == "task_addition")]
    accuracy = added[(added["metric"] == "accuracy") & (added["task"] == "mnist")]
    zero = table[(table["model"] == model) & (table["training"] == "none")]
    test = zero[(zero["task"] == "mnist") & (zero["split"] == "test")]
    still = accuracy[(accuracy["coefficient"] == 0.0) & (accuracy["split"] == "test")]
    assert set(still["value"]) == set(test["value"]), "it begins at the untouched network"


def test_only_what_stands_on_an_edited_tower_runs_again(built, arguments):
    assert built.dry_run(ROWS, *arguments).jobs == {}
    file = built.path("my_tower.py")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("nn.GELU()", "nn.ReLU()"), encoding="utf-8")
    jobs = built.dry_run(ROWS, *arguments).jobs
    file.write_text(text, encoding="utf-8")
    assert (jobs["fit_probe"], jobs["encode_base"], jobs["finetune"]) == (3, 3, 2)
    assert "prepare_images" not in jobs


@pytest.mark.full
def test_standard_fine_tuning_begins_at_the_same_network(built, tmp_path):
    """Last, since it builds more into the same folder."""
    both = {
        "trainings": ["standard", "linear"],
        "modes": ["none-network", "standard-network", "linear-tangent"],
    }
    finished = built.snakemake(ROWS, *preset("micro", tmp_path, **CHANGES | both))
    assert finished.status == 0, finished.output
    table = rows.read(built.path(ROWS))
    added = table[(table["experiment"] == "task_addition") & (table["metric"] == "accuracy")]
    still = added[(added["coefficient"] == 0.0) & (added["split"] == "test")]
    assert set(still["training"]) == set(both["trainings"])
    assert (still.groupby(["model", "task"])["value"].nunique() == 1).all()
