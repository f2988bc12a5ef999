"""What the tutorial has a reader save and run: files and commands are found, and its method keeps
the laws.
"""

from __future__ import annotations

import types

from tangent_bench import testing
from tests.tutorial import steps


def test_its_commands_and_files_are_found():
    found = steps()
    assert [step.path for step in found if step.path] == [
        "look.py",
        "tangent_bench/methods/agreed_mean.py",
        "take.py",
    ]
    assert [step.command.split()[0] for step in found if step.command].count("make") == 3
    assert all((step.path == "") != (step.command == "") for step in found)


def test_its_method_keeps_the_laws():
    module = types.ModuleType("agreed_mean")
    (text,) = [step.text for step in steps() if step.path.endswith("agreed_mean.py")]
    exec(compile(text, "docs/tutorial.md", "exec"), module.__dict__)
    assert len(testing.check_method(module)) == 11
