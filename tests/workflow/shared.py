"""A folder that the processes of one test run build once and share: pytest-xdist gives each its own
session.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def shared(folder: Path, build: Callable[[Path], None]) -> Iterator[Path]:
    """`folder`, built by the first process that asks and removed by the last that leaves it.

    Args:
        folder: need not exist; the files beside it `<folder>.lock`, `.users` and `.built` are ours.
        build: makes the folder at the path that it is given; where it fails, the next process
            tries again.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    built = folder.with_suffix(".built")
    # Locks of open files: one that was killed leaves none behind.
    with folder.with_suffix(".users").open("a") as users:
        with _alone(folder):
            if not built.exists():
                shutil.rmtree(folder, ignore_errors=True)
                build(folder)
                built.touch()
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield folder
        finally:
            with _alone(folder):
                _leave(folder, users, built)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process enters or leaves meanwhile."""
    with folder.with_suffix(".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _leave(folder: Path, users, built: Path) -> None:
    """Remove the folder unless somebody else uses it."""
    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    built.unlink()
    shutil.rmtree(folder)
