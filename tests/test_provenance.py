"""A job ends with the run that it belongs to, removes what an earlier one left, and a killed one is
named by others.
"""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tangent_bench.jobs import provenance

# A job as a rule's script: it says that it has begun, and goes on until it is stopped.
JOB = """
import sys, time
from types import SimpleNamespace
from tangent_bench.jobs.provenance import job

named = {"threads": 1, "rule": "finetune", "wildcards": {}}
named |= {"log": ["logs/one.log"], "output": ["made/one.csv"]}
named["resources"] = SimpleNamespace()
with job(SimpleNamespace(**named)):
    print("begun", flush=True)
    time.sleep(60)
"""


def _start(folder: Path, run: subprocess.Popen | None, body: str = JOB) -> subprocess.Popen:
    """A job of a run that is any process, or of none."""
    environment = {"PYTHONPATH": str(Path(provenance.__file__).parents[2])}
    if run is not None:
        environment[provenance.RUN] = str(run.pid)
    job = subprocess.Popen(
        [sys.executable, "-c", body],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        # ignored where tests run in the background
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert job.stdout.readline() == "begun\n"
    return job


SAYS = """
import logging
from tangent_bench.jobs import console

console.say_warnings()
of_snakemake = logging.getLogger("snakemake.logging")
of_snakemake.setLevel(logging.INFO)
of_snakemake.addHandler(logging.StreamHandler())
logging.warning("look")
of_snakemake.info("a plan")
of_snakemake.error("a failure")
logging.info("of no interest")
"""


def test_a_warning_does_not_make_snakemake_say_everything_twice():
    done = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["Warning: look", "a plan", "a failure"]


@pytest.mark.parametrize("reaped", [True, False])
def test_a_job_ends_when_its_run_is_killed(tmp_path, reaped):
    with subprocess.Popen(["sleep", "60"]) as run, _start(tmp_path, run) as job:
        assert job.poll() is None
        run.kill()
        if reaped:  # else it stays a zombie, as under a first process that is no init
            run.wait()
        assert job.wait(timeout=30) == 1
    assert "was killed; the same command goes on" in (tmp_path / "logs/one.log").read_text()


SWALLOWS = """
    class Swallows:
        def __del__(self):  # what is raised in here goes no further, as in code in C
            time.sleep(60)
    print("begun", flush=True)
    Swallows()
    time.sleep(60)
"""


@pytest.mark.parametrize("body", [JOB, JOB.split("    print(")[0] + SWALLOWS])
def test_ctrl_c_ends_a_job_even_where_the_interrupt_would_be_swallowed(tmp_path, body):
    (tmp_path / "made").mkdir()
    with _start(tmp_path, None, body) as job:
        unfinished = tmp_path / "made/.one.csv.x7abcdef"
        unfinished.touch()
        job.send_signal(signal.SIGINT)
        assert job.wait(timeout=30) == 130
    assert (
        (tmp_path / "logs/one.log")
        .read_text()
        .endswith("finetune: stopped; the same command goes on from here.\n")
    )
    assert not unfinished.exists()


def test_a_full_gpu_is_one_sentence(tmp_path):
    full = JOB.replace(
        "    print(", "    raise type('OutOfMemoryError', (RuntimeError,), {})\n    print("
    )
    environment = {"PYTHONPATH": str(Path(provenance.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", full], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(
        "tangent_bench: finetune: the GPU's memory is too small; lower evaluation.batch_size"
    )
    assert done.stderr.count("\n") == 1 and "Traceback" in (tmp_path / "logs/one.log").read_text()


def test_a_job_removes_what_an_earlier_one_left_unfinished(tmp_path):
    left = "made/.one.csv.x7abcdef", "made/.one.state.x7abcdef", "logs/.one.json.x7abcdef"
    others = "made/.other.csv.x7abcdef", "made/one.csv", "made/.one2.csv.x7abcdef"
    for name in (*left, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with subprocess.Popen(["sleep", "60"]) as run, _start(tmp_path, run) as job:
        assert not any((tmp_path / name).exists() for name in left)
        assert all((tmp_path / name).exists() for name in others)
        job.kill()
        run.kill()


COMMAND = "Command 'set -euo pipefail;  .venv/bin/python /a b/.snakemake/scripts/tmp_z4p3a78.{}.py'"


def test_killed_jobs_are_named_once_and_others_are_not(tmp_path, capsys):
    log = tmp_path / "snakemake.log"
    ends = {
        "finetune": "died with <Signals.SIGKILL: 9>.",
        "merge": "returned non-zero exit status 1.",
        "encode_base": "returned non-zero exit status 137.",
        "build_head": "died with <Signals.SIGINT: 2>.",
    }
    log.write_text("\n".join(f"{COMMAND.format(rule)} {end}" for rule, end in ends.items()) * 2)
    provenance.say_killed([str(log)])
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in said] == ["finetune", "encode_base"]
    assert all("was killed" in line and "CORES=1" in line for line in said)


def test_a_record_names_the_processor(monkeypatch):
    said = provenance._processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file() and "model name" in cpuinfo.read_text():
        assert f": {said}\n" in cpuinfo.read_text()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "processor : 0\nmodel name :\n")
    assert provenance._processor() == (platform.processor() or platform.machine())
