"""Comparisons of methods: numbers by brute force, the rule of verdicts, and the text."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tangent_bench.judging.comparison import (
    Comparison,
    ComparisonLine,
    Tuned,
    compare,
    judge,
)
from tangent_bench.judging.components import crossed
from tangent_bench.judging.verdicts import Estimate
from tangent_bench.measuring import resampling
from tangent_bench.report.method_comparison import comparison_text
from tangent_bench.seeds import generator

UNITS = {"p": 50, "q": 36}


def method(name, rate, seeds=5, replicates=100, units=UNITS):
    """Independent hits at this rate by seed, task and image, with replicates over images."""
    rng = generator("test", "comparison", name)
    found = {}
    for task, size in units.items():
        weights = resampling.weights(np.arange(size), replicates, task, "test")
        found[task] = resampling.accuracy(rng.random((seeds, size)) < rate, weights).T
    return Tuned(name, found)


def shortened(one, seeds):
    return replace(one, accuracy={task: found[:seeds] for task, found in one.accuracy.items()})


def line(found, task="all", name=None):
    (only,) = (x for x in found.lines if x.task == task and name in (None, x.method))
    return only


def test_numbers_by_brute_force():
    first, second = method("first", 0.5, replicates=12), method("second", 0.65, replicates=12)
    found = compare(first, [second], UNITS)
    each = {t: [m.accuracy[t] for m in (first, second)] for t in "pq"}
    each["all"] = [(each["p"][m] + each["q"][m]) / 2 for m in range(2)]
    for task, units in (("p", 50), ("q", 36), ("all", 36)):
        base, other = each[task]
        d, estimate = other - base, line(found, task).estimate
        assert line(found, task).baseline == pytest.approx(base[:, 0].mean())
        assert line(found, task).candidate == pytest.approx(other[:, 0].mean())
        assert estimate.value == pytest.approx(d[:, 0].mean())
        seeds = d[:, 0].var(ddof=1) / 5
        images_part = d[:, 1:].mean(0).var() * units / (units - 1)
        around = (
            sum((d[s, 1:] - d[:, 1:].mean(0)).var() for s in range(5)) / 20 * units / (units - 1)
        )
        variance = seeds + max(images_part - around, 0)
        assert estimate.below == estimate.above == pytest.approx(math.sqrt(variance))
        below = seeds**2 / 4 + images_part**2 / (units - 1) + around**2 / (4 * (units - 1))
        assert estimate.degrees == pytest.approx(max(variance**2 / below, 4))


def test_parts_of_the_variance_are_those_of_the_two_way_table():
    rng = generator("test", "anova")
    seeds, size = 6, 80
    table = (
        rng.normal(0, 1, (seeds, 1)) + rng.normal(0, 2, size) + rng.normal(0, 1.5, (seeds, size))
    )
    weights = resampling.weights(np.arange(size), 20000, "anova").astype(float)
    found = crossed(table @ weights.T / size, size)
    rows, columns, grand = table.mean(1), table.mean(0), table.mean()
    rest = ((table - rows[:, None] - columns + grand) ** 2).sum() / ((seeds - 1) * (size - 1))
    assert float(found.seeds) == pytest.approx(rows.var(ddof=1) / seeds)
    assert float(found.images) == pytest.approx(columns.var(ddof=1) / size, rel=0.04)
    assert float(found.interaction) == pytest.approx(rest / (seeds * size), rel=0.04)


def test_fewer_than_five_seeds_is_images_only_and_says_so():
    first, second = method("first", 0.5, replicates=400), method("second", 0.6, replicates=400)
    four, five = (
        compare(shortened(first, 4), [shortened(second, 4)], UNITS),
        compare(first, [second], UNITS),
    )
    assert four.conditional and not five.conditional
    assert math.isinf(line(four).estimate.degrees) and line(five).estimate.degrees < 100
    d = (second.accuracy["p"] - first.accuracy["p"])[:4, 1:].mean(0)
    assert line(four, "p").estimate.below ** 2 == pytest.approx(d.var() * 50 / 49)
    assert "4 seeds, conditional on these seeds" in comparison_text(
        four
    ) and "conditional" not in comparison_text(five)


def test_a_better_method_is_better_and_the_other_way_round_worse():
    weak, strong = method("weak", 0.3), method("strong", 0.8)
    found = line(compare(weak, [strong], UNITS))
    assert found.verdict == "better" and found.estimate.value > 0.3
    back = line(compare(strong, [weak], UNITS))
    assert back.verdict == "worse" and back.estimate.value == pytest.approx(-found.estimate.value)


def test_the_same_predictions_are_the_same():
    first = method("first", 0.5)
    found = compare(first, [replace(first, name="copy")], UNITS)
    assert {x.verdict for x in found.lines} == {"same"}
    assert {x.estimate.interval() for x in found.lines} == {(0.0, 0.0)}


def ruled(value, low, high, **about):
    """The verdict on a 95 % interval that is given by its ends, with infinite degrees."""
    return judge(Estimate(value, (value - low) / 1.959964, (high - value) / 1.959964), **about)


@pytest.mark.parametrize(
    ("value", "low", "high", "word"),
    [
        (0.02, 0.001, 0.04, "better"),
        (0.02, -0.001, 0.041, "undecided"),
        (0.0, -0.004, 0.004, "same"),
        (0.0, -0.0055, 0.0055, "same"),  # its 90 % interval is within half a point: ±0.0046
        (0.0, -0.0065, 0.0065, "undecided"),
        (
            0.003,
            0.002,
            0.004,
            "same",
        ),  # surely above 0, and surely less than half a point: "same" goes first
        (0.0055, 0.004, 0.007, "better"),  # surely above 0, perhaps more than half a point
        (0.004, 0.001, 0.007, "better"),
    ],
)
def test_rule_and_its_mirror_image(value, low, high, word):
    assert ruled(value, low, high) == word
    other = {"better": "worse"}.get(word, word)
    assert ruled(-value, -high, -low) == other


def test_more_candidates_need_more():
    assert ruled(0.02, 0.001, 0.039, level=0.01) == "undecided"
    assert ruled(0.0, -0.0055, 0.0055, num_candidates=5) == "undecided"


def test_holm_over_the_candidates_of_a_line():
    base, strong = method("base", 0.5), method("strong", 0.9)
    close = [method(f"close {k}", 0.5) for k in range(3)]
    found = compare(base, [strong, *close], UNITS)
    assert line(found, name="strong").level == pytest.approx(0.05 / 4)
    assert {round(line(found, name=c.name).level, 4) for c in close} == {round(0.05 / 3, 4)}
    assert {x.num_candidates for x in found.lines} == {4}
    assert line(compare(base, [strong], UNITS)).level == 0.05


def test_an_optimum_at_the_edge_of_its_grid_is_flagged():
    inside, low = method("inside", 0.5), replace(method("low", 0.5), at_edge=3)
    printed = comparison_text(compare(inside, [low], UNITS))
    assert (
        "low: the best coefficient is at the edge of its grid in 3 of 5 seeds; widen the grid."
        in printed
    )
    assert "inside:" not in printed


def test_text_is_a_table_in_points():
    sure = ComparisonLine("all", "ties", 0.5, 0.503, Estimate(0.003, 0.0004, 0.0004), 0.05, 1)
    wide = ComparisonLine("p", "ties", 0.5, 0.52, Estimate(0.02, 0.02, 0.02), 0.05, 1)
    assert comparison_text(Comparison("sum", (wide, sure), 5)).splitlines() == [
        "candidate  task  accuracy  of sum  difference [interval]  verdict    detectable",
        "ties       p     52.0      50.0    +2.00 [-1.92, +5.92]   undecided  5.60",
        "ties       all   50.3      50.0    +0.30 [+0.22, +0.38]   same*      0.11",
        "5 seeds.",
        "* not 0, but within ±0.5 point.",
    ]


def test_methods_that_do_not_meet_are_refused():
    first, second = method("first", 0.5), method("second", 0.6)
    for base, candidates, units, message in (
        (first, [first], UNITS, "expected a baseline and candidates of different names"),
        (first, [], UNITS, "expected a baseline and candidates"),
        (
            first,
            [shortened(second, 3)],
            UNITS,
            r"second, p: accuracies are \(3, 101\), expected \(5, 101\)",
        ),
        (first, [method("second", 0.6, replicates=9)], UNITS, r"\(5, 10\), expected \(5, 101\)"),
        (
            first,
            [method("second", 0.6, units={"p": 50})],
            UNITS,
            "second has tasks p, expected p, q",
        ),
        (first, [second], {"p": 50}, "first has tasks p, q, expected p"),
        (first, [second], {}, "two or more of at least one task"),
        (first, [second], {"p": 1, "q": 36}, "two or more"),
    ):
        with pytest.raises(ValueError, match=message):
            compare(base, candidates, units)
