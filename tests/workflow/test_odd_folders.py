"""A checkout may lie in a folder of any name, whether `make` or a bare `snakemake` runs there."""

from __future__ import annotations

import json

import pytest

from tangent_bench.jobs import lock
from tests.workflow.checkout import Checkout, preset

pytestmark = pytest.mark.slow
NAMES = ["tb(1)", "o'brien", "tb&co;x", 'a b"c', "$HOME"]
ALL_OF_THEM = 'o\'brien & (co); "$HOME"'
TARGET = "results/micro/data/mnist/val.safetensors"


@pytest.mark.parametrize(
    "name", [ALL_OF_THEM, *(pytest.param(name, marks=pytest.mark.full) for name in NAMES)]
)
def test_a_job_runs_in_a_folder_of_any_name(tmp_path, name):
    checkout = Checkout.of_sources(tmp_path / name)
    finished = checkout.snakemake(TARGET, *preset("micro"), cores=1)
    assert finished.status == 0 and checkout.path(TARGET).is_file(), finished.output
    assert not list(checkout.path(str(lock.RECORDS)).glob("*.json")), "a run that ended has none"


def test_make_runs_in_a_folder_of_any_name(tmp_path):
    """What it runs first; pytest has installed the environment."""
    checkout = Checkout.of_sources(tmp_path / "o'brien & (co)")
    finished = checkout.run("make", "-n", "reproduce", "PRESET=micro", "-o", ".venv/.installed")
    assert finished.status == 0 and "-m snakemake --configfile config/micro.yaml" in finished.output
    assert checkout.run(".venv/bin/python", "-m", "tangent_bench.cli", "release").status == 0


def test_unlock_forgets_whose_lock_it_was(tmp_path):
    checkout = Checkout.of_sources(tmp_path / "checkout")
    record = checkout.path(str(lock.RECORDS / "one.json"))
    held = checkout.path(str(lock.LOCKS / "0.output.lock"))
    for file, text in ((record, json.dumps({"pid": 1})), (held, TARGET)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    command = (".venv/bin/python", "-m", "tangent_bench.cli", "release")
    refused = checkout.run(*command)
    assert refused.status == 2 and "--unlock" in refused.output
    unlocked = checkout.snakemake("--unlock", *preset("micro"))
    assert unlocked.status == 0, unlocked.output
    assert not held.exists() and not record.exists()
    assert checkout.run(*command).status == 0
    dry = checkout.dry_run(*preset("micro"))
    assert dry.status == 0 and not list(record.parent.glob("*.json")), dry.output
