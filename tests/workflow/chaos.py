"""Kills a run at random moments, in three ways in turn; no file is half written, and the end is the
same.

make chaos                     # the micro preset, 30 kills
make chaos KILLS=3 SEED=7      # other moments
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml
from PIL import Image

from tangent_bench.jobs import lock
from tangent_bench.store import artefacts, replicates, rows
from tests.workflow.checkout import Checkout

WAYS = "a job", "Snakemake", "all processes"
KINDS = {  # folder → what its safetensors files hold
    "data": "images",
    "heads": "head",
    "base": "base features",
    "vectors": "vector",
    "features": "features",
    "outcomes": "outcome",
    replicates.FILE: replicates.KIND,
}
DATED = "index.html", "tables/times.csv", "tables/times.md", "tables/times.html"  # they quote times
JOB_SECONDS = 5.0  # about as long as a job of the micro preset takes
PATIENCE = (
    60.0  # seconds in which jobs must end whose Snakemake was killed, on a machine with other work
)


# What must hold


def require_whole(results: Path, undisturbed: Path) -> int:
    """Every file that has its name is whole, and the same as in an undisturbed run; returns how
    many there are.

    Raises:
        AssertionError: with the name of the file that is not.
    """
    names = _names(results)
    for name in names:
        try:
            _read(results, name)
        except Exception as error:
            raise AssertionError(f"{name} is not whole: {error}") from error
        if _is_fixed(name):
            expected = undisturbed / name
            assert expected.is_file(), f"{name} is no file of an undisturbed run"
            assert (results / name).read_bytes() == expected.read_bytes(), (
                f"{name} has other bytes than undisturbed"
            )
    return len(names)


def require_same(results: Path, undisturbed: Path) -> None:
    """A finished run is whole, has all files of an undisturbed one, and nothing that was left
    unfinished.
    """
    require_whole(results, undisturbed)
    missing = set(_names(undisturbed)) - set(_names(results))
    assert not missing, f"{sorted(missing)} are missing"
    left = [str(path) for path in results.rglob(".*")]
    assert not left, f"{left} were left behind"


def _names(results: Path) -> list[str]:
    """Of the files under a results folder, logs of running jobs and unfinished files apart."""
    files = [path for path in results.rglob("*") if path.is_file() and path.suffix != ".log"]
    return sorted(str(path.relative_to(results)) for path in files if not path.name.startswith("."))


def _is_fixed(name: str) -> bool:
    return name not in DATED and not name.startswith("logs/")


def _read(results: Path, name: str) -> None:
    """Raises if a file is no whole file of its kind."""
    path, folder = results / name, name.partition("/")[0]
    if path.suffix == ".safetensors":
        artefacts.load(path, KINDS[folder])
    elif name == "rows.csv" or folder == "outcomes":
        rows.read(path)
    elif path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix == ".png":
        with Image.open(path) as picture:
            picture.load()
    else:
        assert path.stat().st_size, "it is empty"


# Kills


@dataclass(frozen=True)
class Moment:
    """So many seconds after so many jobs have finished; `choice` in [0, 1) picks one of the jobs at
    work.
    """

    way: str
    jobs: int
    seconds: float
    choice: float

    def __str__(self) -> str:
        return f"{self.way}, {self.seconds:.2f} s after {self.jobs} jobs"


def moments(seed: int, kills: int, pace: int) -> list[Moment]:
    """Kills in turn of the three ways, on average `pace` finished jobs apart, anywhere within the
    time of a job.
    """
    draw = random.Random(seed)
    return [
        Moment(
            WAYS[i % len(WAYS)],
            draw.randint(0, 2 * pace),
            draw.uniform(0, JOB_SECONDS),
            draw.random(),
        )
        for i in range(kills)
    ]


class Run:
    """`make reproduce` at work in a checkout of its own."""

    def __init__(self, checkout: Checkout, preset: str) -> None:
        self.root, self.log = checkout.root, checkout.path("run.txt")
        self.log.write_text("", encoding="utf-8")
        # The environment is shared with the tests: make must not install it. A file, since nobody
        # would empty a pipe.
        settings = f"PRESET={preset} CORES=2 VERBOSE=1 -o .venv/.installed"
        make = f"exec make reproduce {settings} > run.txt 2>&1"
        self.process = checkout.start("sh", "-c", make)
        self.process.stdout.close()

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self, moment: Moment) -> list[str]:
        """Kill at a moment and wait until all has ended; returns the jobs at work, none if the run
        was faster.
        """
        victims = self._wait_for(moment)
        jobs = [_script(process) for process in lock.at_work(self.root) if _script(process)]
        if moment.way == "all processes" and victims:
            os.killpg(self.process.pid, signal.SIGKILL)
        elif victims:
            with suppress(psutil.NoSuchProcess):
                victims[int(moment.choice * len(victims))].kill()
        if self.process.wait() == 0:
            return []
        assert victims, f"the run failed by itself:\n{self.output()}"
        self._require_quiet()
        return jobs or ["no job"]

    def _wait_for(self, moment: Moment) -> list[psutil.Process]:
        """Whom to kill, as soon as the moment has come; nobody if the run ends before."""
        begun = None
        while self.process.poll() is None:
            if begun is None and self.output().count("Finished jobid") >= moment.jobs:
                begun = time.monotonic()
            if begun is not None and time.monotonic() >= begun + moment.seconds:
                found = [
                    p
                    for p in lock.at_work(self.root)
                    if bool(_script(p)) == (moment.way == "a job")
                ]
                if found:
                    return found
            time.sleep(0.02)
        return []

    def _require_quiet(self) -> None:
        """No traceback was shown, and no job goes on alone."""
        assert "Traceback" not in self.output(), self.output()
        deadline = time.monotonic() + PATIENCE
        while alone := lock.at_work(self.root):
            assert time.monotonic() < deadline, f"{alone} go on alone"
            time.sleep(0.1)


def _script(process: psutil.Process) -> str:
    """The name of a job's script, "" of a Snakemake."""
    found = [a for a in process.info["cmdline"] if lock.JOB in a]
    return found[0].split(".")[-2] if found else ""


def survive(
    checkout: Checkout,
    preset: str,
    undisturbed: Path,
    kills: list[Moment],
    begin_again: Callable[[], None],
    say: Callable[[str], None] = print,
) -> None:
    """Let a run be killed at all these moments, and go on each time.

    Args:
        undisturbed: the results folder of a run that nobody disturbed.
        begin_again: removes results of a run that came to its end.

    Raises:
        AssertionError: a file is not whole or has other bytes, a job went on alone, or the run
            did not go on.
    """
    results = _results(checkout, preset)
    begin_again()
    for number, moment in enumerate(kills, 1):
        while not (jobs := Run(checkout, preset).kill(moment)):
            require_same(results, undisturbed)
            say("       came to its end, all files as undisturbed; from the beginning")
            begin_again()
        files = require_whole(results, undisturbed)
        say(
            f"{number:2} of {len(kills)}: {moment} (at work: {', '.join(jobs)}); {files} files, "
            "all whole"
        )
    last = Run(checkout, preset)
    assert last.process.wait() == 0, f"the run did not go on:\n{last.output()}"
    require_same(results, undisturbed)


def _results(checkout: Checkout, preset: str) -> Path:
    """The folder of a preset's results."""
    config = yaml.safe_load(checkout.path(f"config/{preset}.yaml").read_text(encoding="utf-8"))
    return checkout.path(config["results"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the moments")
    parser.add_argument("--preset", default="micro")
    asked = parser.parse_args()
    print(f"SEED={asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        checkout = Checkout.of_sources(Path(folder) / "checkout")
        results, undisturbed = _results(checkout, asked.preset), Path(folder) / "undisturbed"
        try:
            first = Run(checkout, asked.preset)
            assert first.process.wait() == 0, f"the undisturbed run failed:\n{first.output()}"
            pace = max(1, first.output().count("Finished jobid") // 10)
            shutil.copytree(results, undisturbed)
            kills = moments(asked.seed, asked.kills, pace)
            survive(
                checkout, asked.preset, undisturbed, kills, lambda: shutil.rmtree(results), _say
            )
        except AssertionError as error:
            print(f"Not survived (make chaos SEED={asked.seed}): {error}", file=sys.stderr)
            return 1
    print(f"{asked.kills} of {asked.kills} kills survived, rows identical")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
