"""A shared folder is built once, stays while anybody uses it, and goes with the last."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.workflow.checkout import ROOT
from tests.workflow.shared import shared

# Builds slowly, says so, and waits until it is told to leave.
PROGRAM = """
import sys, time
from pathlib import Path
from tests.workflow.shared import shared

def build(folder):
    folder.mkdir()
    time.sleep(0.3)
    (folder / "content").write_text("whole")
    print("built", flush=True)

with shared(Path(sys.argv[1]), build) as folder:
    print((folder / "content").read_text(), flush=True)
    sys.stdin.readline()
    print((folder / "content").read_text(), flush=True)
"""


def test_processes_that_ask_at_once_build_once_and_the_last_removes_it(tmp_path):
    folder = tmp_path / "deep" / "shared"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    started = [subprocess.Popen([sys.executable, "-c", PROGRAM, folder], **pipes) for _ in range(3)]
    first = [process.stdout.readline() for process in started]
    assert sorted(first) == ["built\n", "whole\n", "whole\n"]
    for process in started:
        assert folder.is_dir()
        process.communicate("leave\n")
        assert process.returncode == 0
    assert not folder.exists()


def test_it_stays_for_those_who_use_it_and_is_built_again_when_all_have_left(tmp_path):
    folder, builds = tmp_path / "shared", []

    def build(path):
        builds.append(path)
        path.mkdir()

    with ExitStack() as outer:
        outer.enter_context(shared(folder, build))
        with shared(folder, build):
            assert builds == [folder]
        assert folder.is_dir()
    assert not folder.exists()
    with shared(folder, build):
        assert builds == [folder] * 2 and folder.is_dir()


def test_what_failed_half_way_is_built_anew(tmp_path):
    def fail(folder):
        (folder / "half").mkdir(parents=True)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"), shared(tmp_path / "shared", fail):
        pass
    with shared(tmp_path / "shared", lambda folder: folder.mkdir()) as folder:
        assert folder.is_dir() and not (folder / "half").exists()
