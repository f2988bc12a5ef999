"""What the Makefile answers where a variable or a preset is none, and what it passes on."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.workflow.checkout import ROOT, environment

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
(VARIABLES,) = (line.split() for line in re.findall(r"^VARIABLES := (.*)$", MAKEFILE, re.M))


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """A dry run of make, as if the environment were installed."""
    command = "make", "-n", "-o", ".venv/.installed", *words
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("preset=micro", "There is no variable preset (did you mean PRESET?); expected some of"),
        ("JOBS=2", "There is no variable JOBS; expected some of PRESET CONFIG CORES"),
        ("prest=a b=c", "There is no variable prest; expected some of"),
    ],
)
def test_a_variable_that_nothing_reads_is_refused(given, said):
    done = make("reproduce", given)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_every_variable_is_read():
    for name in VARIABLES:
        assert f"$({name}" in MAKEFILE, name
    usual = re.findall(r"^([A-Z_]+) \?=", MAKEFILE, re.M)
    assert set(usual) <= set(VARIABLES)
    shown = re.findall(r"\b([A-Z_]{3,})=", " ".join(re.findall(r"## (.*)", MAKEFILE)))
    assert set(shown) <= set(VARIABLES)


def test_what_is_right_is_passed_on():
    done = make("regress", "METHOD=ties", "SET=keep=0.1 b=2", "VERBOSE=1", "ARGS=--fail-on worse")
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1].split()
    assert last[-7:] == ["--set", "keep=0.1", "--set", "b=2", "--verbose", "--fail-on", "worse"]
    assert "--verbose" not in make("regress", "METHOD=ties").stdout


@pytest.mark.parametrize("target", ["reproduce", "plan"])
def test_a_preset_that_is_none_is_answered_first(target):
    first = make(target, "PRESET=tyni").stdout.splitlines()[0]
    assert first.startswith("test -f config/tyni.yaml || ") and "There is no preset" in first
