"""Ctrl-C, kills, a full or read-only disk, two runs at once: what is finished stays, the same
command goes on.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tangent_bench.jobs import lock
from tangent_bench.store import artefacts, layout, rows
from tests.workflow.checkout import Checkout, Finished, ended_with_a_sentence, merged, preset
from tests.workflow.mini import MINI
from tests.workflow.mini import checkout as made

pytestmark = pytest.mark.slow
VECTOR = layout.vector("tiny", "pretrained", "standard", "mnist", 0)
LOG = "logs/finetune/tiny.pretrained.standard.mnist.0.log"


@pytest.fixture
def mini(tmp_path, micro) -> Iterator[Checkout]:
    """The sources that `micro` ran, with a preset `mini`, nothing built."""
    checkout = made(tmp_path / "checkout", micro.root)
    yield checkout
    shutil.rmtree(checkout.root)


def _start_and_wait_until_it_trains(checkout: Checkout, *arguments: str) -> subprocess.Popen:
    log = checkout.path(f"{MINI['results']}/{LOG}")
    process = checkout.start(*checkout.command(*arguments))
    deadline = time.monotonic() + 300
    while not log.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if not log.is_file():
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(process.communicate()[0])
    return process


def _stop_while_it_trains(checkout: Checkout, number: int, *arguments: str) -> str:
    """Start a run, send the signal to all its processes as soon as fine-tuning has begun; returns
    the output.
    """
    process = _start_and_wait_until_it_trains(checkout, *arguments)
    time.sleep(0.5)
    os.killpg(process.pid, number)
    output = process.communicate()[0]
    assert process.returncode != 0, output
    return output


@pytest.mark.full
def test_a_killed_run_goes_on_with_make_reproduce(mini, micro):
    _stop_while_it_trains(mini, signal.SIGKILL, *preset("mini"))
    assert list(mini.path(".snakemake/locks").iterdir())
    assert not mini.path(f"{MINI['results']}/{VECTOR}").is_file()
    data = mini.path(f"{MINI['results']}/{layout.data('mnist', 'train')}")
    finished_before = data.stat().st_mtime_ns
    # the environment is shared with this test: make must not install it
    finished = mini.run("make", "reproduce", "PRESET=mini", "CORES=2", "-o", ".venv/.installed")
    assert finished.status == 0, finished.output
    assert data.stat().st_mtime_ns == finished_before
    assert mini.path("results/mini/index.html").stat().st_size > 10_000
    _same_as_undisturbed(mini, micro)
    assert finished.output.splitlines()[-1] == "Results page: results/mini/index.html"
    report = mini.snakemake("--report", "results/mini/report.html", *preset("mini"))
    assert report.status == 0 and mini.path("results/mini/report.html").stat().st_size > 10_000, (
        report.output
    )


def _same_as_undisturbed(mini: Checkout, micro: Checkout) -> None:
    """Another results folder, another set of tasks, a kill: the same vector and the same rows, bit
    for bit.
    """
    ours, theirs = mini.path(MINI["results"]), micro.path(merged("micro")["results"])
    assert (ours / VECTOR).read_bytes() == (theirs / VECTOR).read_bytes()
    found, expected = (rows.read(folder / "rows.csv") for folder in (ours, theirs))
    found = found[~found["task"].isin(["all", "own"])]  # means over other sets of tasks
    assert len(found) == 7
    both = found.merge(expected, on=list(found.columns), how="left", indicator=True)
    assert (both["_merge"] == "both").all(), both[both["_merge"] != "both"]


def test_ctrl_c_shows_no_traceback_and_the_same_command_goes_on(mini):
    target = f"{MINI['results']}/{VECTOR}"
    output = _stop_while_it_trains(mini, signal.SIGINT, target, *preset("mini"))
    assert "Traceback" not in output and "KeyboardInterrupt" not in output, output
    assert "tangent_bench: finetune: stopped; the same command goes on from here." in output
    assert not mini.path(target).is_file()
    finished = mini.snakemake(target, *preset("mini"))
    assert finished.status == 0 and finished.jobs == {"finetune": 1}, finished.output


@pytest.mark.full
def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(mini, micro):
    first = _start_and_wait_until_it_trains(mini, *preset("mini"))
    try:
        by_make = mini.run("make", "reproduce", "PRESET=mini", "CORES=2", "-o", ".venv/.installed")
        by_snakemake = mini.snakemake(*preset("mini"))
        assert first.poll() is None
    finally:
        output = first.communicate()[0]
    # The next number is the process's; make says in a line of its own that it stops.
    assert "Another run is at work in this folder (process " in by_make.output.splitlines()[0]
    assert "cannot be locked" in by_snakemake.output
    for refused in (by_make, by_snakemake):
        assert refused.status != 0 and "Traceback" not in refused.output, refused.output
    assert first.returncode == 0, output
    _same_as_undisturbed(mini, micro)


def _of_one_job(name: str, number: int, checkout: Checkout) -> None:
    """Send a signal to the job of a script."""
    (job,) = [
        p for p in lock.at_work(checkout.root) if any(f".{name}.py" in a for a in p.info["cmdline"])
    ]
    job.send_signal(number)


@pytest.mark.full
def test_a_job_that_is_killed_is_named_in_a_sentence(mini):
    target = f"{MINI['results']}/{VECTOR}"
    process = _start_and_wait_until_it_trains(mini, target, *preset("mini"))
    _of_one_job("finetune", signal.SIGKILL, mini)
    output = process.communicate()[0]
    sentence = ended_with_a_sentence(
        Finished(process.returncode, output), "its process was killed", "same command"
    )
    assert f"tangent_bench: finetune: {sentence}" in output
    assert not mini.path(target).is_file()


@pytest.fixture
def small_disk(mini) -> Iterator[Path]:
    """A file system of 3 MB as the results folder: room for images, not for a vector."""
    folder = mini.path(MINI["results"])
    folder.mkdir(parents=True)
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let a file system be mounted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.full
def test_a_full_disk_is_said_in_a_sentence_and_keeps_what_is_finished(mini, small_disk):
    command = (f"{MINI['results']}/{VECTOR}", *preset("mini"))
    ended_with_a_sentence(
        mini.snakemake(*command),
        f"Cannot write {command[0]}",
        "No space left",
        "finished files are kept",
    )
    data = small_disk / layout.data("mnist", "train")
    artefacts.load(data, "images")
    assert not [
        path for path in small_disk.rglob("*seed-0*") if path.is_file()
    ]  # nothing half written
    finished_before = data.stat().st_mtime_ns
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    finished = mini.snakemake(*command)
    assert finished.status == 0 and finished.jobs == {"finetune": 1}, finished.output
    assert data.stat().st_mtime_ns == finished_before


@pytest.mark.full
def test_results_that_cannot_be_written_are_named_and_stay(mini, small_disk):
    data, target = (
        f"{MINI['results']}/{layout.data('mnist', split)}" for split in ("train", "val")
    )
    assert mini.snakemake(data, *preset("mini")).status == 0
    content = mini.path(data).read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert mini.snakemake(data, *preset("mini")).jobs == {}
    refused = mini.snakemake(target, *preset("mini"))
    ended_with_a_sentence(
        refused,
        f"Cannot write {MINI['results']}",
        "Read-only file system",
        "finished files are kept",
    )
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert mini.snakemake(target, *preset("mini")).jobs == {"prepare_images": 1}
    assert mini.path(data).read_bytes() == content
