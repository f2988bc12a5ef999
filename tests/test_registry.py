"""Plug-ins are found by file name; unknown names are answered with the nearest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tangent_bench
from tangent_bench import registry

ROOT = Path(tangent_bench.__file__).parents[1]


@pytest.mark.parametrize("folder", registry.FOLDERS)
def test_names_are_the_files(folder):
    files = {p.name for p in (ROOT / "tangent_bench" / folder).iterdir() if p.suffix == ".py"}
    expected = sorted(f[:-3] for f in files if not f.startswith("_"))
    assert registry.names(folder) == expected and expected


@pytest.mark.parametrize("folder", registry.FOLDERS)
def test_every_plugin_loads_by_its_name(folder):
    for name in registry.names(folder):
        assert registry.load(folder, name).__name__ == f"tangent_bench.{folder}.{name}"


@pytest.mark.parametrize(
    ("folder", "wrong", "nearest"),
    [
        ("tasks", "mnsit", "mnist"),
        ("training", "linera", "linear"),
        ("experiments", "task_additon", "task_addition"),
        ("methods", "task_arithmetics", "task_arithmetic"),
        ("models", "tinny", "tiny"),
    ],
)
def test_unknown_name_is_answered_with_the_nearest(folder, wrong, nearest):
    with pytest.raises(ValueError) as caught:
        registry.load(folder, wrong)
    sentence = str(caught.value)
    assert (
        f"Unknown name {wrong!r} in '{folder}'" in sentence
        and f"Did you mean {nearest!r}?" in sentence
    )
    assert (
        all(name in sentence for name in registry.names(folder))
        and f"tangent_bench/{folder}/{wrong}.py" in sentence
    )


def test_name_like_no_other_gets_no_guess():
    with pytest.raises(ValueError, match="expected one of") as caught:
        registry.load("tasks", "zzzzzzzz")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["_checks", "__init__", "../seeds", ""])
def test_private_files_and_paths_are_no_plugins(name):
    with pytest.raises(ValueError, match="Unknown name"):
        registry.load("tasks", name)


def test_parsing_the_snakefile_imports_nothing_heavy():
    code = (
        "import sys; from tangent_bench import models, registry; from tangent_bench.planning "
        "import config; from tangent_bench.store import layout\n"
        "[registry.load('experiments', n) for n in registry.names('experiments')]\n"
        "[registry.load('models', n) for n in registry.names('models')]\n"
        "print(*{'torch', 'open_clip', 'torchvision'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert found.strip() == ""


def test_no_task_of_texts_is_called_like_one_of_images():
    assert not set(registry.names("tasks")) & set(registry.names("texts"))
