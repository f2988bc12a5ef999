"""Peak memory of calls whose need is known, whatever was freed before them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tangent_bench.jobs import memory

pytestmark = pytest.mark.alone
MB = 10**6
linux = pytest.mark.skipif(
    not memory.RESET.exists(), reason="peak memory is read as Linux tells it"
)


def take(megabytes: int) -> None:
    torch.ones(megabytes * MB // 4)


def output(program: str) -> list[int]:
    """Numbers that a program prints in a process of its own: what other tests left in the heap
    would change them.
    """
    whole = (
        "import torch\nfrom tangent_bench.jobs import memory, provenance\n"
        "from tests.test_memory import MB, take\n" + program
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", whole], cwd=root, capture_output=True, text=True, check=True
    )
    return [int(number) for number in done.stdout.split()]


@linux
def test_a_call_needs_what_it_takes():
    """In a process that has kept nothing: 60 MB of a gap of its own would otherwise come on top of
    100 in another.
    """
    program = """
take(1)
held = []
print(memory.peak(lambda: take(100)), memory.peak(lambda: (take(100), take(60))))
print(memory.peak(lambda: held.extend(torch.ones(10 * MB) for _ in range(2))))
"""
    hundred, in_turn, together = output(program)
    assert hundred == pytest.approx(100 * MB, rel=0.03)
    assert in_turn == pytest.approx(100 * MB, rel=0.03), "one after the other"
    assert together == pytest.approx(80 * MB, rel=0.03)


@linux
def test_what_was_freed_or_is_held_does_not_count():
    """In a process that keeps freed memory as jobs do: that cannot be undone."""
    program = """
provenance.keep_memory()
held = torch.ones(50_000_000)
with memory.apart():
    memory.peak(lambda: [take(megabytes) for megabytes in range(1, 101)])
    largest = memory.peak(lambda: [take(megabytes) for megabytes in range(1, 31)])
take(500)
print(*(memory.peak(lambda: take(megabytes)) for megabytes in (100, 1, 100, 20)), largest)
"""
    hundred, one, again, twenty, largest = output(program)
    assert hundred == pytest.approx(100 * MB, rel=0.03) and again == pytest.approx(
        100 * MB, rel=0.03
    )
    assert one < 5 * MB and twenty == pytest.approx(20 * MB, abs=2 * MB)
    assert largest == pytest.approx(30 * MB, abs=2 * MB), (
        "the largest of thirty, one after the other"
    )


def test_where_the_system_does_not_tell_there_is_no_number(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "RESET", tmp_path / "missing" / "clear_refs")
    assert memory.peak(lambda: None) is None
