"""An author's sample package, really installed; its workflow, and the page that explains both."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from tangent_bench import cli
from tangent_bench.judging import methods

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "examples/method-package"
PAGE = (ROOT / "docs/how-to/your-own-method.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which pip put the package, with its dist-info."""
    folder = tmp_path_factory.mktemp("package")
    source = shutil.copytree(PACKAGE, folder / "source")  # a build leaves files beside its sources
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--quiet",
    ]
    subprocess.run([*pip, "--target", str(folder / "site"), str(source)], check=True)
    return folder / "site"


def python(installed, *arguments):
    paths = os.pathsep.join([str(installed), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": paths, "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_installed_method_is_found_by_its_name(installed):
    program = (
        "from tangent_bench import merging; from tangent_bench.planning import config; "
        "from tests.workflow.checkout import merged; "
        "m = merging.find('median_merge', {'quantile': 0.4}); print(m.title, "
        "m.links[0][1].__file__); "
        "print(merging.find('lines+median_merge').title); "
        "print(config.validate({**merged('tiny'), 'methods': ['median_merge']})['methods'])"
    )
    done = python(installed, "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "Median" and str(installed) in done.stdout
    assert "LiNeS + Median" in done.stdout and "['median_merge']" in done.stdout


@pytest.mark.slow
def test_its_own_test_passes(installed):
    options = "-q", "--import-mode=importlib", "-p", "no:cacheprovider", "--rootdir", str(PACKAGE)
    done = python(installed, "-m", "pytest", *options, str(PACKAGE / "tests"))
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_without_it_the_name_is_unknown():
    done = python(Path("nowhere"), "-m", "tangent_bench.cli", "regress", "median_merge")
    assert done.returncode == 2 and "Unknown name 'median_merge' in 'methods'" in done.stderr
    assert "entry point of the group 'tangent_bench.methods'" in done.stderr


def test_commands_of_the_workflow_are_real():
    steps = yaml.safe_load((PACKAGE / ".github/workflows/regress.yml").read_text())["jobs"][
        "regress"
    ]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[0] == "make install" and all(
        step["working-directory"] == "suite" for step in steps if "run" in step
    )
    for command in commands[1:]:
        assert command.startswith(".venv/bin/python -m ")
    assert re.fullmatch(
        r".*tangent_bench\.cli regress median_merge --cores 2 --fail-on worse", commands[-1]
    )
    regress = get_command(cli.app).commands["regress"]
    given = regress.make_context("regress", commands[-1].partition(" regress ")[2].split()).params
    assert (given["method"], given["cores"]) == ("median_merge", 2) and methods.failing(
        given["fail_on"]
    ) == ["worse"]


def test_methods_on_the_page_keep_the_laws():
    from types import SimpleNamespace

    from tangent_bench.testing import check_method

    (code,) = (
        b for b in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S) if "def prepare" in b
    )
    assert len([line for line in code.splitlines() if line.strip()]) <= 10, (
        "the page says ten lines"
    )
    made: dict = {}
    exec(compile(code, "docs/how-to/your-own-method.md", "exec"), made)
    assert len(check_method(SimpleNamespace(**made, __name__="my_method"))) == 11


def test_the_page_says_what_regress_prints():
    from tangent_bench.judging.comparison import Comparison, ComparisonLine
    from tangent_bench.judging.verdicts import Estimate
    from tangent_bench.report.method_comparison import comparison_text

    line = ComparisonLine("all", "x", 0.5, 0.5, Estimate(0.1, 0.1, 0.1), 0.05, 1)
    printed = comparison_text(Comparison("task_arithmetic", (line,), 5))
    assert " ".join(printed.splitlines()[0].split()) in " ".join(PAGE.split())
