"""Looks at a run whose seeds are still to come: levels, decisions, what is built when."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tangent_bench import merging, regress
from tangent_bench.judging import looks, methods
from tangent_bench.judging.comparison import Comparison, ComparisonLine
from tangent_bench.judging.components import crossed
from tangent_bench.judging.outcomes import Place
from tangent_bench.judging.verdicts import LEVEL, Estimate
from tangent_bench.report import method_comparison
from tangent_bench.seeds import generator

ROOT = Path(__file__).parents[1]
NETWORK, TANGENT = (
    Place("tiny", "pretrained", mode) for mode in ("standard-network", "linear-tangent")
)


# Levels


def test_bounds_are_those_that_were_published():
    """Five equal looks, 2.5 % on each side: Reboussin, DeMets, Kim and Lan 2000, Table of the
    program's manual (4.8769, 3.3569, 2.6803, 2.2898, 2.0310).
    """
    found = looks.bounds([0.2, 0.4, 0.6, 0.8, 1.0], 0.025)
    assert found == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)


@pytest.mark.parametrize("num_seeds", [6, 10, 20])
@pytest.mark.parametrize("level", [0.05, 0.1])
def test_paths_cross_the_bounds_as_often_as_the_level_says(num_seeds, level):
    counts = np.array(list(looks.levels(num_seeds, level)))
    steps = generator("test", "looks", num_seeds).standard_normal((40_000, num_seeds))
    sums = steps.cumsum(1)[:, counts - 1] / np.sqrt(counts)
    ends = np.array(looks.bounds(counts / num_seeds, level / 2))
    # three standard errors of 40,000 paths are 0.45 %
    assert (np.abs(sums) > ends).any(1).mean() == pytest.approx(level, abs=0.005)


def test_levels_rise_from_little_to_almost_all():
    found = looks.levels(10)
    assert list(found) == [5, 6, 7, 8, 9, 10]
    assert sorted(found.values()) == list(found.values())
    assert found[5] < 0.005 and 0.03 < found[10] < LEVEL
    assert looks.levels(5) == {5: LEVEL}, "five seeds are looked at once"


# Decisions


def comparison(value, num_seeds=5, error=0.004) -> Comparison:
    """A difference with its error, of two tasks and of both."""
    estimate = Estimate(value, error, error)
    lines = []
    for task in ("p", "q", "all"):
        lines.append(
            ComparisonLine(task, "ties", 0.5, 0.5 + value, estimate, LEVEL, 1, images_share=0.6)
        )
    return Comparison("task_arithmetic", tuple(lines), num_seeds)


def last(found: Comparison) -> ComparisonLine:
    return found.lines[-1]


@pytest.mark.parametrize("num_seeds", [1, 2, 3, 4])
def test_fewer_than_five_seeds_decide_nothing(num_seeds):
    found = looks.at(comparison(0.3, num_seeds), 10)
    assert last(found).verdict == "better" and last(found).level == LEVEL
    assert found.conditional and not looks.is_decided(found)


def test_a_look_has_its_own_levels_over_all_tasks():
    found = looks.at(comparison(0.01), 10)
    assert last(found).level == looks.levels(10)[5]
    assert 2 * last(found).one_sided == looks.levels(10, 2 * LEVEL)[5]
    assert [line.level for line in found.lines[:2]] == [LEVEL, LEVEL]
    # 2.5 standard errors: enough for 5 %, and too little for the first of six looks
    assert found.lines[0].verdict != "undecided" and last(found).verdict == "undecided"
    assert looks.is_decided(looks.at(comparison(0.01), 5))


def test_the_last_look_has_what_is_left_and_all_degrees():
    """Where images make the variance, all looks are one, which has the whole level."""
    found = last(looks.at(comparison(0.01, 10), 10))
    assert found.level == looks.last_level(10, 0.6) > looks.levels(10)[10]
    assert 2 * found.one_sided == looks.last_level(10, 0.6, 2 * LEVEL)
    assert found.estimate.degrees == np.inf
    assert last(looks.at(comparison(0.01, 9), 10)).estimate.degrees == 8
    ends = [looks.last_level(10, share) for share in (0.0, 0.3, 0.6, 0.9)]
    assert ends == sorted(ends) and ends[0] == pytest.approx(looks.levels(10)[10])
    assert looks.last_level(10, 1.0) == pytest.approx(LEVEL, abs=2e-4)


def test_the_share_of_the_images_is_that_of_the_components():
    rng = generator("test", "looks", "share")
    values = rng.standard_normal((3, 6, 101))
    found = crossed(values, 50)
    images = np.maximum(found.images - found.interaction, 0)
    assert found.images_share == pytest.approx(images / found.variance)
    assert crossed(np.zeros((6, 101)), 50).images_share == 1.0


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [(0.06, 0.004, "better"), (-0.06, 0.004, "worse"), (0.0, 0.001, "same")],
)
def test_what_is_decided_stays(value, error, verdict):
    first = comparison(value, error=error)
    before = looks.onwards({}, {NETWORK: first, TANGENT: comparison(0.008)}, 10)
    assert last(before[NETWORK]).verdict == verdict and looks.is_decided(before[NETWORK])
    assert not looks.is_decided(before[TANGENT])
    now = {NETWORK: comparison(0.008, 6), TANGENT: comparison(0.06, 6)}
    found = looks.onwards(before, now, 10)
    assert found[NETWORK] == before[NETWORK] and found[NETWORK].num_seeds == 5
    assert found[TANGENT].num_seeds == 6 and last(found[TANGENT]).verdict == "better"


# A run


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs `regress` on so many seeds, with what is built and compared made up.

    Returns what was built (numbers of seeds, or modes of the first), the comparisons and what was
    printed.
    """

    def of(seeds, differences, present=(0,), **options):
        built = []
        modes = ["none-network", *(place.mode for place in differences)]
        config = {"results": str(tmp_path), "seeds": list(range(seeds)), "modes": modes}
        monkeypatch.setattr(regress, "_read", lambda file: config)
        monkeypatch.setattr(
            regress, "targets", lambda config, mergers, seeds: [f"seed-{seed}" for seed in seeds]
        )
        monkeypatch.setattr(regress.suite, "ROOT", tmp_path)
        monkeypatch.setattr(regress.suite, "require_checkout", lambda what: None)

        def build(mergers, configfile, cores, shown, seeds, modes=()):
            built.append(*modes or [len(seeds)])

        monkeypatch.setattr(regress, "build", build)
        monkeypatch.setattr(regress, "_check", lambda candidate, is_told: None)
        for seed in present:
            (tmp_path / f"seed-{seed}").touch()

        def compared(folder, baseline, candidates, seeds, modes):
            number = len(seeds)
            return {
                place: comparison(d[number - 1], number)
                for place, d in differences.items()
                if place.mode in modes or not modes
            }

        monkeypatch.setattr(methods, "compare", compared)
        found = regress.regress(merging.find("ties"), merging.find("magmax"), **options)
        return built, found, capsys.readouterr().out

    return of


def test_seeds_are_built_one_by_one_with_a_verdict_after_each(run):
    built, found, said = run(5, {NETWORK: [0.02] * 5})
    assert built == [1, 2, 3, 4, 5]
    assert found[NETWORK].num_seeds == 5 and last(found[NETWORK]).level == LEVEL
    assert re.findall(r"After seed (\d) \((\d) of 5 seeds\), conditional on", said) == [
        ("0", "1"), ("1", "2"), ("2", "3"), ("3", "4"),
    ]  # fmt: skip
    assert said.count("conditional on this seed:") == 1
    assert said.count("better") == 4


def test_a_quick_run_stops_after_the_first_seed(run):
    built, found, said = run(5, {NETWORK: [0.02] * 5}, quick=True)
    assert built == [1] and said == ""
    assert "1 seed, conditional on these seeds" in method_comparison.text(found)


def test_a_run_stops_once_every_mode_is_decided(run):
    far = [0.06] * 8
    near = [0.008] * 6 + [0.06] * 2
    built, found, said = run(8, {NETWORK: far, TANGENT: near})
    assert built == [1, 2, 3, 4, 5, 6, 7]
    assert (found[NETWORK].num_seeds, found[TANGENT].num_seeds) == (5, 7)
    of_sixth = said.partition("After seed 5 ")[2]
    assert "tiny, Non-lin. FT (standard-network)  since 5 seeds" in of_sixth
    assert re.search(r"\(6 of 8 seeds\), this look decides at [\d.]+ % \(same: ", of_sixth)
    assert "7 of 8 seeds; over all tasks this look decides at" in method_comparison.text(found)


def test_what_is_there_is_looked_at_in_two_goes(run):
    built, _, said = run(5, {NETWORK: [0.02] * 5}, present=range(5))
    assert built == [1, 5] and said.count("After seed") == 1 + 3
    assert run(1, {NETWORK: [0.02]})[0] == [1]


def test_the_first_seed_of_a_fresh_folder_is_told_mode_by_mode(run):
    both = {NETWORK: [0.02] * 5, TANGENT: [0.02] * 5}
    built, _, said = run(5, both, present=())
    assert built == [NETWORK.mode, 1, 2, 3, 4, 5]
    first, second = said.split("After seed ")[1:3]
    for look in first, second:
        assert look.startswith("0 (1 of 5 seeds), conditional on this seed")
    assert NETWORK.mode in first and TANGENT.mode not in first
    assert NETWORK.mode in second and TANGENT.mode in second
    built, _, said = run(5, both, present=(), quick=True)
    assert built == [NETWORK.mode, 1] and said.count("After seed 0 (1 of 1 seed)") == 1


def test_nothing_is_printed_for_json(run):
    built, found, said = run(5, {NETWORK: [0.02] * 5}, present=(), shown="nothing")
    assert built == [1, 2, 3, 4, 5] and said == "" and found[NETWORK].num_seeds == 5


@pytest.mark.parametrize(
    ("shown", "options"),
    [
        ("progress", ["--logger", "tangent-bench"]),
        ("everything", []),
        ("nothing", ["--quiet", "all"]),
    ],
)
def test_snakemake_is_asked_for_the_seeds_and_shows_what_is_wanted(
    monkeypatch, tmp_path, shown, options
):
    called = []
    done = SimpleNamespace(returncode=0)
    monkeypatch.setattr(
        regress.subprocess, "run", lambda command, cwd: called.append(command) or done
    )
    monkeypatch.setattr(regress.lock, "release", lambda folder: None)
    file = tmp_path / "mine.yaml"
    file.write_text(f"results: {tmp_path}/results\nseeds: [3, 4, 5]\n")
    regress.build([merging.find("ties")], file, 2, shown, [3, 4])
    regress.build([merging.find("ties")], file, 2, shown, [3], ["standard-tangent"])
    for command, expected in zip(called, [{3, 4}, {3}], strict=True):
        outcomes = [Path(word) for word in command if "seed-" in word]
        assert {int(re.findall(r"\d+", path.stem)[0]) for path in outcomes} == expected
        assert command[command.index("--configfile") + 3 :] == options
    assert {path.parent.parent.name for path in outcomes} == {"standard-tangent"}


def test_the_levels_of_the_page_are_those_of_ten_seeds():
    page = (ROOT / "docs/explanation/verdicts.md").read_text(encoding="utf-8")
    for row, level, share in (("*better*, *worse*, both", LEVEL, 1), ("*same*, each", 0.1, 0.5)):
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {row} side")]
        shown = [float(number) for number in re.findall(r"\d\.\d\d", line)]
        expected = [100 * share * value for value in looks.levels(10, level).values()]
        assert shown[:-1] == pytest.approx(expected, abs=0.005)
        assert shown[-1] == pytest.approx(100 * share * looks.last_level(10, 1.0, level), abs=0.02)
