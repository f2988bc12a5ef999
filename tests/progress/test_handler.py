"""What the logger plugin shows of recorded runs: as plain lines, and on a terminal."""

from __future__ import annotations

import logging
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from snakemake.settings.enums import Quietness

from tangent_bench.progress import displays, handler
from tangent_bench.progress.pace import ExpectedJob, Outlook
from tangent_bench.progress.picture import Picture
from tests.progress import events

LOG = "results/micro/logs/finetune/tiny.log"
JOB = {"jobid": 3, "rule_name": "finetune", "wildcards": {"task": "mnist"}, "log": [LOG]}
BEGUN = {"event": "job_info", **JOB}
FAILED = {"event": "job_error", "msg": "Error in rule finetune, jobid: 3", "rule_msg": None, **JOB}
OF_SCRIPT = (
    'RuleException:\nCalledProcessError in file "workflow/rules/finetune.smk", line 30:\n'
    "Command 'set -euo pipefail;  python finetune.py' {}."
)


def error(text: str, exception: str = "RuleException") -> logging.LogRecord:
    return events.record(text, logging.ERROR, event="error", exception=exception)


def shown(monkeypatch, capfd, stream: list[logging.LogRecord], expected=None, **settings) -> str:
    made = events.plugin(**settings)
    events.feed(monkeypatch, made, expected or events.outlook(stream), stream)
    return capfd.readouterr().err


# A whole run


def test_a_recorded_run_is_a_few_plain_lines(monkeypatch, capfd):
    stream = events.read("micro")
    said = shown(monkeypatch, capfd, stream)
    lines = said.splitlines()
    number = len(events.outlook(stream).jobs)
    assert "\x1b" not in said and "\r" not in said
    assert lines[0].startswith(f"{number} jobs to run; about ")
    assert lines[-1].startswith(f"Done: {number} jobs, in ")
    stages = {job.stage for job in events.outlook(stream).jobs.values()}
    most = (stream[-1].created - stream[0].created) / displays.EVERY
    assert len(lines) <= most + len(stages) + 2
    percents = [int(percent) for percent in re.findall(r"^ *(\d+) %  ", said, re.M)]
    assert percents == sorted(percents) and percents[-1] == 100
    assert "results/" not in said, "no files are listed"


def test_plain_lines_come_every_half_minute_and_with_each_stage(monkeypatch, capfd):
    stream = events.read("micro")
    said = shown(monkeypatch, capfd, stream)
    passed = [60 * int(m) + int(s) for m, s in re.findall(r"%  (\d+):(\d\d)", said)]
    assert max(b - a for a, b in zip(passed, passed[1:], strict=False)) <= displays.EVERY + 2
    for stage in {job.stage for job in events.outlook(stream).jobs.values()}:
        assert said.count(f"; {stage}: done\n") == 1


def test_jobs_that_are_there_are_counted_once_and_not_as_work(monkeypatch, capfd):
    stream = events.read("micro")
    number = len(events.outlook(stream).jobs)
    said = shown(monkeypatch, capfd, stream, events.outlook(stream, present=10))
    assert said.startswith(f"{number} jobs to run, 10 of {number + 10} are there already; about ")
    assert f", {number} of {number} jobs;" in said


# Errors


@pytest.mark.parametrize("status", [1, 130])
def test_a_failed_job_is_named_once_with_its_log_and_no_files(monkeypatch, capfd, status):
    """Its own sentence is on the terminal already, and so is what it says of itself."""
    stream = [
        events.record(**BEGUN, input=["results/micro/data/mnist/train.safetensors"]),
        error(OF_SCRIPT.format(f"returned non-zero exit status {status}")),
        events.record(**FAILED, levelno=logging.ERROR, input=["results/micro/data"], output=[]),
        error("WorkflowError:\nAt least one job did not complete successfully.", "WorkflowError"),
    ]
    said = shown(monkeypatch, capfd, stream)
    assert said.count(LOG) == 1 and f"Failed: finetune mnist; its log: {LOG}\n" in said
    assert "data" not in said and "CalledProcessError" not in said
    assert said.splitlines()[-1] == (
        "Stopped after 0:00 at 0 % of the work: 0 of 1 job done, 1 of them failed; the same "
        "command goes on from here."
    )


def test_what_a_job_could_not_say_is_said(monkeypatch, capfd):
    text = OF_SCRIPT.format("died with <Signals.SIGSEGV: 11>")
    assert text in shown(monkeypatch, capfd, [events.record(**BEGUN), error(text)])


def test_the_end_of_the_log_is_shown_where_a_job_ran_elsewhere(monkeypatch, capfd, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("one\ntwo\nthree\n12:00:00 the loss is no number\n")
    stream = [
        events.record(**BEGUN | {"log": [str(log)]}),
        events.record(**FAILED | {"log": [str(log)], "rule_msg": "SLURM-job '7' failed"}),
    ]
    elsewhere = events.outlook(stream)
    elsewhere = Outlook(elsewhere.jobs, 0, None)
    said = shown(monkeypatch, capfd, stream, elsewhere)
    assert "    SLURM-job '7' failed\n    two\n    three\n    12:00:00 the loss" in said
    assert "one" not in said.replace("done", "")


def test_a_job_that_ctrl_c_ended_has_not_failed(monkeypatch, capfd, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("12:00:00 finetune: stopped; the same command goes on from here.\n")
    stream = [events.record(**BEGUN), events.record(**FAILED | {"log": [str(log)]})]
    said = shown(monkeypatch, capfd, stream)
    assert "Stopped: finetune mnist.\n" in said and "failed" not in said


@pytest.mark.parametrize(
    "text",
    [
        "LockException:\nError: Directory cannot be locked.",
        "MissingInputException in rule finetune:\nMissing input files for rule finetune:\n    x",
        "IncompleteFilesException:\nThe files below seem to be incomplete.",
    ],
)
def test_errors_of_snakemake_come_through(monkeypatch, capfd, text):
    """Before there is anything to expect."""
    made = events.plugin()
    made.handle(error(text))
    made.close()
    assert capfd.readouterr().err == f"{text}\n"


def test_other_messages_come_through_and_those_in_passing_do_not(monkeypatch, capfd):
    stream = [
        events.record("Building DAG of jobs..."),
        events.record("Select jobs to execute..."),
        events.record("Finished jobid: 3 (Rule: finetune)", event="job_started", jobs=[3]),
        events.record("Nothing to be done (all requested files are present and up to date)."),
        events.record("a warning", logging.WARNING),
        events.record("Complete log(s): .snakemake/log/x"),
    ]
    made = events.plugin()
    for event in stream:
        made.handle(event)
    made.close()
    assert capfd.readouterr().err.splitlines() == [stream[3].msg, "a warning"]


def test_an_event_that_is_not_as_expected_is_shown_and_stops_nothing(monkeypatch, capfd):
    broken = events.record("Error in rule x", logging.ERROR, event="error")
    monkeypatch.setattr(displays.Lines, "say", lambda *_: 1 / 0)
    made = events.plugin()
    made.handle(broken)
    assert capfd.readouterr().err == "Error in rule x\n"


# When Snakemake speaks for itself


@pytest.mark.parametrize(
    "settings",
    [{"dryrun": True}, {"verbose": True}, {"debug_dag": True}, {"quiet": {Quietness.ALL}}],
)
def test_snakemakes_own_output_stays_where_something_else_is_asked_for(capfd, settings):
    made = events.plugin(**settings)
    assert not made.writes_to_stream
    made.handle(error("LockException:\nError"))
    made.expect(events.outlook(events.read("micro")))
    made.close()
    assert capfd.readouterr().err == ""
    assert events.plugin(quiet={Quietness.HOST}).writes_to_stream, "as the profile has it"


def test_snakemake_finds_the_plugin_in_a_checkout():
    command = [sys.executable, "-m", "snakemake", "--help"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert re.search(r"--logger \{[^}]*tangent-bench", done.stdout)


# On a terminal


class Terminal:
    """A pseudo-terminal, and the pictures that were drawn on it."""

    def __init__(self) -> None:
        self._reader, writer = os.openpty()
        self.stream = os.fdopen(writer, "w", encoding="utf-8")

    def close(self) -> None:
        self.stream.close()
        os.close(self._reader)

    def screen(self) -> tuple[list[str], int]:
        """Lines that stand there now, and the one on which the cursor is."""
        written = b""
        while select.select([self._reader], [], [], 0.05)[0]:
            written += os.read(self._reader, 2**16)
        text = written.decode()
        lines, row = [""], 0
        for part in re.split(r"(\x1b\[J|\x1b\[\d+A|\r\n|\r)", text):
            if part == "\r\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif part == "\x1b[J":
                lines[row:] = [""]
            elif up := re.fullmatch(r"\x1b\[(\d+)A", part):
                row -= int(up[1])
            elif part != "\r":
                lines[row] = part + lines[row][len(part) :]
        return lines, row


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def test_a_terminal_has_a_bar_and_the_jobs_at_work(terminal):
    screen = displays.Screen(terminal.stream)
    running = (("fine-tuning mnist, linear", 42.0, ""), ("fine-tuning terrain, linear", 13.0, ""))
    for share in (0.1, 0.5):
        screen.show(Picture(share, 192.0, 230.0, 51, 118, 0, running))
        screen.say(f"said at {share}")
    lines, row = terminal.screen()
    assert lines[:2] == ["said at 0.1", "said at 0.5"]
    assert row == 2 and lines[2] == "", "the cursor rests on an empty line"
    assert lines[3] == f"{'█' * 15}{'░' * 15}  50 %  3:12, about 4 min left, 51 of 118 jobs"
    assert lines[4:] == [
        "    0:42  fine-tuning mnist, linear",
        "    0:13  fine-tuning terrain, linear",
    ]
    screen.stop()


def test_the_page_shows_what_is_drawn(terminal):
    page = Path(__file__).parents[2] / "docs/how-to/run.md"
    (printed,) = re.findall(r"^```text\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    job = ExpectedJob("", "", "", 1.0)
    screen = displays.Screen(terminal.stream)
    screen.say(handler.beginning(Outlook(dict.fromkeys(range(117), job), 0, 2), 600.0))
    running = (("fine-tuning mnist, linear", 42.0, ""), ("fine-tuning terrain, linear", 13.0, ""))
    screen.show(Picture(0.42, 192.0, 240.0, 51, 117, 0, running))
    lines, _ = terminal.screen()
    assert lines == printed.splitlines()


def test_what_is_written_on_stderr_stands_above_the_bar(terminal):
    """By jobs, and by this process; it is given back afterwards."""
    screen = displays.Screen(terminal.stream)
    screen.start()
    os.write(2, b"tangent_bench: finetune: the loss is no number\nhalf a")
    screen.show(Picture(0.5, 1.0, None, 1, 2, 1, ()))
    subprocess.run(["sh", "-c", "echo ' line' >&2"], check=True)
    screen.say("Failed: finetune")
    screen.stop()
    screen.say("Stopped")
    lines, _ = terminal.screen()
    assert [line for line in lines if line] == [
        "tangent_bench: finetune: the loss is no number",
        "half a line",
        "Failed: finetune",
        "Stopped",
    ]


def test_the_last_job_alone_says_its_steps(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("".join(f"12:00:{k:02} step {20 * k}/200  loss 1.0\n" for k in range(1, 5)))
    alone = Picture(0.5, 1.0, 1.0, 1, 2, 0, (("fine-tuning mnist", 5.0, str(log)),))
    assert displays.at_work(alone) == "fine-tuning mnist, step 80 of 200"
    two = Picture(0.5, 1.0, 1.0, 1, 3, 0, (*alone.running, ("fine-tuning terrain", 1.0, "none")))
    assert displays.at_work(two) == "fine-tuning mnist; fine-tuning terrain"
    log.unlink()
    assert displays.at_work(alone) == "fine-tuning mnist"


@pytest.mark.parametrize(
    ("environment", "is_plain", "expected"),
    [
        ({"TERM": "xterm"}, False, displays.Screen),
        ({"TERM": "xterm"}, True, displays.Lines),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, displays.Lines),
        ({"TERM": "xterm", "CI": "true"}, False, displays.Lines),
        ({"TERM": "dumb"}, False, displays.Lines),
        ({}, False, displays.Lines),
    ],
)
def test_escape_codes_are_for_terminals_that_want_them(terminal, environment, is_plain, expected):
    assert type(displays.on(terminal.stream, environment, is_plain)) is expected


def test_a_file_gets_plain_lines(tmp_path):
    with (tmp_path / "log").open("w") as file:
        assert isinstance(displays.on(file, {"TERM": "xterm"}), displays.Lines)
