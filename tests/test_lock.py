"""What a dead run has locked is released; a run at work, or a job of one, keeps its lock."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tangent_bench.jobs import lock


@pytest.fixture
def locked(tmp_path) -> Path:
    """A folder with a lock as Snakemake leaves it."""
    (tmp_path / lock.LOCKS).mkdir(parents=True)
    (tmp_path / lock.LOCKS / "0.output.lock").write_text("results/rows.csv\n")
    return tmp_path


@pytest.fixture
def job(tmp_path) -> Iterator[subprocess.Popen]:
    """A process as of a job in this folder."""
    script = tmp_path / lock.JOB / "tmp1.finetune.py"
    script.parent.mkdir(parents=True)
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)")
    with subprocess.Popen(
        [sys.executable, str(script)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_the_lock_of_a_dead_run_is_removed(locked):
    lock.release(locked)
    assert not list((locked / lock.LOCKS).iterdir())


def test_a_job_at_work_keeps_the_lock(locked, job):
    with pytest.raises(
        ValueError, match=rf"Another run is at work in this folder \(process {job.pid}\)"
    ):
        lock.release(locked, patience=0.2)
    assert list((locked / lock.LOCKS).iterdir())


def test_a_job_that_ends_in_time_is_waited_for(locked, job):
    job.kill()
    job.wait()
    lock.release(locked, patience=5)
    assert not list((locked / lock.LOCKS).iterdir())


def test_a_job_elsewhere_is_none_of_ours(locked, job, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    assert lock.at_work(other) == [] and [p.pid for p in lock.at_work(locked)] == [job.pid]


def test_where_nothing_is_locked_nobody_is_waited_for(tmp_path, job):
    begun = time.monotonic()
    lock.release(tmp_path)
    assert time.monotonic() - begun < 1


def test_the_command_says_one_sentence(locked, job):
    program = (
        "from tangent_bench import cli\n"
        "from tangent_bench.jobs import lock\n"
        "lock.release.__defaults__ = (0.1,)\n"
        "cli.app(['release'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=locked, env={"PYTHONPATH": str(Path.cwd())}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("Error: Another run is at work")
    assert len(done.stderr.splitlines()) == 1
