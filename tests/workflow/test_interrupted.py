"""Ctrl-C, a kill and a full disk: what is finished is kept, and the same command goes on from there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tangent_bench import artefacts, layout, rows
from tests.workflow.checkout import Checkout, ended_with_a_sentence, merged, preset

pytestmark = pytest.mark.slow
# The smallest run: its one vector and its rows are among those of the micro preset.
MINI = yaml.safe_load((Path(__file__).parents[2] / "config/micro.yaml").read_text(encoding="utf-8")) | {
    "preset": "mini",
    "results": "results/mini",
    "tasks": ["mnist"],
    "trainings": ["standard"],
    "modes": ["none-network", "standard-network"],
    "experiments": ["single_task"],
    "joint_training": {"trainings": []},
}
VECTOR = layout.vector("tiny", "pretrained", "standard", "mnist", 0)
LOG = "logs/finetune/tiny.pretrained.standard.mnist.0.log"


@pytest.fixture
def mini(tmp_path, micro) -> Iterator[Checkout]:
    """The sources that `micro` ran, with a preset `mini`, nothing built."""
    checkout = Checkout.of_sources(tmp_path / "checkout", micro.root)
    checkout.path("config/mini.yaml").write_text(yaml.safe_dump(MINI), encoding="utf-8")
    yield checkout
    shutil.rmtree(checkout.root)


def _stop_while_it_trains(checkout: Checkout, number: int, *arguments: str) -> str:
    """Start a run, send the signal to all its processes as soon as fine-tuning has begun; returns the output."""
    log = checkout.path(f"{MINI['results']}/{LOG}")
    process = checkout.start(*checkout.command(*arguments))
    try:
        deadline = time.monotonic() + 300
        while not log.is_file():
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
            time.sleep(0.02)
        time.sleep(0.5)
    finally:
        os.killpg(process.pid, number)
    output = process.communicate()[0]
    assert process.returncode != 0, output
    return output


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
    assert report.status == 0 and mini.path("results/mini/report.html").stat().st_size > 10_000, report.output


def _same_as_undisturbed(mini: Checkout, micro: Checkout) -> None:
    """Another results folder, another set of tasks, a kill: the same vector and the same rows, bit for bit."""
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


def test_a_full_disk_is_said_in_a_sentence_and_keeps_what_is_finished(mini, small_disk):
    command = (f"{MINI['results']}/{VECTOR}", *preset("mini"))
    ended_with_a_sentence(
        mini.snakemake(*command), f"Cannot write {command[0]}", "No space left", "finished files are kept"
    )
    data = small_disk / layout.data("mnist", "train")
    artefacts.load(data, "images")
    assert not [path for path in small_disk.rglob("*seed-0*") if path.is_file()]  # nothing half written
    finished_before = data.stat().st_mtime_ns
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    finished = mini.snakemake(*command)
    assert finished.status == 0 and finished.jobs == {"finetune": 1}, finished.output
    assert data.stat().st_mtime_ns == finished_before
