"""The plan against what Snakemake and a finished run say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.workflow.checkout import ROOT, Checkout, environment, merged, preset

# Numbers of jobs of a run, and of a larger one.
PROGRAM = """
import json, signal, sys
from collections import Counter
from tangent_bench.planning import jobs
files = sys.argv[1:]
config = jobs.read_config(files)
own = jobs.of_dag(files)
larger = jobs.of_larger_dag(files, config, 4, 2)
print(json.dumps([Counter(job.rule for job in each) for each in (own, larger.jobs)]))
number = len({str(job) for job in larger.jobs})
print(json.dumps([number, larger.originals, larger.config["seeds"]]))
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "it can be stopped as before"
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


@pytest.mark.slow
def test_the_larger_run_has_the_jobs_of_more_tasks_and_seeds():
    """Three tasks and a seed become four tasks, one a copy, and two seeds."""
    done = run("-c", PROGRAM, "config/micro.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "the dry run was printed, or something is missing"
    (own, larger), (number, originals, seeds) = map(json.loads, done.stdout.splitlines())
    tasks = merged("micro")["tasks"]
    assert originals == {task: task for task in tasks} | {"copy-3": tasks[0]}
    assert seeds == [0, 1]
    assert number == sum(larger.values()), "no job twice"
    data = ("contact_sheet", "build_head", "encode_base")
    assert {rule: (own[rule], larger[rule]) for rule in data} == dict.fromkeys(data, (4, 5))
    assert (own["prepare_images"], larger["prepare_images"]) == (3 * 3 + 2, 4 * 3 + 2)
    joint = len(merged("micro")["joint_training"]["trainings"])
    assert (own["finetune"], larger["finetune"]) == (2 * 3 + joint, 2 * (2 * 4 + joint))
    assert (own["encode_changes"], larger["encode_changes"]) == (2 * 4, 2 * 2 * 5)
    growing = {*data, "prepare_images", "finetune", "encode_changes", "run_experiment"}
    assert {rule: n for rule, n in own.items() if rule not in growing} == {
        rule: n for rule, n in larger.items() if rule not in growing
    }


@pytest.mark.slow
def test_a_vector_that_is_read_is_one_in_the_larger_run_too(tmp_path):
    """Its further files need not be there."""
    (tmp_path / "vectors").mkdir()
    tasks = merged("micro")["tasks"]
    files = {task: f"{task}.pt" for task in tasks}
    for file in files.values():
        (tmp_path / "vectors" / file).touch()
    entry = {
        "layout": "state_dict",
        "protocol": "A",
        "folder": str(tmp_path / "vectors"),
        "files": files,
    }
    changed = {"checkpoints": {"standard": entry}, "joint_training": {"trainings": []}}
    (tmp_path / "changed.yaml").write_text(json.dumps(changed))
    done = run("-c", PROGRAM, "config/micro.yaml", str(tmp_path / "changed.yaml"))
    assert done.returncode == 0, done.stderr
    (own, larger), _ = map(json.loads, done.stdout.splitlines())
    assert (own["import_checkpoint"], larger["import_checkpoint"]) == (3, 8)
    assert (own["finetune"], larger["finetune"]) == (3, 8)


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
