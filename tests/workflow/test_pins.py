"""environment.yml, pyproject.toml and requirements.lock name the same versions, and one range of
Pythons.
"""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())


def _pins(lines: list[str]) -> dict[str, str]:
    """Canonical name → version; fails for a requirement that is not pinned exactly, or that stands
    there twice.
    """
    pins = {}
    for line in lines:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        name = canonicalize_name(requirement.name)
        assert specifier.operator == "==" and "*" not in specifier.version, (
            f"'{line}' is no exact pin"
        )
        assert name not in pins, f"'{name}' is pinned twice"
        pins[name] = specifier.version
    return pins


def _project_pins() -> dict[str, str]:
    extras = PYPROJECT["project"]["optional-dependencies"]
    return _pins(
        [
            *PYPROJECT["project"]["dependencies"],
            *(line for extra in extras.values() for line in extra),
        ]
    )


def _environment_pins() -> dict[str, str]:
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    return _pins([line for line in pip if not line.startswith("-")])


def _lock_pins() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return _pins([line for line in lines if line and not line.startswith("#")])


def test_environment_pins_are_those_of_pyproject():
    assert _environment_pins() == _project_pins()


def test_lock_contains_every_pin_of_pyproject():
    project, lock = _project_pins(), _lock_pins()
    assert {name: lock.get(name) for name in project} == project


def test_lock_leaves_the_accelerator_packages_to_torch():
    assert [name for name in _lock_pins() if re.match(r"nvidia-|cuda-|triton", name)] == []


def test_every_locked_version_installs_on_the_lowest_python():
    """Debian 12 has 3.11.2: a package that asks for a later patch of 3.11 ends `make install`
    there.
    """
    (specifier,) = SpecifierSet(PYPROJECT["project"]["requires-python"])
    locked = _lock_pins()
    found = [
        package for package in metadata.distributions() if canonicalize_name(package.name) in locked
    ]
    asked = {package.name: package.metadata.get("Requires-Python", "") for package in found}
    assert len(asked) > 100
    assert [
        name for name, text in asked.items() if f"{specifier.version}.0" not in SpecifierSet(text)
    ] == []


def test_environment_uses_the_lock_as_constraints():
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    assert "-c requirements.lock" in pip


def test_python_of_the_environment_lies_in_the_declared_range():
    (python,) = [
        Requirement(e.replace("=", "==", 1))
        for e in ENVIRONMENT["dependencies"]
        if str(e)[:6] == "python"
    ]
    (specifier,) = python.specifier
    assert specifier.version in SpecifierSet(PYPROJECT["project"]["requires-python"])


def test_lowest_python_is_the_same_everywhere():
    (specifier,) = SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert specifier.operator == ">="
    lowest = specifier.version
    classifiers = [
        c.rpartition(" ")[2] for c in PYPROJECT["project"]["classifiers"] if ":: Python :: 3." in c
    ]
    assert min(classifiers, key=lambda version: int(version.partition(".")[2])) == lowest
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + lowest.replace(".", "")
    assert (
        "sys.version_info < ({}, {})".format(*lowest.split(".")) in (ROOT / "Makefile").read_text()
    )


def test_classifiers_claim_what_the_readme_says_was_run():
    classifiers = PYPROJECT["project"]["classifiers"]
    run = re.findall(
        r"^\| (system|Python|PyTorch) \| (.*?) \|",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.M,
    )
    versions = [c.rpartition(" ")[2] for c in classifiers if re.search(r"Python :: 3\.", c)]
    assert dict(run)["Python"] == f"CPython {', '.join(versions)}"
    assert [c for c in classifiers if "Operating System" in c] == [
        "Operating System :: POSIX :: Linux"
    ]
    assert "Debian" in dict(run)["system"] and _project_pins()["torch"] in dict(run)["PyTorch"]


@pytest.mark.parametrize("line", ["numpy>=2", "numpy", "numpy==2.*"])
def test_a_loose_pin_is_caught(line):
    with pytest.raises((AssertionError, ValueError)):
        _pins([line])
