"""The unit tests and the micro preset on each Python that is installed, and on the oldest versions.

    python -m tests.pythons                every Python of pyproject.toml's classifiers
    python -m tests.pythons 3.12           this one
    python -m tests.pythons --lowest       unit tests, with the oldest libraries that are allowed

Each has its virtual environment in `.venvs/`. Interpreters are those on the PATH and pyenv's; one
that is not there is said and passed over. Exit status 1 if anything failed, or no Python was found.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENVS = ROOT / ".venvs"
UV = Path(sys.executable).with_name("uv")
EXTRAS = "paper,test,docs,dev"
UNIT = ["-n", "logical", "--maxprocesses", "4", "-m", "not slow and not full and not alone"]
MICRO = ["tests/workflow/test_golden.py", "tests/workflow/test_micro.py", "-m", "slow"]


def supported() -> list[str]:
    """Minor versions of Python that the classifiers name: "3.11"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))


def interpreter(version: str) -> Path | None:
    """The newest interpreter of a minor version, of pyenv or on the PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(
        pyenv.glob(f"{version}.*/bin/python"), key=lambda path: int(path.parts[-3].split(".")[2])
    )
    if found:
        return found[-1]
    on_path = shutil.which(f"python{version}")
    return Path(on_path) if on_path else None


def environment(name: str, python: Path, *constraints: str) -> Path:
    """Make `.venvs/<name>` as needed; returns its interpreter."""
    made = VENVS / name / "bin/python"
    if not made.exists():
        subprocess.run([UV, "venv", "--quiet", "--python", python, VENVS / name], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", made, *constraints]
    subprocess.run([*install, "-e", f".[{EXTRAS}]"], cwd=ROOT, check=True)
    return made


def passes(python: Path, arguments: list[str]) -> bool:
    """Run pytest by an interpreter."""
    return subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT).returncode == 0


def on_each(versions: list[str]) -> dict[str, str]:
    """Version → what came of it."""
    results = {}
    for version in versions:
        python = interpreter(version)
        if python is None:
            results[version] = "not installed"
            continue
        made = environment(version, python, "-c", "requirements.lock")
        unit = passes(made, UNIT)
        micro = passes(made, MICRO)
        results[version] = f"unit tests {_word(unit)}, micro {_word(micro)}"
    return results


def on_the_lowest() -> dict[str, str]:
    """The oldest Python and libraries that pyproject.toml allows → what came of it."""
    version = supported()[0]
    python = interpreter(version) or Path(sys.executable)
    made = environment("lowest", python, "--resolution", "lowest-direct")
    # Old versions beside new ones warn of what will go.
    unit = passes(made, [*UNIT, "-W", "ignore::DeprecationWarning"])
    return {f"{version}, lowest versions": f"unit tests {_word(unit)}"}


def _word(passed: bool) -> str:
    return "passed" if passed else "FAILED"


def main(arguments: list[str]) -> int:
    """Run what was asked for, print a table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("versions", nargs="*", help=", ".join(supported()))
    parser.add_argument("--lowest", action="store_true")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.versions) - set(supported()))
    if unknown:
        parser.error(f"no Python {', '.join(unknown)}; expected {', '.join(supported())}")
    results = on_the_lowest() if asked.lowest else on_each(asked.versions or supported())
    print()
    for name, result in results.items():
        print(f"Python {name}: {result}")
    ran = [result for result in results.values() if result != "not installed"]
    return int(not ran or any("FAILED" in result for result in ran))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
