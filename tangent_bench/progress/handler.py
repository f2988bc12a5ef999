"""Snakemake's logger plugin `tangent-bench`: from its events to what is shown.

Where more, less or something else than a run is asked for (a dry run, `--verbose`, `--quiet`),
Snakemake's own output is shown instead. So it is with every message that is not one of those below:
warnings and errors of Snakemake always come through.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from contextlib import suppress
from time import time as now

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from tangent_bench.progress import displays, failures, picture, words
from tangent_bench.progress.pace import Outlook, Pace

REFRESH = 1.0  # seconds between pictures
# Beginnings of what Snakemake says in passing.
IN_PASSING = re.compile(
    r"Assuming unrestricted shared filesystem usage|Building DAG of jobs|Config file .* is "
    r"|Elapsed time: |Job \d+ has been submitted with SLURM|Job rate limit reached"
    r"|Processed \d+ potential jobs|Removing output files of failed job|Select jobs to execute"
    r"|Shutting down, this might|Using (profile|shell)"
)
# Said where no job has failed as well.
LOGS = "Complete log(s): "
# Said of failed jobs, after each of them has been named.
AFTER_FAILURES = re.compile(
    r"Exiting because a job execution failed|"
    r"WorkflowError:\nAt least one job did not complete successfully"
)


class LogHandler(LogHandlerBase):
    """Shows a run on a terminal, or in plain lines.

    Snakemake's events arrive in a thread of their own, `expect` and `close` are called by the main
    thread, and pictures are drawn by a third.
    """

    def __post_init__(self) -> None:
        settings = self.common_settings
        quiet = {what.name for what in settings.quiet or ()}
        is_other = settings.dryrun or settings.verbose or settings.debug_dag
        self._is_asked = not is_other and quiet <= {"HOST"}
        self._display = displays.on(sys.stderr, os.environ, settings.nocolor)
        self._takes = {
            LogEvent.JOB_INFO: self._begin,
            LogEvent.JOB_FINISHED: self._end,
            LogEvent.JOB_ERROR: self._fail,
            LogEvent.GROUP_ERROR: self._pass_on,
            LogEvent.ERROR: self._pass_on,
            None: self._pass_on,
        }
        self._all = threading.RLock()
        self._is_over = threading.Event()
        self._outlook: Outlook | None = None
        self._pace: Pace | None = None
        self._began = 0.0
        self._has_named = False  # a job that has failed

    @property
    def writes_to_stream(self) -> bool:
        """Whether Snakemake's own output is left out."""
        return self._is_asked

    @property
    def writes_to_file(self) -> bool:
        """It does not."""
        return False

    @property
    def has_filter(self) -> bool:
        """It chooses by itself what is shown."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Messages that are Snakemake's own look as Snakemake makes them."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """It does not."""
        return False

    def expect(self, outlook: Outlook) -> None:
        """A run begins, of which so much is known."""
        if not self._is_asked:
            return
        with self._all:
            self._outlook = outlook
            self._pace = Pace(outlook)
            self._began = now()
            self._display.say(beginning(outlook, self._pace.left(self._began)))
            self._display.start()
        threading.Thread(target=self._tick, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take in an event; what is told in no other way is shown as Snakemake says it."""
        if not self._is_asked:
            return
        try:
            with self._all:
                take = self._takes.get(vars(record).get("event"))
                if take:
                    take(record)
        except Exception:  # Snakemake's listener would end with it
            with suppress(OSError):
                print(self.format(record), file=sys.stderr, flush=True)

    def close(self) -> None:
        """The run is over."""
        with self._all:
            self._is_over.set()
            if self._pace:
                self._display.stop()
                self._display.say(ending(picture.of(self._pace, self._began, now())))
                self._pace = None
        super().close()

    def refresh(self) -> None:
        """Show how far the run is now."""
        with self._all:
            self._show(now())

    def _tick(self) -> None:
        with suppress(OSError):  # nobody reads any more
            while not self._is_over.wait(REFRESH):
                self.refresh()

    def _show(self, moment: float, news: str = "") -> None:
        if self._pace and not self._is_over.is_set():
            self._display.show(picture.of(self._pace, self._began, moment), news)

    def _begin(self, record: logging.LogRecord) -> None:
        if self._pace:
            self._pace.begin(vars(record)["jobid"], record.created)
            self._show(record.created)

    def _end(self, record: logging.LogRecord) -> None:
        if not self._pace:
            return
        number = vars(record)["job_id"]
        self._pace.end(number, record.created)
        job = self._pace.jobs.get(number)
        is_news = job is not None and self._pace.is_over(job.stage)
        self._show(record.created, f"{job.stage}: done" if job and is_news else "")

    def _fail(self, record: logging.LogRecord) -> None:
        about = vars(record)
        name = about["rule_name"].replace("_", " ")
        is_local = True
        self._has_named = True
        if self._pace and self._outlook:
            end = self._pace.stop if failures.is_stopped(about) else self._pace.fail
            end(about["jobid"])
            if job := self._pace.jobs.get(about["jobid"]):
                name = job.name
            is_local = self._outlook.cores is not None
        self._display.say(failures.sentence(about, name, is_local), logging.ERROR)

    def _pass_on(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if not self._is_in_passing(text, record.levelno):
            self._display.say(text, record.levelno)

    def _is_in_passing(self, text: str, level: int) -> bool:
        """Whether a message of Snakemake need not be shown."""
        if text.startswith(LOGS):
            return not (self._pace and self._pace.failed)
        if level >= logging.WARNING:
            return failures.is_said(text) or (self._has_named and bool(AFTER_FAILURES.match(text)))
        return text in ("", "None") or bool(IN_PASSING.match(text))


def beginning(outlook: Outlook, seconds: float | None) -> str:
    """What is said before the first job.

    >>> beginning(Outlook({}, 54, 2), 300)
    '0 jobs to run, 54 of 54 are there already; about 5 min as planned.'
    >>> beginning(Outlook({}, 0, 2), None)
    '0 jobs to run; for how long is not known.'
    """
    number = len(outlook.jobs)
    total = number + outlook.present
    there = f", {outlook.present} of {total} are there already" if outlook.present else ""
    planned = "for how long is not known"
    if seconds is not None:
        planned = f"{words.about(seconds)} as planned"
    return f"{words.jobs(number)} to run{there}; {planned}."


def ending(last: picture.Picture) -> str:
    """What is said after the last job, or when no more will begin."""
    passed = words.duration(last.passed)
    if last.ended == last.total:
        return f"Done: {words.jobs(last.total)}, in {passed}."
    failed = f", {last.failed} of them failed" if last.failed else ""
    return (
        f"Stopped after {passed} at {last.percent} of the work: {last.ended} of "
        f"{words.jobs(last.total)} done{failed}; the same command goes on from here."
    )
