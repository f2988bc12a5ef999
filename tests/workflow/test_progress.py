"""What a run shows by the logger plugin: in a pipe, on a terminal, and when a job fails."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from tests.workflow.checkout import Checkout, environment, preset

pytestmark = pytest.mark.slow
LOGGER = "--logger", "tangent-bench"
GOOD = "results/micro/data/mnist/val.safetensors"
BAD = "results/micro/data/mine/test.safetensors"
LOG = "results/micro/logs/prepare_images/mine.test.log"


@pytest.fixture
def broken(tmp_path) -> list[str]:
    """The arguments for the micro preset with a task whose pictures are none."""
    folder = tmp_path / "images"
    for split in ("train", "val", "test"):
        for name in ("one", "two"):
            file = folder / split / name / "a.png"
            file.parent.mkdir(parents=True)
            file.write_text("no picture")
    entry = {"folder": str(folder), "templates": ["{}"]}
    return preset("micro", tmp_path, tasks=["mnist", "icons", "mine"], custom_tasks={"mine": entry})


def on_a_terminal(checkout: Checkout, *arguments: str) -> tuple[int, str]:
    """Snakemake with its stderr on a pseudo-terminal: its exit status, and what it wrote there."""
    reader, writer = pty.openpty()
    kept = environment() | {"TERM": "xterm"}
    for name in ("NO_COLOR", "CI"):
        kept.pop(name, None)
    process = subprocess.Popen(
        checkout.command(*arguments), cwd=checkout.root, env=kept, stdout=writer, stderr=writer
    )
    os.close(writer)
    parts = []
    try:
        while part := os.read(reader, 2**16):
            parts.append(part)
    except OSError:  # the last one who could write has gone
        pass
    os.close(reader)
    return process.wait(), b"".join(parts).decode()


def test_a_pipe_gets_plain_lines(sources):
    finished = sources.snakemake(GOOD, *preset("micro"), *LOGGER)
    assert finished.status == 0, finished.output
    assert "\x1b" not in finished.output and "input:" not in finished.output
    assert "1 job to run; less than a minute as planned.\n" in finished.output
    assert re.search(r"\n100 %  \d:\d\d, 1 of 1 job; images: done\n", finished.output)
    assert re.search(r"Done: 1 job, in \d:\d\d\.\n$", finished.output)
    again = sources.snakemake(GOOD, *preset("micro"), *LOGGER)
    assert again.status == 0 and "Nothing to be done" in again.output


def test_a_failed_job_is_said_once_on_a_terminal_and_in_a_pipe(sources, broken):
    finished = sources.snakemake(BAD, *broken, *LOGGER)
    status, drawn = on_a_terminal(sources, BAD, *broken, *LOGGER)
    assert "\x1b[J" in drawn and "░" in drawn
    for ended, said in ((finished.status, finished.output), (status, drawn)):
        assert ended != 0, said
        assert said.count("tangent_bench: prepare_images: ") == 1, said
        assert said.count(f"Failed: preparing images of mine, test; its log: {LOG}") == 1
        assert "Traceback" not in said and "input:" not in said and "Exception" not in said
    assert len(finished.sentences) == 1
    assert "1 of them failed; the same command goes on from here." in drawn


def test_a_dry_run_is_snakemakes_own(sources):
    target = "results/micro/data/mnist/test.safetensors"
    plain, ours = (sources.dry_run(target, *preset("micro"), *more) for more in ((), LOGGER))
    assert ours.status == plain.status == 0
    assert ours.jobs == plain.jobs == {"prepare_images": 1}


def test_make_lets_snakemake_speak_if_it_is_asked_to(sources):
    """With VERBOSE=1 there is no plugin; what it runs first."""
    command = "make", "-n", "reproduce", "PRESET=tiny", "-o", ".venv/.installed"
    assert "--logger tangent-bench" in sources.run(*command).output
    assert "--logger" not in sources.run(*command, "VERBOSE=1").output
