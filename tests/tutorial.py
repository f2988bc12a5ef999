"""The tutorial as the steps that a reader does: files to save, commands to run, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[1] / "docs/tutorial.md"
# An indented command, or a block of Python with the last path that stood in backticks before it.
STEP = re.compile(
    r"^ {4}(?P<command>(?:make|\.venv/)[^\n]*)$|^```python\n(?P<text>.*?)^```", re.M | re.S
)


class Step(NamedTuple):
    """A file with its text, or a command."""

    path: str = ""
    text: str = ""
    command: str = ""


def steps() -> list[Step]:
    """Those under numbered headings; what comes after them is for another day."""
    page = PAGE.read_text(encoding="utf-8").partition("\n## What next")[0]
    found = []
    for match in STEP.finditer(page):
        saved_as = re.findall(r"Save (?:this|it) as `([\w./]+)`", page[: match.start()])
        found.append(
            Step(command=match["command"])
            if match["command"]
            else Step(saved_as[-1], match["text"])
        )
    return found
