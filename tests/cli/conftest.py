"""What every test of the command line needs."""

from __future__ import annotations

import pytest

from tangent_bench.cli import _process


@pytest.fixture(autouse=True)
def threads_stay(monkeypatch):
    """What a process does to itself at its start would stay for the tests after these."""
    monkeypatch.setattr(_process, "prepare", lambda: None)
