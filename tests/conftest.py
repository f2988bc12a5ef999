"""Networks that several test files differentiate, and how long tests may take."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tangent_bench.tangent.linearize import parameters
from tests import small

collect_ignore = ["workflow/dry_run_preloaded.py"]  # imported by the server of dry runs alone
# The same sums on every machine; and a second thread only slows networks of this size down.
torch.set_num_threads(1)


class Case(NamedTuple):
    """A network with θ0, two directions and a few images, all float64."""

    network: nn.Module
    theta0: dict[str, Tensor]
    tau: dict[str, Tensor]
    sigma: dict[str, Tensor]
    images: Tensor


def _case(network: nn.Module, images_BCHW: Tensor) -> Case:
    theta0 = parameters(network)
    return Case(
        network,
        theta0,
        small.direction(theta0, "tau"),
        small.direction(theta0, "sigma"),
        images_BCHW,
    )


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clip")


@pytest.fixture(scope="session", params=["curved", "vit"])
def case(request, clip_folder) -> Case:
    """A small non-linear module, and a small vision transformer as open_clip builds it."""
    if request.param == "curved":
        return _case(small.Curved(), small.images(3, 3, 2, 2))
    return _case(small.vit(clip_folder), small.images(2, 3, 32, 32))


@pytest.fixture(scope="session")
def case32(clip_folder) -> Case:
    """The transformer in float32, as it is used."""
    case = _case(
        small.vit(clip_folder, torch.float32), small.images(5, 3, 32, 32, dtype=torch.float32)
    )
    assert all(v.dtype == torch.float32 for v in case.theta0.values())
    return case


# How long tests take

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
