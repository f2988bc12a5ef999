"""The plan against what Snakemake and a finished run say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.workflow.checkout import ROOT, Checkout, environment, preset

# Jobs of both sources, for each preset; in one process, since planning does not depend on what was
# planned before.
PROGRAM = """
import json, sys
from tangent_bench.planning import jobs
found = {}
for name in sys.argv[1:]:
    files = [f"config/{name}.yaml"]
    key = lambda job: [job.rule, sorted(job.wildcards.items()), job.gpus]
    dag = [key(job) for job in jobs.of_dag(files) if job.rule in jobs.GROWING]
    found[name] = [sorted(dag), sorted(map(key, jobs.of_config(jobs.read_config(files))))]
print(json.dumps(found))
"""


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_jobs_by_formula_are_those_of_the_dag():
    """Each with its wildcards and its GPU, none more than once."""
    presets = ("micro", "tiny", "paper", "emergence", "five_seeds", "methods", "methods_negation")
    done = run("-c", PROGRAM, *presets)
    assert done.returncode == 0, done.stderr
    assert "rule " not in done.stderr, "the dry run was printed"
    for name, (dag, formula) in json.loads(done.stdout).items():
        assert dag == formula, name
        assert len(dag) > 50 and len({json.dumps(job) for job in dag}) == len(dag)
        assert any(gpus for *_, gpus in dag) == (name == "paper")


@pytest.mark.full
def test_disk_is_what_the_micro_preset_left(micro):
    done = micro.run(
        ".venv/bin/python", "-m", "tangent_bench.cli", "plan", *preset("micro"), "--json"
    )
    assert done.status == 0, done.output
    kinds = {kind["name"]: kind for kind in json.loads(done.output)["kinds"]}
    for folder, names in {
        "vectors": ["finetune (standard)", "finetune (linear)"],
        "features": ["encode changes (standard)", "encode changes (linear)"],
        "data": ["prepare images"],
    }.items():
        files = list(micro.path(f"results/micro/{folder}").rglob("*.safetensors"))
        assert sum(kinds[name]["jobs"] for name in names) == len(files)
        size = sum(file.stat().st_size for file in files)
        assert sum(kinds[name]["disk"] for name in names) == pytest.approx(
            size, rel=0.03
        )  # small files, large headers
    assert all(kinds[name]["peak_bytes"] for name in ("finetune (linear)", "all"))


@pytest.mark.full
def test_seconds_are_those_of_the_tiny_preset_within_a_quarter():
    """Of the run in place, which is built if it is not there yet; on the machine that built it."""
    here = Checkout(ROOT)
    finished = here.run(*here.command(*preset("tiny"))[:-1], "all")
    assert finished.status == 0, finished.output
    done = run("-m", "tangent_bench.cli", "plan", *preset("tiny"), "--against", "results/tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("all")
