"""Checkouts that several files run: sources with nothing built, and the micro preset, built once for a session."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow.checkout import Checkout, preset


@pytest.fixture(scope="session")
def micro(tmp_path_factory) -> Iterator[Checkout]:
    """The micro preset from end to end. Read it only; `spare` is for changing things."""
    checkout = Checkout.of_sources(tmp_path_factory.mktemp("micro") / "checkout")
    finished = checkout.snakemake(*preset("micro"))
    assert finished.status == 0, finished.output
    yield checkout
    shutil.rmtree(checkout.root)  # large, and pytest would keep three sessions of it


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
