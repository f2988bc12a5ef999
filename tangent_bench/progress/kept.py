"""What is written on stderr while a screen is drawn on the terminal."""

from __future__ import annotations

import os
import sys
import tempfile


class KeptErrors:
    """Turns this process's stderr, which its jobs inherit, into a file in memory.

    A file, not a pipe: who writes never waits, and a job that outlives this process can still
    write.
    """

    def __init__(self) -> None:
        sys.stderr.flush()
        self._before = os.dup(2)
        self._file = _file_in_memory()
        self._read = 0
        os.dup2(self._file, 2)

    def read(self) -> str:
        """The lines that were written since the last time."""
        return self._take(only_lines=True)

    def close(self) -> str:
        """Give stderr back; all that is left to be read."""
        sys.stderr.flush()
        os.dup2(self._before, 2)
        os.close(self._before)
        left = self._take(only_lines=False)
        os.close(self._file)
        return left

    def _take(self, only_lines: bool) -> str:
        """What has not been taken yet, perhaps without a last line that is not whole."""
        size = os.fstat(self._file).st_size
        new = os.pread(self._file, size - self._read, self._read)
        if only_lines:
            new = new[: new.rfind(b"\n") + 1]
        self._read += len(new)
        return new.decode(errors="replace")


def _file_in_memory() -> int:
    """A descriptor of a file without a name, which may lie on a disk where there is no other."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("stderr")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
