"""The rules that `limits.py` holds tests to, seen from a run of pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETTINGS = {
    "PYTHONPATH": str(ROOT),
    "NO_COLOR": "1",
    "PYTEST_ADDOPTS": "",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
TESTS = """
import time
import pytest

def busy():
    begun = time.process_time()
    while time.process_time() - begun < 0.4:
        pass

def test_busy():
    busy()

@pytest.mark.slow
def test_busy_and_slow():
    busy()

def test_waiting():
    time.sleep(0.4)
"""


def test_a_unit_test_that_keeps_a_processor_busy_for_too_long_fails(tmp_path):
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    options = ["-p", "tests.limits", "-p", "no:cacheprovider", "--unit-seconds", "0.2", "-rA"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        env=os.environ | SETTINGS,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    outcomes = {line.split()[1].rpartition("::")[2]: line.split()[0] for line in _summary(run)}
    assert outcomes == {
        "test_busy": "FAILED",
        "test_busy_and_slow": "PASSED",
        "test_waiting": "PASSED",
    }
    assert "A unit test has 0.2 s of a processor" in run.stdout


def _summary(run: subprocess.CompletedProcess[str]) -> list[str]:
    lines = run.stdout.splitlines()
    return [line for line in lines if line.startswith(("PASSED", "FAILED"))]
