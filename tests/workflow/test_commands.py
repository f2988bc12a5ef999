"""A newcomer's path: what README and pages have him type, in a clean clone, with an empty home
folder.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tangent_bench.store import rows
from tests.commands import NEWCOMER
from tests.workflow.checkout import ROOT, Checkout, Finished

pytestmark = pytest.mark.full
KEPT = "LANG", "LC_ALL", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"


class Clone(Checkout):
    """A clone whose shell has an empty home folder and the environment of this test."""

    def run(self, *command: str) -> Finished:
        home = self.root.parent / "home"
        # An editable install would put the package of the clone before any other.
        paths = {
            "PATH": f"{self.root}/.venv/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(self.root),
        }
        environment = (
            {name: os.environ[name] for name in KEPT if name in os.environ}
            | paths
            | {"HOME": str(home)}
        )
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Finished(done.returncode, done.stdout)

    def type(self, text: str) -> Finished:
        words = shlex.split(text)
        # The environment is shared: make must not install it.
        return self.run(*words, *(["-o", ".venv/.installed"] if words[0] == "make" else []))


def install(venv: Path) -> None:
    """What `make install` leaves: the packages and programs of this environment, and the program of
    the clone.
    """
    (venv / "bin").mkdir(parents=True)
    (venv / "lib").symlink_to(Path(sys.prefix, "lib"), target_is_directory=True)
    shutil.copy2(Path(sys.prefix, "pyvenv.cfg"), venv)
    for program in Path(sys.prefix, "bin").iterdir():
        (venv / "bin" / program.name).symlink_to(program)
    ours = venv / "bin/tangent-bench"
    ours.unlink(missing_ok=True)
    ours.write_text(
        f"#!{venv}/bin/python\nfrom tangent_bench.cli import main\n\nmain()\n", encoding="utf-8"
    )
    ours.chmod(0o755)
    (venv / ".installed").touch()


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Iterator[Clone]:
    if not (ROOT / ".git").exists():
        pytest.skip("these sources are no clone")
    folder: Path = tmp_path_factory.mktemp("newcomer")
    (folder / "home").mkdir()
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", ROOT.as_uri(), str(folder / "clone")], check=True
    )
    install(folder / "clone/.venv")
    yield Clone(folder / "clone")
    shutil.rmtree(folder)


def test_every_command_ends_well(clone):
    said = {}
    for command, run in NEWCOMER.items():
        finished = clone.type(run or command)
        assert finished.status == 0, f"{run or command}\n{finished.output}"
        assert "Traceback" not in finished.output, finished.output
        said[command] = finished.output
        if command == "make reproduce":
            built_as_the_readme_says(clone, finished)
    assert said["snakemake --cores all"].count("Nothing to be done") == 1
    assert "Over all tasks, against task_arithmetic:" in said["tangent-bench regress ties"]
    for_both = "tangent-bench compare task_arithmetic ties", "make regress METHOD=ties"
    verdicts = [said[command].partition("Over all tasks,")[2] for command in for_both]
    assert verdicts[0] == verdicts[1] != ""
    assert not clone.path("results/micro").exists(), "`make clean` came last"
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone.root, capture_output=True, text=True
    ).stdout
    assert status.splitlines() == ["?? report.html"], "what is built is ignored by git"


def built_as_the_readme_says(clone, finished: Finished) -> None:
    """Tables on the terminal, then the path of a results page; rows with a digest, a record of
    every job.
    """
    assert finished.output.splitlines()[-1] == "Results page: results/micro/index.html"
    assert "Table 1" in finished.output and "Table 2" in finished.output
    assert len(rows.read(clone.path("results/micro/rows.csv")))
    for record in clone.path("results/micro/logs").rglob("*.json"):
        assert {"versions", "commit", "threads", "seconds"} <= json.loads(record.read_text()).keys()
