"""What the pages show and tell a reader to type: blocks of code, indented or fenced, and code
within sentences.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = (
    "make",
    "tangent-bench",
    "snakemake",
    "python",
    "pip",
    "pytest",
    "hf",
    "apt-get",
    "git",
    "rsync",
    "conda",
    "export",
)
MODULES = {
    "snakemake": "snakemake",
    "tangent_bench.cli": "tangent-bench",
    "pip": "pip",
}  # programs as `python -m`
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```\n?", re.M | re.S)
_INDENTED = re.compile(r"(?:^ {4,}\S.*\n?|(?<=\n)\n(?= {4}))+", re.M)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: path in the repository.
        language: of a fenced one; "" of an indented one.
        lines: without the indentation.
    """

    page: str
    language: str
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def _texts() -> dict[str, str]:
    return {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}


def blocks() -> list[Block]:
    """All blocks of all pages."""
    found = []
    for page, text in _texts().items():
        found += [
            Block(page, language, code.splitlines()) for language, code in _FENCED.findall(text)
        ]
        for code in _INDENTED.findall(_FENCED.sub("", text)):
            found.append(
                Block(page, "", [line.strip() for line in code.splitlines() if line.strip()])
            )
    return found


def phrases() -> list[tuple[str, str]]:
    """(page, code) of what stands in backticks within sentences and has more than one word."""
    found = []
    for page, text in _texts().items():
        prose = re.sub(r"^ {4,}\S.*$", "", _FENCED.sub("", text), flags=re.M)
        found += [
            (page, " ".join(code.split()))
            for code in re.findall(r"`([^`]+)`", prose)
            if len(code.split()) > 1
        ]
    return found


def is_command(text: str) -> bool:
    return text.split()[0].removeprefix(".venv/bin/") in PROGRAMS


def commands() -> list[str]:
    """Every command that a reader may type, once, without the remark behind it."""
    lines = [
        line
        for block in blocks()
        if block.language == "" and is_command(block.lines[0])
        for line in block.lines
    ]
    lines += [code for _, code in phrases() if is_command(code)]
    return sorted({re.split(r" +# ", line)[0].strip() for line in lines})


def words(command: str) -> list[str]:
    """A command as its shell sees it, beginning with one of `PROGRAMS`.

    >>> words(".venv/bin/python -m snakemake -n  # a dry run")
    ['snakemake', '-n']
    """
    first, *rest = shlex.split(command, comments=True)
    program = first.removeprefix(".venv/bin/")
    if program == "python" and rest[:1] == ["-m"] and rest[1] in MODULES:
        return [MODULES[rest[1]], *rest[2:]]
    return [program, *rest]
