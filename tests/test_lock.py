"""What a run that is provably dead has locked is released; any other lock stays, and the sentence
says whose it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tangent_bench.jobs import lock
from tangent_bench.jobs.lock import Run
from tests.workflow.checkout import ROOT

# A run as the Snakefile begins one: its record, then Snakemake's lock.
RUN = """
import sys, time
from pathlib import Path
from tangent_bench.jobs import lock
lock.enter(Path())
lock.LOCKS.mkdir(parents=True, exist_ok=True)
(lock.LOCKS / "0.output.lock").write_text("results/rows.csv")
print("ready", flush=True)
time.sleep(float(sys.argv[1]))
"""


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


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def begin(folder: Path, seconds: float = 60.0) -> subprocess.Popen:
    """A run that holds the folder's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(seconds)],
        cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    process.stdout.close()


def dead() -> Run:
    """A process of this machine that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    run = replace(Run.of_this_process(), pid=process.pid, start=lock._start(process.pid))
    process.wait()
    return run


def leave(folder: Path, *runs: Run) -> None:
    """Records of runs."""
    (folder / lock.RECORDS).mkdir(parents=True, exist_ok=True)
    for number, run in enumerate(runs):
        (folder / lock.RECORDS / f"{number}.json").write_text(json.dumps(asdict(run)))


def is_locked(folder: Path) -> bool:
    return any((folder / lock.LOCKS).iterdir())


def refused(folder: Path, words: str) -> str:
    with pytest.raises(ValueError, match=words) as caught:
        lock.release(folder, patience=0.2)
    assert is_locked(folder) and "\n" not in str(caught.value)
    return str(caught.value)


def test_the_lock_of_a_dead_run_is_removed(tmp_path):
    end(begin(tmp_path))
    assert is_locked(tmp_path)
    lock.release(tmp_path)
    assert not is_locked(tmp_path)
    assert not list((tmp_path / lock.RECORDS).glob("*.json"))


def test_a_run_at_work_keeps_the_lock(tmp_path):
    process = begin(tmp_path)
    try:
        text = refused(tmp_path, "Another run is at work in this folder")
    finally:
        end(process)
    assert f"process {process.pid} of " in text and "wait for it or stop it" in text
    lock.release(tmp_path)
    assert not is_locked(tmp_path)


def elsewhere(**changed: str) -> Run:
    return replace(Run.of_this_process(), **changed)


UNSEEN = {  # whose process cannot be looked for → what is said
    "another machine": ({"host": "node7"}, "on node7, .*on another machine"),
    "another machine of this name": ({"machine": "other"}, "on another machine"),
    "another container": ({"namespace": "1"}, "in another container"),
    "another machine, and another boot": ({"host": "node7", "boot": "b"}, "on node7"),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_a_run_that_cannot_be_looked_for_keeps_the_lock(locked, name):
    changed, words = UNSEEN[name]
    # its number may be that of nobody here
    leave(locked, dead(), replace(dead(), **changed, user="alice"))
    text = refused(locked, f"Another run may be at work.*{words}")
    assert "of alice" in text and "--unlock" in text


@pytest.mark.parametrize("changed", [{"boot": "another"}, {"start": "1"}])
def test_a_process_of_before_a_restart_is_dead(locked, changed):
    """Its number may be that of another process by now: of this one."""
    assert not Run.of_this_process().has_ended()
    leave(locked, elsewhere(**changed))
    lock.release(locked)
    assert not is_locked(locked)


def test_where_boots_have_no_id_none_is_another(locked):
    assert not elsewhere(boot="").has_ended()


def test_a_process_of_another_user_is_seen(monkeypatch):
    """Where /proc hides it as well."""

    def forbid(pid, number):
        raise PermissionError

    monkeypatch.setattr(lock.os, "kill", forbid)
    monkeypatch.setattr(lock, "_text", lambda file: "")
    assert lock._is_alive(2**22, "5")


def test_an_ended_process_that_nobody_has_waited_for_is_dead():
    process = subprocess.Popen([sys.executable, "-c", ""])
    run = replace(Run.of_this_process(), pid=process.pid, start=lock._start(process.pid))
    deadline = time.monotonic() + 10
    while not run.has_ended() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.has_ended()
    process.wait()


def test_a_lock_without_a_record_stays(locked):
    assert "--unlock" in refused(locked, "left no record of itself")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": 1'])
def test_a_record_that_cannot_be_read_proves_nothing(locked, text):
    leave(locked, dead())
    (locked / lock.RECORDS / "9.json").write_text(text)
    assert "--unlock" in refused(locked, "cannot be read")


def test_the_record_goes_with_a_run_that_ends_by_itself(tmp_path):
    program = "from pathlib import Path\nfrom tangent_bench.jobs import lock\nlock.enter(Path())"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment(), check=True)
    assert not list((tmp_path / lock.RECORDS).glob("*.json"))


def test_a_run_that_is_refused_does_not_speak_for_the_one_at_work(tmp_path):
    """Its record goes nowhere, and proves nothing about the other's lock."""
    process = begin(tmp_path)
    try:
        second = begin(tmp_path, 0.0)
        second.wait()
        second.stdout.close()
        refused(tmp_path, f"process {process.pid} of")
    finally:
        end(process)


def test_a_new_run_forgets_dead_ones_alone(locked, monkeypatch):
    leave(locked, dead(), elsewhere(host="node7"))
    monkeypatch.setattr(lock.atexit, "register", lambda *given: None)
    lock.enter(locked)
    hosts = sorted(run.host for _, run in lock._records(locked))
    assert hosts == sorted(["node7", Run.of_this_process().host])
    lock.forget(locked)
    assert not list(lock._records(locked))


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / ".snakemake").write_text("x")
    with pytest.raises(ValueError, match=r"Cannot write .*\.snakemake"):
        lock.enter(tmp_path)


def test_a_job_at_work_keeps_the_lock(locked, job):
    leave(locked, dead())
    refused(locked, rf"Another run is at work in this folder \(process {job.pid}\)")


def test_a_job_that_ends_in_time_is_waited_for(locked, job):
    leave(locked, dead())
    job.kill()
    job.wait()
    lock.release(locked, patience=5)
    assert not is_locked(locked)


def test_a_job_elsewhere_is_none_of_ours(locked, job, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    assert lock.at_work(other) == [] and [p.pid for p in lock.at_work(locked)] == [job.pid]


def test_where_nothing_is_locked_nobody_is_waited_for(tmp_path, job):
    begun = time.monotonic()
    lock.release(tmp_path)
    assert time.monotonic() - begun < 1


def command(folder: Path, *before: str) -> subprocess.CompletedProcess:
    """The Makefile's step."""
    program = (
        "from tangent_bench import cli\n"
        "from tangent_bench.jobs import lock\n"
        "lock.release.__defaults__ = (0.1,)\n"
        "cli.app(['release'])\n"
    )
    return subprocess.run(
        [*before, sys.executable, "-c", program],
        cwd=folder, env=environment(), capture_output=True, text=True,
    )  # fmt: skip


def test_the_command_says_one_sentence(locked, job):
    done = command(locked)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("Error: Another run is at work")
    assert len(done.stderr.splitlines()) == 1


NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc")


def test_from_a_container_the_lock_of_a_run_outside_stays(tmp_path):
    """A namespace of processes stands for it: the run's number is nobody's in there."""
    can = shutil.which("unshare") and not subprocess.run([*NAMESPACE, "true"], stderr=-3).returncode
    if not can:
        pytest.skip("no namespaces of processes for this user")
    process = begin(tmp_path)
    try:
        done = command(tmp_path, *NAMESPACE)
        assert done.returncode == 2 and is_locked(tmp_path)
        assert f"process {process.pid} of " in done.stderr and "another container" in done.stderr
    finally:
        end(process)
    assert command(tmp_path).returncode == 0 and not is_locked(tmp_path)
