"""A damaged or foreign file ends the run with one sentence that names it, and deleting it is the
way out.
"""

from __future__ import annotations

import pytest
import torch

from tangent_bench.store import artefacts, layout
from tests.workflow.checkout import ended_with_a_sentence, preset

pytestmark = pytest.mark.slow
MODEL = "tiny", "pretrained"
RESULTS = "results/micro"
# The target is what reads the damaged file, so that little is built again.
DAMAGED = {  # kind → the damaged file, and what is made from it
    "data": (layout.data("mnist", "test"), layout.head(*MODEL, "mnist")),
    "head": (layout.head(*MODEL, "mnist"), layout.vector(*MODEL, "standard", "mnist", 0)),
    "base": (
        layout.base(*MODEL, "mnist"),
        layout.outcome("single_task", *MODEL, "none-network", 0),
    ),
    "vector": (
        layout.vector(*MODEL, "linear", "icons", 0),
        layout.outcome("vector_geometry", *MODEL, "linear-none", 0),
    ),
    "features": (
        layout.features(*MODEL, "linear", "terrain", 0),
        layout.outcome("task_negation", *MODEL, "linear-tangent", 0),
    ),
    "outcome": (
        layout.outcome("single_task", *MODEL, "standard-tangent", 0, "safetensors"),
        layout.outcome("posthoc_comparison", *MODEL, "all-none", 0),
    ),
    "rows of a job": (layout.outcome("task_addition", *MODEL, "standard-network", 0), "rows.csv"),
    "rows": ("rows.csv", "summary.csv"),
    "replicates": ("replicates.safetensors", "tables/table1_addition.csv"),
}


def _truncate(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def _flip(content: bytes) -> bytes:
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


# One kind of damage for each kind of file: that the loaders catch both is tested at the loaders.
# One kind of file before each commit.
FIRST = "vector"


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        pytest.param(
            kind, (_truncate, _flip)[i % 2], marks=() if kind == FIRST else pytest.mark.full
        )
        for i, kind in enumerate(DAMAGED)
    ],
)
def test_a_damaged_file_is_named_and_deleting_it_is_the_way_out(spare, kind, damage):
    file, target = (spare.path(f"{RESULTS}/{name}") for name in DAMAGED[kind])
    content, expected = file.read_bytes(), target.read_bytes()
    file.write_bytes(damage(content))
    target.unlink()
    command = (str(target.relative_to(spare.root)), *preset("micro"))
    ended_with_a_sentence(
        spare.snakemake(*command), str(file.relative_to(spare.root)), "damaged", "Delete"
    )
    file.unlink()
    finished = spare.snakemake(*command)
    assert finished.status == 0, finished.output
    assert target.read_bytes() == expected
    assert file.read_bytes() == content


@pytest.mark.full
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_one_sentence(spare, tmp_path):
    head = spare.path(f"{RESULTS}/{layout.head(*MODEL, 'mnist')}")
    content = head.read_bytes()
    head.unlink()
    finished = spare.snakemake(
        str(head.relative_to(spare.root)), *preset("micro", tmp_path, device="cuda")
    )
    ended_with_a_sentence(finished, "`device: cuda`", "finds no GPU", "`device: cpu`")
    assert "gpu=1" in finished.output.partition("rule build_head:")[2]
    assert not head.exists()
    assert spare.snakemake(str(head.relative_to(spare.root)), *preset("micro")).status == 0
    assert head.read_bytes() == content


@pytest.mark.full
def test_truncated_weights_are_named(spare):
    weights = spare.path("tangent_bench/models/assets/tiny/tangent-tiny.safetensors")
    weights.write_bytes(_truncate(weights.read_bytes()))
    target = f"{RESULTS}/{layout.head(*MODEL, 'mnist')}"
    ended_with_a_sentence(
        spare.snakemake(target, *preset("micro")), "tangent-tiny.safetensors", "damaged"
    )


def _renamed(vector: dict) -> dict:
    return {key.replace("proj", "other"): value for key, value in vector.items()}


def _reshaped(vector: dict) -> dict:
    return vector | {"proj": vector["proj"].T.copy()[:-1]}


@pytest.mark.full
@pytest.mark.parametrize(
    ("change", "theta0", "words"),
    [
        pytest.param(_renamed, None, "lacks key 'proj'", marks=pytest.mark.full),
        pytest.param(_reshaped, None, "has shape", marks=pytest.mark.full),
        (dict, "0" * 64, "other weights"),
    ],
)
def test_a_vector_of_another_model_is_refused(spare, change, theta0, words):
    name = f"{RESULTS}/{layout.vector(*MODEL, 'standard', 'mnist', 0)}"
    vector, about = artefacts.load(spare.path(name), "vector")
    about.pop("sha256")
    artefacts.save(
        spare.path(name), "vector", change(vector), **about | ({"theta0": theta0} if theta0 else {})
    )
    target = layout.outcome("vector_geometry", *MODEL, "standard-none", 0)
    ended_with_a_sentence(spare.snakemake(f"{RESULTS}/{target}", *preset("micro")), name, words)


def test_a_loss_that_is_not_finite_is_named(spare, tmp_path):
    target = f"{RESULTS}/{layout.vector(*MODEL, 'standard', 'mnist', 0)}"
    finished = spare.snakemake(
        target, *preset("micro", tmp_path, training={"learning_rate": 1.0e30})
    )
    ended_with_a_sentence(finished, "mnist", "loss", "step", "training.learning_rate")
