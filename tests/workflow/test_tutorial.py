"""The tutorial from its first command to its last, in a clone with nothing built."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.tutorial import PAGE, steps

pytestmark = pytest.mark.full


def test_the_tutorial_runs(sources):
    said = {}
    for step in steps():
        if step.path:
            sources.path(step.path).write_text(step.text, encoding="utf-8")
            continue
        words = shlex.split(step.command)
        if words[:2] == ["make", "install"]:
            continue  # the environment is shared
        if words[0].endswith("tangent-bench"):  # the program of a shared environment is not ours
            words[:1] = [".venv/bin/python", "-m", "tangent_bench.cli"]
        finished = sources.run(*words, *(["-o", ".venv/.installed"] if words[0] == "make" else []))
        assert finished.status == 0, finished.output
        said[step.command] = finished.output
    look, regress, take = (
        said[next(c for c in said if word in c)] for word in ("look.py", "regress", "take.py")
    )
    assert [line.split()[:2] for line in look.splitlines()[1:]] == [
        ["standard", "network"],
        ["standard", "tangent"],
        ["linear", "tangent"],
    ]
    assert "Agreed mean: 11 laws hold" in regress
    shown = re.escape(
        re.search(r"^```text\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)[1]
    )
    verdict = r"(?:better|same|worse|undecided)\\ +"
    assert re.search(re.sub(r"(?:\\\.){3}(?:\\ )+", verdict, shown) + r"\Z", regress), regress
    merged = said[next(command for command in said if "bench merge" in command)]
    alpha = re.search(r"merged by agreed_mean, α = ([\d.]+), selected on validation", merged)[1]
    first, second = take.splitlines()
    assert first == f"mnist+icons+terrain by agreed_mean, alpha {float(alpha)}"
    moved, whole = map(float, re.fullmatch(r"moved by ([\d.]+) of ([\d.]+)", second).groups())
    assert moved < whole and (moved > 0) == (float(alpha) > 0)
