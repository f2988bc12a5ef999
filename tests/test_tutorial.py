"""What the tutorial has a reader save and run: it is Python, its names exist, and its method keeps the laws."""

from __future__ import annotations

import ast
import importlib
import types

from tangent_bench import testing
from tests.tutorial import steps


def test_its_commands_and_files_are_found():
    found = steps()
    assert [step.path for step in found if step.path] == ["look.py", "tangent_bench/methods/agreed_mean.py", "take.py"]
    assert [step.command.split()[0] for step in found if step.command].count("make") == 3
    assert all((step.path == "") != (step.command == "") for step in found)


def test_names_of_its_scripts_exist():
    saved = [step for step in steps() if step.path]
    assert saved
    for step in saved:
        tree = ast.parse(step.text)
        imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        known = {}
        for node in imported:
            module = importlib.import_module(node.module)
            for alias in node.names:
                is_module = not hasattr(module, alias.name)
                full = f"{node.module}.{alias.name}"
                known[alias.name] = importlib.import_module(full) if is_module else getattr(module, alias.name)
        used = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
        ours = [(node.value.id, node.attr) for node in used if node.value.id in known]
        assert imported and [pair for pair in ours if not hasattr(known[pair[0]], pair[1])] == []


def test_its_method_keeps_the_laws():
    module = types.ModuleType("agreed_mean")
    (text,) = [step.text for step in steps() if step.path.endswith("agreed_mean.py")]
    exec(compile(text, "docs/tutorial.md", "exec"), module.__dict__)
    assert len(testing.check_method(module)) == 11
