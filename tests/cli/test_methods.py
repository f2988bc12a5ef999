"""What `regress` is given, and which verdicts `compare` knows."""

from __future__ import annotations

import pytest

from tangent_bench import regress
from tangent_bench.judging import methods
from tests.cli.calls import answer, call


def test_regress_is_given_its_hyper_parameters(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        regress, "regress", lambda *given, quick: seen.update(given=given, quick=quick) or {}
    )
    assert (
        answer("regress", "lines+ties", "--set", "keep=0.1", "--set", "lines.beta=0", "--cores", 3)
        == []
    )
    candidate, baseline, configfile, cores, shown = seen["given"]
    assert (
        candidate.changed == {"ties.keep": 0.1, "lines.beta": 0.0}
        and baseline.name == "task_arithmetic"
    )
    assert (configfile, cores, shown, seen["quick"]) == (regress.CONFIG, 3, "nothing", False)


@pytest.mark.parametrize(
    ("options", "shown", "quick"),
    [
        ([], "progress", False),
        (["--verbose"], "everything", False),
        (["--quick"], "progress", True),
        (["--verbose", "--json"], "nothing", False),
    ],
)
def test_what_regress_shows_and_where_it_stops(monkeypatch, options, shown, quick):
    seen = {}
    monkeypatch.setattr(
        regress, "regress", lambda *given, quick: seen.update(shown=given[4], quick=quick) or {}
    )
    call("regress", "ties", *options)
    assert seen == {"shown": shown, "quick": quick}


def test_without_a_core_nothing_is_built(monkeypatch):
    monkeypatch.setattr(regress.lock, "release", lambda folder: pytest.fail("a run was begun"))
    with pytest.raises(ValueError, match="--cores is 0, expected a whole number of at least 1"):
        regress.build([], regress.CONFIG, cores=0, shown="nothing", seeds=[0])


def test_verdicts_of_the_help_are_those_that_there_are():
    assert all(word in call("compare", "--help").stdout for word in methods.VERDICTS)
