"""How far a run is, and how long it will take from here.

A job j is expected to take p_j seconds. The jobs of a kind k that have ended took t_j, so that
another of the kind will take

    f_k p_j   with   f_k = (Σ_k t_j + c f) / (Σ_k p_j + c),   f = (Σ t_j + c) / (Σ p_j + c),

sums over the jobs that have ended, c = `PRIOR`. The share of the work done is that of p, of a
running job the part of f_k p_j that has passed. Time left is the rest of f_k p_j over as many jobs
at once as the run has cores (elsewhere: as are at work), at least that of the longest job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRIOR = 10.0  # seconds of work as expected, that count as having been seen
ALMOST = 0.95  # the most that a running job counts as done
OVERTIME = 0.1  # a job that takes longer than expected will take so much of its time more


@dataclass(frozen=True)
class ExpectedJob:
    """A job of a run.

    Attributes:
        name: in words.
        stage: of the run that it belongs to.
        kind: jobs of one kind are expected wrongly by the same factor.
        seconds: that it is expected to take; None: that is not known.
        log: its log file, "" if it has none.
    """

    name: str
    stage: str
    kind: str
    seconds: float | None
    log: str = ""


@dataclass(frozen=True)
class Outlook:
    """A run before it begins.

    Attributes:
        jobs: number of a job → the job.
        present: number of further jobs whose files are there already.
        cores: jobs of one core that run at once on this machine; None: they run elsewhere.
    """

    jobs: Mapping[int, ExpectedJob]
    present: int
    cores: int | None


class Pace:
    """The jobs of a run as they begin and end. Moments are seconds on any clock.

    Attributes:
        jobs: number of a job → the job.
        running: number of a job → when it began.
        ended: number of a job → seconds that it took.
        failed: numbers of the jobs that failed.
    """

    def __init__(self, outlook: Outlook) -> None:
        self.jobs = outlook.jobs
        self._cores = outlook.cores
        self.running: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.failed: set[int] = set()
        self._is_known = all(job.seconds is not None for job in self.jobs.values())
        self._share = 0.0
        # Of the jobs that have ended, by kind: seconds expected, seconds taken.
        self._expected: dict[str, float] = {}
        self._took: dict[str, float] = {}

    def begin(self, number: int, moment: float) -> None:
        """A job begins, perhaps once more after a failure."""
        if number in self.jobs:
            self.failed.discard(number)
            self.running[number] = moment

    def end(self, number: int, moment: float) -> None:
        """A job has ended well."""
        began = self.running.pop(number, None)
        if began is None:
            return
        took = moment - began
        kind = self.jobs[number].kind
        self.ended[number] = took
        self._expected[kind] = self._expected.get(kind, 0.0) + self._seconds(number)
        self._took[kind] = self._took.get(kind, 0.0) + took

    def fail(self, number: int) -> None:
        """A job has failed."""
        if number in self.running:
            self.stop(number)
            self.failed.add(number)

    def stop(self, number: int) -> None:
        """A job was ended before it was done."""
        self.running.pop(number, None)

    def is_over(self, stage: str) -> bool:
        """Whether all jobs of a stage have ended."""
        return all(number in self.ended for number, job in self.jobs.items() if job.stage == stage)

    def share(self, moment: float) -> float:
        """Share of the work that is done, never less than it was; 1 once all jobs have ended.

        Where the seconds of a job are not known, it is the share of jobs.
        """
        if not self.jobs:
            return 0.0
        if not self._is_known:
            return len(self.ended) / len(self.jobs)
        done = sum(self._seconds(number) for number in self.ended)
        done += sum(self._part(number, moment) * self._seconds(number) for number in self.running)
        self._share = max(self._share, done / sum(map(self._seconds, self.jobs)))
        return self._share

    def left(self, moment: float) -> float | None:
        """Seconds until the last job will have ended; None: that is not known."""
        if not self._is_known:
            return None
        rest = [self._rest(number, moment) for number in self.running]
        rest += [
            self._forecast(number)
            for number in self.jobs
            if number not in self.ended and number not in self.running
        ]
        at_once = max(1, self._cores or len(self.running))
        return max(sum(rest) / at_once, max(rest, default=0.0))

    def _part(self, number: int, moment: float) -> float:
        """Of a running job, what is done."""
        passed = moment - self.running[number]
        return min(ALMOST, passed / max(passed, self._forecast(number), 1e-9))

    def _rest(self, number: int, moment: float) -> float:
        """Seconds that a running job will take yet."""
        passed = moment - self.running[number]
        return max(self._forecast(number) - passed, OVERTIME * passed)

    def _seconds(self, number: int) -> float:
        return self.jobs[number].seconds or 0.0

    def _forecast(self, number: int) -> float:
        """f_k p_j."""
        kind = self.jobs[number].kind
        overall = (sum(self._took.values()) + PRIOR) / (sum(self._expected.values()) + PRIOR)
        took = self._took.get(kind, 0.0) + PRIOR * overall
        return took / (self._expected.get(kind, 0.0) + PRIOR) * self._seconds(number)
