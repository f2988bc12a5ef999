"""Two ways to show a run: one screen of a terminal that is drawn anew, or plain lines."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Protocol, TextIO

from tangent_bench.progress.kept import KeptErrors
from tangent_bench.progress.picture import Picture
from tangent_bench.progress.words import duration

EVERY = 30.0  # seconds between plain lines
MOST = 8  # running jobs that are named on the screen
NAMED = 3  # and in a line
BAR = 30  # characters
CLEAR = "\r\x1b[J"  # from the beginning of the line to the end of the screen
UP = "\x1b[{}A"
COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m"}
RESET = "\x1b[0m"


class Display(Protocol):
    """Where a run is shown."""

    def start(self) -> None:
        """The run begins."""
        ...

    def say(self, text: str, level: int = logging.INFO) -> None:
        """Show a text that stays."""
        ...

    def show(self, picture: Picture, news: str = "") -> None:
        """Show how far the run is.

        Args:
            picture: of the run.
            news: what has happened just now, "" for nothing.
        """
        ...

    def stop(self) -> None:
        """The run is over: what was shown goes, what was said stays."""
        ...


def on(stream: TextIO, environment: Mapping[str, str], is_plain: bool = False) -> Display:
    """The screen of a terminal; plain lines for a file, a pipe, CI, or where NO_COLOR is set.

    Args:
        stream: of the terminal or file.
        environment: variables of the process.
        is_plain: whether no escape codes are wanted anyway.
    """
    refuses = any(environment.get(name) for name in ("NO_COLOR", "CI"))
    is_dumb = environment.get("TERM", "dumb") == "dumb"
    if is_plain or refuses or is_dumb or not stream.isatty():
        return Lines(stream)
    return Screen(stream)


class Lines:
    """A line where there is news, or every half a minute."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = 0.0

    def start(self) -> None:
        """Nothing need be done."""

    def say(self, text: str, level: int = logging.INFO) -> None:
        """A text of its own."""
        print(text, file=self._stream, flush=True)

    def show(self, picture: Picture, news: str = "") -> None:
        """A line, unless there was one just now and there is no news."""
        if not news and picture.passed - self._last < EVERY:
            return
        self._last = picture.passed
        self.say(
            f"{picture.percent:>5}  {picture.time}, {picture.count}; {news or at_work(picture)}"
        )

    def stop(self) -> None:
        """Nothing need be done."""


def at_work(picture: Picture) -> str:
    """The jobs at work, on one line."""
    if not picture.running:
        return "no job is at work"
    parts = []
    for name, _, log in picture.running[:NAMED]:
        parts.append(", ".join(filter(None, [name, picture.steps(log)])))
    more = len(picture.running) - NAMED
    return "; ".join([*parts, *([f"and {more} more"] if more > 0 else [])])


class Screen:
    """A bar and the running jobs, below all that was said.

    The cursor rests on an empty line above the bar: what anybody else writes begins there, and the
    next picture takes the place of the rest. What jobs and this process write on stderr meanwhile
    is kept, and said between two pictures.
    """

    def __init__(self, stream: TextIO) -> None:
        self._given = stream
        self._stream = stream
        self._kept: KeptErrors | None = None
        self._lines: list[str] = []

    def start(self) -> None:
        """From here on, keep what is written on stderr."""
        self._given.flush()
        terminal = os.dup(self._given.fileno())
        encoding = self._given.encoding
        self._stream = os.fdopen(terminal, "w", encoding=encoding, errors="replace")
        self._kept = KeptErrors()

    def say(self, text: str, level: int = logging.INFO) -> None:
        """A text above the bar."""
        colour = COLOURS.get(level, "")
        self._draw(f"{self._said()}{colour}{text}{RESET if colour else ''}\n")

    def show(self, picture: Picture, news: str = "") -> None:
        """The bar and the running jobs; news are seen in them."""
        columns, rows = _size(self._stream)
        lines = [self._bar(picture), *_running(picture, most=min(MOST, rows - 4))]
        self._lines = [line[: columns - 1] for line in lines]
        self._draw(self._said())

    def stop(self) -> None:
        """Take the bar away, and give stderr back."""
        self._lines = []
        if self._kept:
            self._draw(self._kept.close())
            self._kept = None
            self._stream.close()
            self._stream = self._given

    def _said(self) -> str:
        return self._kept.read() if self._kept else ""

    def _draw(self, said: str) -> None:
        """In one piece, since others may write on the terminal too."""
        below = "".join(f"\n{line}" for line in self._lines)
        back = UP.format(len(self._lines)) + "\r" if self._lines else ""
        self._stream.write(f"{CLEAR}{said}{below}{back}")
        self._stream.flush()

    def _bar(self, picture: Picture) -> str:
        done, rest = _blocks(self._stream)
        length = int(BAR * picture.share)
        bar = done * length + rest * (BAR - length)
        return f"{bar} {picture.percent:>5}  {picture.time}, {picture.count}"


def _running(picture: Picture, most: int) -> list[str]:
    """A line for each of so many jobs at work, and one for the others."""
    lines = []
    for name, seconds, log in picture.running[:most]:
        parts = filter(None, [name, picture.steps(log)])
        lines.append(f"{duration(seconds):>8}  {', '.join(parts)}")
    more = len(picture.running) - len(lines)
    return [*lines, *([f"          and {more} more"] if more else [])]


def _size(stream: TextIO) -> tuple[int, int]:
    """Columns and rows of a terminal; the usual ones where it does not know them."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except OSError:
        columns = rows = 0
    return columns or 80, rows or 24


def _blocks(stream: TextIO) -> tuple[str, str]:
    """Characters of what is done and of the rest, that the terminal has."""
    try:
        "█░".encode(stream.encoding)
    except UnicodeEncodeError:
        return "#", "-"
    return "█", "░"
