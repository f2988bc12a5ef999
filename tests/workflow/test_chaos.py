"""Thirty kills of a run, and whether the checks after each would see anything (`chaos.py`)."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from tangent_bench.store import artefacts, rows
from tests import synthetic
from tests.workflow import chaos, mini
from tests.workflow.checkout import merged, preset

RESULTS = merged("micro")["results"]
SEED = 10


@pytest.mark.slow
def test_a_run_goes_on_after_a_kill_of_each_way(tmp_path):
    checkout, undisturbed = mini.checkout(tmp_path / "checkout"), tmp_path / "undisturbed"
    finished = checkout.snakemake(*preset("mini"))
    assert finished.status == 0, finished.output
    results = checkout.path(mini.MINI["results"])
    shutil.copytree(results, undisturbed)
    kills = chaos.moments(SEED, kills=len(chaos.WAYS), pace=2)
    chaos.survive(checkout, "mini", undisturbed, kills, lambda: shutil.rmtree(results))
    shutil.rmtree(checkout.root)


@pytest.mark.full
def test_a_run_goes_on_after_thirty_kills(spare, micro):
    pace = len(list(micro.path(f"{RESULTS}/logs").rglob("*.json"))) // 10
    kills = chaos.moments(SEED, kills=30, pace=pace)
    chaos.survive(
        spare, "micro", micro.path(RESULTS), kills, lambda: shutil.rmtree(spare.path(RESULTS))
    )


# Whether a fault would be seen


@pytest.fixture
def pair(tmp_path):
    """Two equal results folders: one that may be spoilt, and one of a run that nobody disturbed."""
    results = tmp_path / "results"
    artefacts.save(
        results / "vectors/one.safetensors", "vector", {"x": np.arange(50, dtype=np.float32)}
    )
    rows.write(results / "rows.csv", synthetic.make())
    (results / "logs").mkdir()
    (results / "logs/one.json").write_text('{"seconds": 1}')
    (results / "logs/one.log").write_text("")
    Image.fromarray(np.arange(3000, dtype=np.uint8).reshape(30, 100)).save(results / "sheet.png")
    (results / "index.html").write_text("<p>seconds: 1</p>")
    shutil.copytree(results, tmp_path / "undisturbed")
    return results, tmp_path / "undisturbed"


def test_an_undisturbed_run_is_whole(pair):
    results, undisturbed = pair
    (results / "index.html").write_text("<p>seconds: 2</p>")
    assert chaos.require_whole(results, undisturbed) == 5
    chaos.require_same(results, undisturbed)


@pytest.mark.parametrize(
    "name", ["vectors/one.safetensors", "rows.csv", "logs/one.json", "sheet.png"]
)
def test_half_a_file_is_seen(pair, name):
    file = pair[0] / name
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(AssertionError, match=f"{name} is not whole"):
        chaos.require_whole(*pair)


def test_a_whole_file_of_other_content_is_seen(pair):
    artefacts.save(
        pair[0] / "vectors/one.safetensors", "vector", {"x": np.ones(50, dtype=np.float32)}
    )
    with pytest.raises(AssertionError, match="vectors/one.safetensors has other bytes"):
        chaos.require_whole(*pair)


def test_at_the_end_nothing_is_missing_or_left_behind(pair):
    (pair[0] / ".rows.csv.abcd1234").write_text("half")
    with pytest.raises(AssertionError, match="left behind"):
        chaos.require_same(*pair)
    (pair[0] / "rows.csv").unlink()
    chaos.require_whole(*pair)
    with pytest.raises(AssertionError, match=r"\['rows.csv'\] are missing"):
        chaos.require_same(*pair)


def test_moments_repeat_with_their_seed_and_are_spread_over_the_run():
    kills = chaos.moments(3, kills=30, pace=10)
    assert kills == chaos.moments(3, kills=30, pace=10) != chaos.moments(4, kills=30, pace=10)
    assert [kill.way for kill in kills[:4]] == ["a job", "Snakemake", "all processes", "a job"]
    assert 200 < sum(kill.jobs for kill in kills) < 400  # about three runs of a hundred jobs
    assert len({kill.seconds for kill in kills}) == 30
