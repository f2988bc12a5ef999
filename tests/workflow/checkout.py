"""A copy of the suite in its own folder: what it builds, locks and remembers is nobody else's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.workflow import dry_run

ROOT = Path(__file__).resolve().parents[2]
_PARTS = (
    *("Snakefile", "Makefile", "config", "profiles", "workflow", "tangent_bench", "examples"),
    *("snakemake_logger_plugin_tangent_bench", "pyproject.toml", "requirements.lock"),
)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Finished:
    """A command that ended: exit status, and stdout and stderr together."""

    status: int
    output: str

    @property
    def sentences(self) -> set[str]:
        """What our own code said, without the rule: two jobs that meet the same trouble say the
        same.
        """
        found = re.findall(r"^tangent_bench: (?:\w+: )?(.*)$", self.output, re.MULTILINE)
        # A wrong config is reported by Snakemake, which puts our sentence under a line of its own.
        return set(
            found
            + re.findall(
                r"^WorkflowError in file .*(?:Snakefile|smk)\W.*:\n(.*)$", self.output, re.MULTILINE
            )
        )

    @property
    def jobs(self) -> dict[str, int]:
        """Rule → number of jobs, from Snakemake's first table; empty if there is nothing to do."""
        if "Nothing to be done" in self.output:
            return {}
        table = self.output.partition("Job stats:")[2].partition("\ntotal ")[0]
        counts = dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))
        assert counts, self.output
        return {rule: int(count) for rule, count in counts.items() if rule != "all"}


@dataclass(frozen=True)
class Checkout:
    """A folder with the Snakefile; `of_sources` and `copy` make new ones."""

    root: Path

    @classmethod
    def of_sources(cls, folder: Path, origin: Path = ROOT) -> Checkout:
        """The sources in `origin`, nothing built; the environment is shared."""
        folder.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for name in _PARTS:
            if (origin / name).is_dir():
                shutil.copytree(origin / name, folder / name, ignore=ignored)
            elif (origin / name).exists():
                shutil.copy2(origin / name, folder / name)
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        return cls(folder)

    def copy(self, folder: Path) -> Checkout:
        """Sources, results, and Snakemake's memory of how they were made."""
        # The one file that a dry run, perhaps at work here for another test, removes and writes
        # anew.
        shutil.copytree(
            self.root, folder, symlinks=True, ignore=shutil.ignore_patterns("latest.pkl")
        )
        return Checkout(folder)

    def path(self, relative: str) -> Path:
        return self.root / relative

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        """A Snakemake command line."""
        python = ".venv/bin/python" if self.root != ROOT else sys.executable
        return [python, "-m", "snakemake", *arguments, "--cores", str(cores)]

    def snakemake(self, *arguments: str, cores: int = 2) -> Finished:
        """Run Snakemake in the folder, to its end."""
        return self.run(*self.command(*arguments, cores=cores))

    def dry_run(self, *arguments: str, cores: int = 2) -> Finished:
        """What Snakemake would do, planned in a process that has its modules already."""
        arguments = ("-n", *arguments, "--cores", str(cores))
        return Finished(*dry_run.snakemake(arguments, self.root, environment()))

    def run(self, *command: str) -> Finished:
        """Run a command in the folder, to its end."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Finished(done.returncode, done.stdout)

    def start(self, *command: str) -> subprocess.Popen:
        """Start a command as the leader of a process group of its own, where Ctrl-C works as in a
        terminal.
        """
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(
                signal.SIGINT, signal.SIG_DFL
            ),  # ignored where tests run in the background
        )


def environment() -> dict[str, str]:
    """One thread for each job, and none of the caller's settings of Snakemake or Python's path."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("SNAKEMAKE_", "PYTHONPATH", "MAKE", "MFLAGS"))
    }
    return kept | dict.fromkeys(_THREADS, "1") | {"NO_COLOR": "1"}


def preset(name: str, folder: Path | None = None, **changed: object) -> list[str]:
    """The arguments for a preset, with other values for some keys from a file in `folder`.

    (`--config` would not do: within lists and maps Snakemake reads its numbers as text.)
    """
    files = [f"config/{name}.yaml"]
    if changed:
        files.append(str(folder / f"changed-{len(list(folder.glob('changed-*')))}.yaml"))
        Path(files[-1]).write_text(yaml.safe_dump(changed), encoding="utf-8")
    return ["--configfile", *files]


def merged(name: str) -> dict:
    """The config of a preset: default.yaml with the preset's keys, maps merged deeply."""
    from snakemake.utils import update_config

    config = yaml.safe_load((ROOT / "config/default.yaml").read_text(encoding="utf-8"))
    update_config(
        config, yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    )
    return config


def ended_with_a_sentence(finished: Finished, *words: str) -> str:
    """The one sentence, after the checks that every failure must pass."""
    assert finished.status != 0, finished.output
    assert "Traceback" not in finished.output, finished.output
    assert len(finished.sentences) == 1, finished.output
    (sentence,) = finished.sentences
    for word in words:
        assert word in sentence, sentence
    return sentence
