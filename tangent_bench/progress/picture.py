"""What is shown of a run at a moment, in words."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tangent_bench.progress.pace import Pace
from tangent_bench.progress.words import about, duration, jobs

TAIL = 2000  # bytes of a log that are looked at
_STEP = re.compile(rb"step (\d+)/(\d+)")


@dataclass(frozen=True)
class Picture:
    """A run at a moment.

    Attributes:
        share: of the work that is done.
        passed: seconds since the run began.
        left: seconds that it will take yet; None: that is not known.
        ended: number of jobs that have ended.
        total: number of jobs of the run.
        failed: number of jobs that failed.
        running: the jobs at work, the oldest first: name, seconds since it began, log.
    """

    share: float
    passed: float
    left: float | None
    ended: int
    total: int
    failed: int
    running: tuple[tuple[str, float, str], ...]

    @property
    def percent(self) -> str:
        """Share of the work, 100 only if all is done.

        >>> Picture(0.999, 0, None, 9, 10, 0, ()).percent
        '99 %'
        """
        return f"{int(100 * self.share)} %"

    @property
    def time(self) -> str:
        """Time that has passed, and time left if there is any.

        >>> Picture(0.4, 192, 230, 4, 10, 0, ()).time
        '3:12, about 4 min left'
        """
        passed = duration(self.passed)
        return f"{passed}, {about(self.left)} left" if self.left else passed

    @property
    def count(self) -> str:
        """Jobs that have ended, and that failed.

        >>> Picture(0.4, 192, 230, 4, 10, 1, ()).count
        '4 of 10 jobs, 1 failed'
        """
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.ended} of {jobs(self.total)}{failed}"

    def steps(self, log: str) -> str:
        """How far a job is, by its log, if no other is at work; "" where the log has no steps."""
        return steps(log) if len(self.running) == 1 else ""


def of(pace: Pace, began: float, moment: float) -> Picture:
    """A run that began at a moment, at another moment."""
    oldest = sorted(pace.running, key=lambda number: pace.running[number])
    running = [
        (pace.jobs[number].name, moment - pace.running[number], pace.jobs[number].log)
        for number in oldest
    ]
    return Picture(
        share=pace.share(moment),
        passed=moment - began,
        left=pace.left(moment),
        ended=len(pace.ended),
        total=len(pace.jobs),
        failed=len(pace.failed),
        running=tuple(running),
    )


def steps(log: str) -> str:
    """How far a job is by the end of its log: "step 120 of 200", or ""."""
    found = _STEP.findall(b"\n".join(last_lines(log)))
    if not found:
        return ""
    step, total = found[-1]
    return f"step {step.decode()} of {total.decode()}"


def last_lines(log: str | Path) -> list[bytes]:
    """The last lines of a log; [] if it cannot be read."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().splitlines()
    except OSError:
        return []
