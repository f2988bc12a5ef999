"""How long tests may take, and a record of how long they took: a plugin of pytest."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

LONGER = ("slow", "full", "alone")  # marks of tests that may take as long as they need


def _processor_seconds() -> float:
    """Of this process and of those that it waited for."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a unit test that keeps a processor busy for longer than it may.

    The processor's time counts, not the clock's: other work on the machine is no fault of the test.
    """
    limit = item.config.getoption("unit_seconds")
    begun = _processor_seconds()
    yield
    seconds = _processor_seconds() - begun
    if limit and seconds > limit and not any(map(item.get_closest_marker, LONGER)):
        pytest.fail(
            f"A unit test has {limit:g} s of a processor, and this one took {seconds:.1f}; make it "
            "smaller, or mark it slow (`make test`) or full (`make test-full`)."
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--unit-seconds", type=float, help="What a unit test may take.")
    parser.addoption(
        "--durations-file",
        type=Path,
        help="A CSV file that gets the seconds of each test function that ran; the others stay.",
    )


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("durations_file")
    if file is not None and not hasattr(config, "workerinput"):  # a worker of pytest-xdist has it
        config.pluginmanager.register(_Durations(file))


class _Durations:
    """Adds up the seconds of each test function, over its parameters."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds: dict[str, float] = defaultdict(float)
        self.tests: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        function = report.nodeid.partition("[")[0]
        self.seconds[function] += report.duration
        self.tests[function].add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        rows = {}
        if self.file.is_file():
            with self.file.open(newline="", encoding="utf-8") as file:
                rows = {row["test"]: row for row in csv.DictReader(file)}
        for name, seconds in self.seconds.items():
            rows[name] = {"test": name, "num": len(self.tests[name]), "seconds": f"{seconds:.2f}"}
        with self.file.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["test", "num", "seconds"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted(rows.values(), key=lambda row: row["test"]))
