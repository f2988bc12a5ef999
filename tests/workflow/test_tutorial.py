"""The tutorial from its first command to its last, in a clone with nothing built."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.tutorial import steps

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
        finished = sources.run(*words, *(["-o", ".venv/.installed"] if words[0] == "make" else []))
        assert finished.status == 0, finished.output
        said[step.command] = finished.output
    look, regress, take = (said[next(c for c in said if word in c)] for word in ("look.py", "regress", "take.py"))
    assert [line.split()[:2] for line in look.splitlines()[1:]] == [
        ["standard", "network"],
        ["standard", "tangent"],
        ["linear", "tangent"],
    ]
    assert "Agreed mean: 11 laws hold" in regress
    verdicts = regress.partition("Over all tasks, against task_arithmetic:\n")[2].splitlines()
    assert len(verdicts) == 3
    assert all(re.match(r"(better|same|worse|undecided) +agreed_mean  \(tiny, ", line) for line in verdicts)
    moved, whole = map(float, re.fullmatch(r"moved by ([\d.]+) of ([\d.]+)\n?", take).groups())
    assert 0 < moved < whole
