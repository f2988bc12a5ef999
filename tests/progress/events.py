"""Streams of Snakemake's events, recorded from real runs, and the logger plugin that is fed with
them.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from tangent_bench.progress import handler
from tangent_bench.progress.handler import LogHandler
from tangent_bench.progress.pace import ExpectedJob, Outlook

FOLDER = Path(__file__).parent


@dataclass
class Settings:
    """What Snakemake tells its logger plugins of the command line."""

    printshellcmds: bool = False
    nocolor: bool = False
    quiet: set = field(default_factory=set)
    debug_dag: bool = False
    verbose: bool = False
    show_failed_logs: bool = True
    stdout: bool = False
    dryrun: bool = False


def read(name: str) -> list[logging.LogRecord]:
    """The events of a run, in a file of one JSON object a line.

    A record has the moment at which it was made, `created`; "log" is relative to the folder of the
    run.
    """
    records = []
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        records.append(record(**json.loads(line)))
    return records


def record(msg: str = "", levelno: int = logging.INFO, **about: object) -> logging.LogRecord:
    """One event as it reaches a plugin."""
    made = logging.LogRecord("snakemake.logging", levelno, "", 0, msg, None, None)
    if "event" in about:
        about["event"] = LogEvent(about["event"])
    vars(made).update(about)
    return made


def plugin(**settings: object) -> LogHandler:
    """The plugin as Snakemake makes it, writing to this process's stderr."""
    made = LogHandler(Settings(**settings), None)
    made.setFormatter(DefaultFormatter(set(), show_failed_logs=True))
    return made


def feed(
    monkeypatch, made: LogHandler, outlook: Outlook | None, events: list[logging.LogRecord]
) -> None:
    """Let a run happen at the moments of its events, from `expect` to `close`."""
    begins = [event.created for event in events if getattr(event, "event", "") == "job_info"]
    clock = begins[0] if begins else 0.0
    monkeypatch.setattr(handler, "REFRESH", 1e6)  # its own thread does nothing
    monkeypatch.setattr(handler, "now", lambda: clock)
    if outlook:
        made.expect(outlook)
    for event in events:
        while clock + 1 < event.created:
            clock += 1
            made.refresh()
        clock = max(clock, event.created)
        made.handle(event)
    made.close()


def outlook(events: list[logging.LogRecord], seconds: float = 2.0, present: int = 0) -> Outlook:
    """Of the jobs of a stream, each of which is expected to take as long."""
    jobs = {}
    for event in events:
        if getattr(event, "event", "") == "job_info":
            about = vars(event)
            rule = about["rule_name"]
            name = f"{rule} {'.'.join(about['wildcards'].values())}"
            jobs[about["jobid"]] = ExpectedJob(name, rule, rule, seconds)
    return Outlook(jobs, present, 2)
