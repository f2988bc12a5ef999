"""pyproject.toml says which versions the library needs, requirements.lock which ones it is tested
with; environment.yml takes both, and all name one range of Pythons.
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
PYTHONS = [
    classifier.rpartition(" ")[2]
    for classifier in PYPROJECT["project"]["classifiers"]
    if ":: Python :: 3." in classifier
]


def _pins(lines: list[str], python: str = "3.11") -> dict[str, str]:
    """Canonical name → version on Linux; fails for what is not pinned exactly, or pinned twice."""
    pins = {}
    for line in lines:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        name = canonicalize_name(requirement.name)
        assert specifier.operator == "==" and "*" not in specifier.version, (
            f"'{line}' is no exact pin"
        )
        here = {"python_version": python, "python_full_version": f"{python}.0"}
        if requirement.marker is None or requirement.marker.evaluate(here):
            assert name not in pins, f"'{name}' is pinned twice"
            pins[name] = specifier.version
    return pins


def _lock_pins(python: str = "3.11") -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return _pins([line for line in lines if line and not line.startswith("#")], python)


def _requirements() -> list[Requirement]:
    """What pyproject.toml asks for, with its extras."""
    project = PYPROJECT["project"]
    lines = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        lines += extra
    return [Requirement(line) for line in lines]


def _environment_lines() -> list[str]:
    (lines,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    return lines


def _range() -> SpecifierSet:
    return SpecifierSet(PYPROJECT["project"]["requires-python"])


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_has_a_version_that_satisfies_each_requirement(python):
    locked = _lock_pins(python)
    for requirement in _requirements():
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_a_requirement_is_a_lower_bound_and_no_pin():
    """An upper bound keeps others from upgrading: it stands only beside the reason for it."""
    bounded = [
        requirement.name
        for requirement in _requirements()
        if [specifier.operator for specifier in requirement.specifier] != [">="]
    ]
    assert bounded == ["mlxtend"]


def test_the_locked_versions_are_those_that_are_installed():
    """Tests and golden values are stated for them."""
    locked = _lock_pins()
    direct = [canonicalize_name(Requirement(d).name) for d in PYPROJECT["project"]["dependencies"]]
    installed = {name: metadata.version(name).partition("+")[0] for name in direct}
    if installed["torch"] != locked["torch"]:
        pytest.skip("an environment of other versions, such as that of `make test-lowest`")
    assert {name: locked[name] for name in direct} == installed


def test_lock_leaves_the_accelerator_packages_to_torch():
    assert [name for name in _lock_pins() if re.match(r"nvidia-|cuda-|triton", name)] == []


def test_every_locked_version_installs_on_the_lowest_python():
    """Debian 12 has 3.11.2: a package that asks for a later patch of 3.11 ends `make install`
    there.
    """
    (specifier,) = _range()
    locked = _lock_pins()
    found = [
        package
        for package in metadata.distributions()
        if locked.get(canonicalize_name(package.name)) == package.version.partition("+")[0]
    ]
    asked = {package.name: package.metadata.get("Requires-Python") or "" for package in found}
    assert len(asked) > 100
    assert [
        name for name, text in asked.items() if f"{specifier.version}.0" not in SpecifierSet(text)
    ] == []


def test_environment_installs_what_the_makefile_installs():
    (line,) = re.findall(r"^\t\$\(PIP\) (-e .*)$", (ROOT / "Makefile").read_text(), re.M)[:1]
    lines = _environment_lines()
    assert lines == ["-c requirements.lock", line.replace("'", "")]


def test_python_of_the_environment_lies_in_the_declared_range():
    (python,) = [
        Requirement(e.replace("=", "==", 1))
        for e in ENVIRONMENT["dependencies"]
        if str(e)[:6] == "python"
    ]
    (specifier,) = python.specifier
    assert specifier.version in _range()


def test_lowest_python_is_the_same_everywhere():
    (specifier,) = _range()
    assert specifier.operator == ">="
    lowest = specifier.version
    assert PYTHONS[0] == lowest
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + lowest.replace(".", "")
    assert (
        "sys.version_info < ({}, {})".format(*lowest.split(".")) in (ROOT / "Makefile").read_text()
    )


def test_classifiers_claim_what_the_page_says_was_run():
    run = re.findall(
        r"^\| (system|Python|PyTorch) \| (.*?) \|",
        (ROOT / "docs/reference/platforms.md").read_text(encoding="utf-8"),
        re.M,
    )
    assert dict(run)["Python"].startswith(f"CPython {', '.join(PYTHONS)} (")
    systems = [c for c in PYPROJECT["project"]["classifiers"] if "Operating System" in c]
    assert systems == ["Operating System :: POSIX :: Linux"]
    assert "Debian" in dict(run)["system"] and _lock_pins()["torch"] in dict(run)["PyTorch"]


@pytest.mark.parametrize("line", ["numpy>=2", "numpy", "numpy==2.*"])
def test_a_loose_pin_is_caught(line):
    with pytest.raises((AssertionError, ValueError)):
        _pins([line])
