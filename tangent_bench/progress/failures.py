"""A failed job in a few lines, where Snakemake has a page: which one, its log, what it said."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tangent_bench.progress.picture import last_lines

SHOWN = 3  # last lines of a log
STOPPED = "stopped; the same command goes on from here."  # how a job ends that Ctrl-C has ended
# A job that ends with one of these has said why, in a sentence on stderr (`jobs.provenance`).
_SAID = re.compile(r"CalledProcessError\b.*returned non-zero exit status (1|130)\.", re.DOTALL)


def is_said(text: str) -> bool:
    """Whether Snakemake's error is about a job that has said by itself what is wrong.

    >>> is_said("CalledProcessError in file x:\\nCommand 'y' returned non-zero exit status 1.")
    True
    >>> is_said("CalledProcessError in file x:\\nCommand 'y' died with <Signals.SIGSEGV: 11>.")
    False
    """
    return bool(_SAID.search(text))


def is_stopped(about: Mapping) -> bool:
    """Whether a job has not failed, but was ended by Ctrl-C.

    Args:
        about: Snakemake's event.
    """
    return any(STOPPED in line for line in _ends(about))


def sentence(about: Mapping, name: str, is_local: bool) -> str:
    """What is shown of a job that has failed, or was ended.

    Args:
        about: Snakemake's event.
        name: of the job, in words.
        is_local: whether it ran on this machine, where its own sentence is on the terminal.
    """
    if is_stopped(about):
        return f"Stopped: {name}."
    logs = ", ".join(map(str, about["log"]))
    lines = [f"Failed: {name}; its log: {logs}" if logs else f"Failed: {name}"]
    if about["rule_msg"]:
        lines.append(f"    {about['rule_msg']}")
    if not is_local:
        lines += [f"    {line}" for line in _ends(about)]
    return "\n".join(lines)


def _ends(about: Mapping) -> list[str]:
    """The last lines of the logs of a job."""
    lines = []
    for log in about["log"]:
        lines += last_lines(log)[-SHOWN:]
    return [line.decode(errors="replace") for line in lines]
