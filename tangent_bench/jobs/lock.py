"""Snakemake's lock of a folder, which does not say whose it is: that of a run that is provably dead
is removed, any other stays.

Every run leaves a record in the folder before Snakemake locks it (`enter`): machine, boot,
namespace of processes, process with its start, and user. So whoever holds the lock has a record,
and the lock is stale if there are records and each of them is of a process that has ended. What
cannot be looked for from here is not proven: a process of another machine that shares the folder,
or of another container. A lock without any record is none of a run of this release, and stays too.
Records are written, and locks removed, under one lock of the system, so that no run begins between
the look and the removal.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import platform
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

LOCKS = Path(".snakemake/locks")
RECORDS = Path(".snakemake/tangent_bench")
JOB = ".snakemake/scripts"
WAY_OUT = (
    "If it has ended, remove the lock with `.venv/bin/python -m snakemake --unlock`, then give the "
    "same command again."
)


@dataclass(frozen=True)
class Run:
    """A process that runs Snakemake, as its record has it.

    Attributes:
        host: name of the machine, or of the container.
        machine: id of the installation, "" where there is none.
        boot: id of the boot of the kernel, "" where there is none.
        namespace: of process numbers, "" where there are none; a container has one of its own.
        pid: number of the process in it.
        start: when the process began, as the system counts.
        user: who runs it.
        begun: the same moment for people.
    """

    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    start: str
    user: str
    begun: str

    @classmethod
    def of_this_process(cls) -> Run:
        """The record of the process that asks."""
        pid = os.getpid()
        return cls(
            host=platform.node(),
            machine=_text(Path("/etc/machine-id")),
            boot=_text(Path("/proc/sys/kernel/random/boot_id")),
            namespace=_namespace(),
            pid=pid,
            start=_start(pid),
            user=_user(),
            begun=time.strftime("%Y-%m-%d %H:%M:%S"),
        )

    def has_ended(self) -> bool:
        """Whether this is proven; of a process that cannot be looked for it never is."""
        here = Run.of_this_process()
        if (self.host, self.machine) != (here.host, here.machine):
            return False
        if self.boot != here.boot:  # this machine was started anew, where boots have an id
            return bool(self.boot and here.boot)
        if self.namespace != here.namespace:
            return False
        return not _is_alive(self.pid, self.start)


def _text(file: Path) -> str:
    """Content of a file of the system; "" where there is none."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _user() -> str:
    """Name of the user; the number in a container that has no name for it."""
    try:
        return psutil.Process().username()
    except (KeyError, psutil.Error):
        return str(os.getuid())


def _start(pid: int) -> str:
    """When a process began; "" if that cannot be read.

    Ticks since the boot, which no clock that is set changes; elsewhere than on Linux, seconds.
    """
    if fields := _status(pid):
        return fields[19]
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""


def _status(pid: int) -> list[str]:
    """What Linux says of a process, from its state on; [] where it says nothing."""
    return _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()


def _is_alive(pid: int, start: str) -> bool:
    """Whether the process with this number and start is there, or may be."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # of another user: there, whether or not /proc shows it
    is_zombie = _status(pid)[:1] == ["Z"]
    now = _start(pid)
    return not is_zombie and (not now or now == start)


def enter(folder: Path) -> None:
    """Leave a record of this process, which is about to lock the folder.

    It goes when the process ends without leaving a lock behind.

    Raises:
        ValueError: nothing can be written there.
    """
    from tangent_bench.store.artefacts import write_text

    folder = folder.resolve()
    file = folder / RECORDS / f"{uuid.uuid4().hex}.json"
    with _alone(folder):
        for other, run in _records(folder):
            if run is not None and run.has_ended():
                other.unlink(missing_ok=True)
        write_text(file, json.dumps(asdict(Run.of_this_process())))
    atexit.register(_leave, folder, file, os.getpid())


def _leave(folder: Path, file: Path, pid: int) -> None:
    if os.getpid() == pid and not _locks(folder):
        with suppress(OSError):
            file.unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Remove all records: the user says by `--unlock` that no run is at work."""
    for file in (folder / RECORDS).glob("*.json"):
        file.unlink(missing_ok=True)


def _locks(folder: Path) -> list[Path]:
    return list((folder / LOCKS).glob("*.lock"))


def _records(folder: Path) -> Iterator[tuple[Path, Run | None]]:
    """(file, run) of all records; None: it cannot be read."""
    for file in sorted((folder / RECORDS).glob("*.json")):
        try:
            run = Run(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError):
            run = None
        yield file, run


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else writes a record or removes locks meanwhile, where the file system has locks.

    Raises:
        ValueError: nothing can be written there.
    """
    place = folder / RECORDS
    try:
        place.mkdir(parents=True, exist_ok=True)
        file = (place / "lock").open("a")
    except OSError as error:
        raise ValueError(
            f"Cannot write {place}: {error.strerror}. Make the folder writable, then give the same "
            "command again."
        ) from None
    with file:
        with suppress(OSError):  # some network file systems have none
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def at_work(folder: Path) -> list[psutil.Process]:
    """The runs in a folder that can be seen from here: every Snakemake with this working directory,
    and every job of one.
    """
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
        ValueError: another run is at work there, or may be; the sentence says whose.
    """
    if not _locks(folder):
        return
    deadline = time.monotonic() + patience
    while others := at_work(folder):
        if time.monotonic() > deadline:
            raise ValueError(
                f"Another run is at work in this folder (process {others[0].pid}): wait for it or "
                "stop it, then give the same command again."
            )
        time.sleep(0.1)
    with _alone(folder):
        records = dict(_records(folder))
        for run in records.values():
            _require_ended(run)
        if not records:
            raise ValueError(
                "This folder is locked by a run that left no record of itself, so that nobody can "
                f"tell whether it is at work, here or on another machine. {WAY_OUT}"
            )
        for file in (*_locks(folder), *records):
            file.unlink(missing_ok=True)


def _require_ended(run: Run | None) -> None:
    if run is None:
        raise ValueError(
            f"This folder is locked, and a record in {RECORDS} cannot be read, so that nobody can "
            f"tell whose run it is. {WAY_OUT}"
        )
    if run.has_ended():
        return
    here = Run.of_this_process()
    is_here = (run.host, run.machine) == (here.host, here.machine)
    whose = f"process {run.pid} of {run.user} on {run.host}, begun {run.begun}"
    if is_here and (run.boot, run.namespace) == (here.boot, here.namespace):
        raise ValueError(
            f"Another run is at work in this folder ({whose}): wait for it or stop it, then give "
            "the same command again."
        )
    where = "in another container" if is_here else "on another machine"
    raise ValueError(
        f"Another run may be at work in this folder ({whose}), {where}, where it cannot be looked "
        f"for from here. {WAY_OUT}"
    )
