"""Vectors from checkpoints instead of from fine-tuning: the same run, but for a column that says
so.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from tangent_bench import models
from tangent_bench.store import artefacts, layout, rows
from tangent_bench.store.layout import JOINT
from tests.workflow.checkout import Checkout, ended_with_a_sentence, merged, preset

pytestmark = pytest.mark.full
CONFIG = merged("micro")
SOURCES = [*CONFIG["tasks"], JOINT]
MODEL = "tiny", "pretrained"
ROWS = f"{CONFIG['results']}/rows.csv"


def _publish(checkout: Checkout, folder: Path) -> dict[str, str]:
    """θ0 + τ of the standard vectors of the micro preset as state dicts, in float64 so that τ comes
    back exactly.
    """
    from safetensors.torch import save_file

    theta0 = dict(models.create(models.find("tiny")).visual.named_parameters())
    folder.mkdir()
    for source in SOURCES:
        path = checkout.path(f"{CONFIG['results']}/{layout.vector(*MODEL, 'standard', source, 0)}")
        tau, _ = artefacts.load(path, "vector")
        theta = {
            f"visual.{k}": v.double() + torch.from_numpy(tau[k]).double() for k, v in theta0.items()
        }
        save_file(theta, folder / f"{source}.safetensors")
    return {source: f"{source}.safetensors" for source in SOURCES}


@pytest.fixture(scope="module")
def imported(micro, tmp_path_factory):
    """Rows of the micro preset once more, standard vectors imported; what does not stand on them is
    micro's.
    """
    folder = tmp_path_factory.mktemp("imported")
    checkout = micro.copy(folder / "checkout")
    files = _publish(micro, folder / "published")
    entry = {
        "layout": "state_dict",
        "protocol": "B",
        "folder": str(folder / "published"),
        "files": files,
    }
    arguments = preset("micro", folder, checkpoints={"standard": entry})
    finished = checkout.snakemake(ROWS, *arguments)
    assert finished.status == 0, finished.output
    yield checkout, arguments, finished
    shutil.rmtree(checkout.root)


def test_nothing_is_fine_tuned_that_was_given(imported, tmp_path):
    jobs = imported[2].jobs
    assert jobs["import_checkpoint"] == len(SOURCES) and "finetune" not in jobs
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(f"results: {tmp_path}/results\n", encoding="utf-8")
    jobs = imported[0].dry_run(*imported[1], str(elsewhere)).jobs
    assert jobs["import_checkpoint"] == len(SOURCES) and jobs["finetune"] == len(CONFIG["tasks"])


def test_tables_and_figures_are_made_of_imported_vectors(imported):
    """That each can be drawn of such rows is tested at each (tests/figures)."""
    finished = imported[0].snakemake(*imported[1])
    assert finished.status == 0, finished.output


def test_the_vectors_are_the_same_files_but_for_how_they_were_made(imported, micro):
    for source in SOURCES:
        name = f"{CONFIG['results']}/{layout.vector(*MODEL, 'standard', source, 0)}"
        (theirs, about), (ours, facts) = (
            artefacts.load(c.path(name), "vector") for c in (imported[0], micro)
        )
        assert (
            about["sha256"] == facts["sha256"]
            and about["theta0"] == facts["theta0"]
            and list(theirs) == list(ours)
        )


def test_rows_are_the_same_but_for_their_protocol(imported, micro):
    theirs, ours = (rows.read(c.path(ROWS)) for c in (imported[0], micro))
    assert set(ours["protocol"]) == {"own"} and len(theirs) > 100
    assert theirs.drop(columns="protocol").equals(ours.drop(columns="protocol"))
    compares = theirs["experiment"].isin(["posthoc_comparison", "disentanglement_comparison"])
    expected = theirs["training"].map({"standard": "B"}).fillna("own").mask(compares, "B+own")
    assert (theirs["protocol"] == expected).all() and {"B", "own", "B+own"} == set(expected)


def test_another_checkpoint_reruns_what_stands_on_it(imported):
    checkout, arguments, _ = imported
    assert checkout.dry_run(ROWS, *arguments).jobs == {}
    Path(arguments[-1]).touch()
    published = checkout.root.parent / "published/mnist.safetensors"
    content = published.read_bytes()
    published.write_bytes(content[:-8])
    jobs = checkout.dry_run(ROWS, *arguments).jobs
    assert jobs["import_checkpoint"] == 1 and "finetune" not in jobs and jobs["run_experiment"] > 0
    vector = f"{CONFIG['results']}/{layout.vector(*MODEL, 'standard', 'mnist', 0)}"
    ended_with_a_sentence(
        checkout.snakemake(vector, *arguments), "mnist.safetensors", "truncated or damaged"
    )
    published.unlink()
    ended_with_a_sentence(
        checkout.dry_run(*arguments), "checkpoints.standard.files.mnist", "expected a file of"
    )
    published.write_bytes(content)
