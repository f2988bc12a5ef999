"""Peak memory of a call, from Linux's own count of the pages that this process holds."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tangent_bench.jobs import provenance

RESET = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
_MMAP_THRESHOLD = -3  # of glibc's mallopt


def peak(call: Callable[[], object]) -> int | None:
    """Bytes that `call` adds at its peak, VmHWM − VmRSS, to some 100 kB.

    It is None where the system does not tell. Resets the peak that Linux keeps of the process: a
    run record written afterwards has that of the time since.
    """
    gc.collect()
    # Pages that `provenance.keep_memory` has kept would be taken again without a trace.
    provenance.call_libc("malloc_trim", 0)
    try:
        RESET.write_text("5")
        before = _status("VmRSS")
        call()
        return max(0, _status("VmHWM") - before)
    except OSError:
        return None


@contextmanager
def apart() -> Iterator[None]:
    """Inside, glibc makes every block of 64 kB or more a mapping of its own.

    Otherwise tensors go into the gaps that others left, and a peak depends on all that the process
    did before. Gaps from before this are still filled: enter it first. Afterwards memory is kept,
    as in jobs.
    """
    provenance.call_libc("mallopt", _MMAP_THRESHOLD, 2**16)
    try:
        yield
    finally:
        provenance.keep_memory()


def _status(key: str) -> int:
    """A line of the process's status in bytes."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return 1024 * int(lines[key].split()[0])
