"""A score that is too low fails, and so does a run without mutants."""

from __future__ import annotations

import re

import pytest

from tests.mutation import main


def lines(module: str, caught: int, *others: str) -> list[str]:
    outcomes = ["killed"] * caught + list(others)
    return [
        f"    tangent_bench.{module}.x_f__mutmut_{k}: {outcome}\n"
        for k, outcome in enumerate(outcomes, 1)
    ]


@pytest.mark.parametrize(
    ("caught", "others", "status"),
    [
        (9, ["survived"], 0),
        (8, ["survived"], 1),
        (27, ["survived", "no tests", "timeout"], 0),
        (26, ["survived", "no tests", "timeout", "not checked"], 1),
    ],
)
def test_nine_tenths_of_every_module_must_be_caught(caught, others, status, capsys):
    assert (
        main([*lines("tangent.vectors", caught, *others), *lines("methods.fisher", 30)]) == status
    )
    printed = capsys.readouterr().out
    assert re.search(
        rf"^tangent.vectors +{caught} of +{caught + len(others)} mutants caught",
        printed,
        re.MULTILINE,
    )
    for name in others:
        assert f"{name}: tangent_bench.tangent.vectors.x_f__mutmut_" in printed


def test_no_mutants_are_no_success():
    assert main(["Failed to run clean test\n"]) == 1
