"""Checkouts that several files run: sources with nothing built, and the micro preset, built once
for a test run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow.checkout import Checkout, preset
from tests.workflow.shared import shared


def _build(folder: Path) -> None:
    finished = Checkout.of_sources(folder).snakemake(*preset("micro"))
    assert finished.status == 0, finished.output


@pytest.fixture(scope="session")
def micro(tmp_path_factory) -> Iterator[Checkout]:
    """The micro preset from end to end. Read it only; `spare` is for changing things."""
    base = (
        tmp_path_factory.getbasetemp()
    )  # of a worker of pytest-xdist: a folder in that of the whole run
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    # Removed at the end: it is large, and pytest would keep three sessions of it.
    with shared(base / "micro" / "checkout", _build) as folder:
        yield Checkout(folder)


@pytest.fixture
def spare(micro, tmp_path) -> Iterator[Checkout]:
    """A copy of `micro` that a test may damage."""
    checkout = micro.copy(tmp_path / "checkout")
    yield checkout
    shutil.rmtree(checkout.root)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Iterator[Checkout]:
    """The sources alone; tests of one file share what they build in it."""
    checkout = Checkout.of_sources(tmp_path_factory.mktemp("sources") / "checkout")
    yield checkout
    shutil.rmtree(checkout.root)


@pytest.fixture
def config_file(tmp_path) -> Callable[[str], list[str]]:
    """Text of a config → the arguments that name a file with it."""

    def write(text: str) -> list[str]:
        path: Path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return ["--configfile", str(path)]

    return write
