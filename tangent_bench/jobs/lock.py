"""Snakemake's lock of a folder, which does not say whose it is: a dead run's is removed, that of a
run at work is kept.

python -m tangent_bench.jobs.lock      # of the working directory, before a run is started
"""

from __future__ import annotations

import time
from pathlib import Path

import psutil

LOCKS = Path(".snakemake/locks")
JOB = ".snakemake/scripts"


def at_work(folder: Path) -> list[psutil.Process]:
    """The runs in a folder: every Snakemake with this working directory, and every job of one."""
    here = str(folder.resolve())
    runs = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        command = process.info["cmdline"] or [""]  # None of other users' processes
        if process.info["cwd"] == here and _is_run(command):
            runs.append(process)
    return runs


def _is_run(command: list[str]) -> bool:
    if "python" not in command[0]:
        return False
    return any(
        Path(argument).name == "snakemake" or "snakemake.cli" in argument or JOB in argument
        for argument in command[1:3]
    )


def release(folder: Path, patience: float = 5.0) -> None:
    """Remove what a dead run has locked.

    Args:
        folder: with the Snakefile.
        patience: seconds that jobs have to end in, as they do when their Snakemake is gone
            (`provenance.job`).

    Raises:
        ValueError: another run is at work there.
    """
    locks = list((folder / LOCKS).glob("*"))
    if not locks:
        return
    deadline = time.monotonic() + patience
    while others := at_work(folder):
        if time.monotonic() > deadline:
            raise ValueError(
                f"Another run is at work in this folder (process {others[0].pid}): wait for it or "
                "stop it, then give the same command again."
            )
        time.sleep(0.1)
    for file in locks:
        file.unlink(missing_ok=True)
