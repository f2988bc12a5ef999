"""The package without its checkout: a wheel, made from a source distribution, holds all that it
needs, and works from where it was installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.full
ROOT = Path(__file__).parents[1]
CARRIED = "Snakefile", "config", "workflow"
SOURCES = (
    *CARRIED,
    "tangent_bench",
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)
BUILD = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
PIP = "-m", "pip", "--disable-pip-version-check", "--quiet"


class Wheel(NamedTuple):
    """A wheel's files, the folder that it was installed to, and a folder to work in that is no
    checkout.
    """

    files: set[str]
    site: Path
    elsewhere: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Python, where the installed package comes first; packages that it stands on are the
        environment's.
        """
        environment = os.environ | {"PYTHONPATH": str(self.site)}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.elsewhere,
            env=environment,
            capture_output=True,
            text=True,
        )

    def bench(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.run(str(self.site / "bin/tangent-bench"), *arguments)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Wheel:
    folder = tmp_path_factory.mktemp("wheel")
    source, made, site = folder / "source", folder / "made", folder / "site"
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-c", BUILD, str(made)], cwd=source, check=True, capture_output=True
    )
    offline = "--no-index", "--no-deps"
    (archive,) = made.glob("*.tar.gz")
    command = (
        *PIP,
        "wheel",
        *offline,
        "--no-build-isolation",
        "--wheel-dir",
        str(made),
        str(archive),
    )
    subprocess.run([sys.executable, *command], check=True)
    (file,) = made.glob("*.whl")
    subprocess.run(
        [sys.executable, *PIP, "install", *offline, "--target", str(site), str(file)], check=True
    )
    (folder / "elsewhere").mkdir()
    return Wheel({*zipfile.ZipFile(file).namelist()}, site, folder / "elsewhere")


def test_it_holds_package_config_and_workflow_and_nothing_else(wheel):
    here = [
        path
        for name in (*CARRIED, "tangent_bench")
        for path in [ROOT / name, *(ROOT / name).rglob("*")]
    ]
    names = [
        path.relative_to(ROOT).as_posix()
        for path in here
        if path.is_file() and path.suffix != ".pyc"
    ]
    expected = {
        name if name.startswith("tangent_bench/") else f"tangent_bench/_suite/{name}"
        for name in names
    }
    assert {name for name in wheel.files if ".dist-info/" not in name} == expected


PROGRAM = """
import torch
from tangent_bench.tangent import linearize
from tangent_bench import merging, models, suite
from tangent_bench.testing import check_method
network = models.create(models.find("tiny")).visual
assert network(torch.zeros(1, 3, 32, 32)).isfinite().all()
theta0 = linearize.parameters(network)
vectors = {name: {key: torch.ones_like(value) for key, value in theta0.items()} for name in "ab"}
direction = merging.find("task_arithmetic").prepare(vectors, theta0, seed=0)
print(len(check_method("ties")), float(direction["proj"].mean()), suite.ROOT)
"""


def test_a_method_and_the_shipped_model_work_elsewhere(wheel):
    done = wheel.run("-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    num_laws, mean, root = done.stdout.split()
    assert (
        int(num_laws) >= 11
        and float(mean) == 2
        and Path(root) == wheel.site / "tangent_bench/_suite"
    )


def test_names_are_listed_and_shown_as_in_a_checkout(wheel):
    for arguments in (["list", "--json"], ["show", "ties", "--json"], ["show", "paper", "--json"]):
        done = wheel.bench(*arguments)
        here = subprocess.run(
            [sys.executable, "-m", "tangent_bench.cli", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "") and json.loads(done.stdout) == json.loads(
            here.stdout
        )


def test_a_run_is_planned(wheel):
    done = wheel.bench("plan", "--preset", "micro", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    kinds = {each["name"].partition(" (")[0] for each in plan["kinds"]}
    assert plan["preset"] == "micro" and {"finetune", "run experiment"} <= kinds


def test_what_builds_results_asks_for_a_checkout(wheel):
    done = wheel.bench("regress", "ties")
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "clone the repository, `make install`" in done.stderr and not [
        *wheel.elsewhere.glob("results")
    ]


def test_results_are_compared(wheel):
    done = wheel.bench("compare", "task_arithmetic", "ties", "--results", "nowhere")
    assert done.returncode == 2 and "No outcomes of task_addition under nowhere" in done.stderr
