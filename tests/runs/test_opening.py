"""`tangent_bench.open`: rows, tables, figures and vectors of results, and light imports."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import tangent_bench as tb
from tangent_bench.measuring.results import Results
from tangent_bench.runs import _folders
from tangent_bench.store import layout, replicates
from tangent_bench.tangent.linearize import encode
from tests import pages
from tests.results_folder import fill, own_model
from tests.workflow.checkout import ROOT, environment

HEAVY = "torch", "pandas", "numpy", "matplotlib", "tangent_bench.runs"


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, tangent_bench; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_name_that_the_package_has_not():
    assert not hasattr(tb, "close")


def test_rows_are_those_of_the_folder_with_their_replicates(folder, made, published):
    run = tb.open(str(folder))
    assert run.rows.shape == made.shape and replicates.of(run.rows) is not None
    packed = tb.open(published)
    assert packed.rows.equals(run.rows) and replicates.of(packed.rows) is None


def test_claims_of_two_folders_have_their_replicates(folder, copied):
    run = tb.open(folder, copied)
    kept = replicates.of(run.rows)
    assert kept is not None and len(kept.deviations) == 2 * len(
        replicates.of(tb.open(folder).rows).deviations
    )
    assert "again" in run.table("claims_table").text("csv")


def test_without_a_folder_there_is_nothing_to_open():
    with pytest.raises(ValueError, match="Name a folder of results"):
        tb.open()


def test_names_of_folders():
    with pytest.raises(ValueError, match="given twice"):
        _folders.names([ROOT, ROOT / "docs/.."])


# Vectors


@pytest.fixture(scope="module")
def with_vectors(folder, tmp_path_factory):
    custom = own_model(tmp_path_factory.mktemp("model"))
    _, tau = fill(folder, custom)
    return tb.open(folder), tau, custom


def test_a_vector_is_that_of_its_file(with_vectors):
    run, tau, _ = with_vectors
    vector = run.vector("one")
    assert set(vector) == set(tau["one"])
    assert all(torch.equal(vector[name], tau["one"][name]) for name in vector)
    assert list(run.vector("one", training="standard", seed=5, model="mine")) == list(vector)


def test_accuracies_are_those_of_the_moved_network(with_vectors):
    run, tau, custom = with_vectors
    alphas = [0.0, 0.7]
    found = run.accuracies(tau["one"], alphas, split="test", custom_models=custom)
    assert list(found.columns) == ["one", "two"] and list(found.index) == alphas
    results = Results(run.folders[0], "mine", "pretrained", 5, custom)
    tower = results.network
    for task in found.columns:
        head, labels = torch.from_numpy(results.head(task)), results.labels(task, "test").labels
        for alpha in alphas:
            theta = {k: v + alpha * tau["one"][k] for k, v in tower.theta0.items()}
            images = torch.cat(list(results.prepared(task, "test").split(100)))
            with torch.no_grad():
                logits = encode(tower.module, theta, images) @ head.T
            assert found.loc[alpha, task] == (logits.argmax(1).numpy() == labels).mean()


def test_twenty_lines_of_the_page_are_a_merging_idea(with_vectors, capsys):
    run, _, custom = with_vectors
    (code,) = [block.text for block in pages.blocks() if "run.accuracies" in block.text]
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    for written, here in (
        ('tb.open("results/tiny")', "given"),
        ('["mnist", "icons", "letters", "terrain"]', '["one", "two"]'),
        ("accuracies(direction,", "accuracies(direction, custom_models=custom,"),
    ):
        assert written in code
        code = code.replace(written, here)
    exec(compile(code, "page", "exec"), {"given": run, "custom": custom})
    assert "one" in capsys.readouterr().out


def test_a_direction_that_does_not_fit_is_one_sentence(with_vectors, folder, copied):
    run, tau, custom = with_vectors
    with pytest.raises(ValueError, match="lacks key"):
        run.accuracies({}, [1.0], custom_models=custom)
    with pytest.raises(ValueError, match="There is no split 'tset'.*'test'"):
        run.accuracies(tau["one"], [1.0], split="tset", custom_models=custom)
    with pytest.raises(ValueError, match="of one folder; open it alone"):
        tb.open(folder, copied).accuracies(tau["one"], [1.0])
    with pytest.raises(ValueError, match="0 models and initialisations that fit"):
        tb.open(copied).accuracies(tau["one"], [1.0], model="other")


def test_a_vector_that_is_not_there_or_not_alone_is_one_sentence(with_vectors, published):
    run, _, _ = with_vectors
    with pytest.raises(ValueError, match="no vector of 'on'.*Did you mean 'one'"):
        run.vector("on")
    with pytest.raises(ValueError, match="No vector of 'one' is as asked; there are: .*seed 5"):
        run.vector("one", seed=4)
    with pytest.raises(ValueError, match="Published results have rows alone"):
        tb.open(published).vector("one")
    root = run.folders[0]
    second = root / layout.vector("mine", "pretrained", "linear", "one", 5)
    second.parent.mkdir(parents=True)
    second.write_bytes(b"")
    with pytest.raises(ValueError, match="2 vectors of 'one' fit.*say which by training"):
        run.vector("one")
    second.unlink()
