"""Comparisons of methods: the numbers by brute force, the rule of verdicts, what is said to the reader."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tangent_bench import statistics
from tangent_bench.comparison import Comparison, Images, Line, MethodHits, compare, crossed, hits, judge, text
from tangent_bench.seeds import generator
from tangent_bench.verdicts import Estimate

SIZES = {"val": {"p": 30, "q": 40}, "test": {"p": 50, "q": 36}}
IMAGES = Images(*({t: np.arange(n) for t, n in SIZES[s].items()} for s in ("val", "test")))


def method(name, rates, seeds=5, images=IMAGES, rng_name=""):
    """Hits with these rates [A], for every seed, task and image by itself."""
    rng = generator("test", "comparison", rng_name or name)
    parts = [
        [
            {t: rng.random((len(rates), len(b))) < np.array(rates)[:, None] for t, b in blocks.items()}
            for _ in range(seeds)
        ]
        for blocks in (images.val, images.test)
    ]
    return MethodHits(name, np.linspace(0, 1, len(rates)), *parts)


def shortened(one, seeds):
    return replace(one, val=one.val[:seeds], test=one.test[:seeds])


def line(found, task="all", name=None):
    (only,) = (x for x in found.lines if x.task == task and name in (None, x.method))
    return only


def drawn(hits_N, weights_N):
    return sum(bool(hit) * w for hit, w in zip(hits_N, weights_N)) / sum(weights_N)


def brute_force(one, images, replicates, task):
    """Test accuracy [S, 1 + R] on the images that were drawn, at the α that was best on those that were drawn."""
    weights = {
        (t, s): statistics.weights(getattr(images, s)[t], replicates, t, s).astype(int)
        for t in images.test
        for s in ("val", "test")
    }
    out = np.zeros((len(one.val), 1 + replicates))
    for s, r in np.ndindex(out.shape):
        best, index = -1.0, None
        for a in range(len(one.coefficients)):
            ratios = []
            for t in images.test:
                accuracy = drawn(one.val[s][t][a], weights[t, "val"][r])
                ratios.append(
                    accuracy / drawn(images.single_val[s][t], weights[t, "val"][r]) if images.single_val else accuracy
                )
            if np.mean(ratios) > best + 1e-12:
                best, index = np.mean(ratios), a
        out[s, r] = drawn(one.test[s][task][index], weights[task, "test"][r])
    return out


@pytest.mark.parametrize("normalized", [False, True])
def test_numbers_by_brute_force(normalized):
    single = tuple({"p": np.arange(30) % 3 > s % 2, "q": np.arange(40) % 5 > 0} for s in range(5)) if normalized else ()
    images = Images({"p": np.arange(30) // 2, "q": np.arange(40)}, IMAGES.test, single)
    first, second = method("first", [0.5, 0.6, 0.55]), method("second", [0.5, 0.65, 0.6, 0.6])
    found = compare(first, [second], images, replicates=12)
    each = {t: [brute_force(m, images, 12, t) for m in (first, second)] for t in "pq"}
    for task, (base, other), units in (
        ("p", each["p"], 50),
        ("q", each["q"], 36),
        ("all", [(each["p"][m] + each["q"][m]) / 2 for m in range(2)], 36),
    ):
        d = other - base
        estimate = line(found, task).estimate
        assert line(found, task).baseline == pytest.approx(base[:, 0].mean())
        assert line(found, task).candidate == pytest.approx(other[:, 0].mean())
        assert estimate.value == pytest.approx(d[:, 0].mean())
        seeds = d[:, 0].var(ddof=1) / 5
        images_part = d[:, 1:].mean(0).var() * units / (units - 1)
        around = sum((d[s, 1:] - d[:, 1:].mean(0)).var() for s in range(5)) / 20 * units / (units - 1)
        variance = seeds + max(images_part - around, 0)
        assert estimate.below == estimate.above == pytest.approx(math.sqrt(variance))
        below = seeds**2 / 4 + images_part**2 / (units - 1) + around**2 / (4 * (units - 1))
        assert estimate.degrees == pytest.approx(max(variance**2 / below, 4))


def test_parts_of_the_variance_are_those_of_the_two_way_table():
    rng = generator("test", "anova")
    seeds, size = 6, 80
    table = rng.normal(0, 1, (seeds, 1)) + rng.normal(0, 2, size) + rng.normal(0, 1.5, (seeds, size))
    weights = statistics.weights(np.arange(size), 20000, "anova").astype(float)
    found = crossed(table @ weights.T / size, size)
    rows, columns, grand = table.mean(1), table.mean(0), table.mean()
    rest = ((table - rows[:, None] - columns + grand) ** 2).sum() / ((seeds - 1) * (size - 1))
    assert float(found.seeds) == pytest.approx(rows.var(ddof=1) / seeds)
    assert float(found.images) == pytest.approx(columns.var(ddof=1) / size, rel=0.04)
    assert float(found.interaction) == pytest.approx(rest / (seeds * size), rel=0.04)


def test_fewer_than_five_seeds_is_images_only_and_says_so():
    first, second = method("first", [0.5]), method("second", [0.6])
    four = compare(shortened(first, 4), [shortened(second, 4)], IMAGES, replicates=400)
    five = compare(first, [second], IMAGES, replicates=400)
    assert four.conditional and not five.conditional
    assert math.isinf(line(four).estimate.degrees) and line(five).estimate.degrees < 100
    table = np.array([[second.test[s]["p"][0].astype(float) - first.test[s]["p"][0] for s in range(4)]])[0]
    assert line(four, "p").estimate.below ** 2 == pytest.approx(table.mean(0).var(ddof=1) / 50, rel=0.2)
    assert "4 seeds, conditional on these seeds" in text(four) and "conditional" not in text(five)


def test_a_better_method_is_better_and_the_other_way_round_worse():
    weak, strong = method("weak", [0.3]), method("strong", [0.8])
    found = line(compare(weak, [strong], IMAGES, 100))
    assert found.verdict == "better" and found.estimate.value > 0.3
    back = line(compare(strong, [weak], IMAGES, 100))
    assert back.verdict == "worse" and back.estimate.value == pytest.approx(-found.estimate.value)


def test_the_same_predictions_are_the_same():
    first = method("first", [0.5, 0.6])
    found = compare(first, [MethodHits("copy", first.coefficients, first.val, first.test)], IMAGES, 50)
    assert {x.verdict for x in found.lines} == {"same"}
    assert {x.estimate.interval() for x in found.lines} == {(0.0, 0.0)}


def test_selection_is_part_of_the_uncertainty():
    """Two coefficients that validation hardly tells apart, and that test tells apart by 60 points."""
    val = np.stack([np.arange(40) % 2 == 0, (np.arange(40) % 2 == 0) | (np.arange(40) < 2)])
    test = np.stack([np.arange(100) % 10 < 2, np.arange(100) % 10 < 8])
    images = Images({"p": np.arange(40)}, {"p": np.arange(100)})
    base = MethodHits("base", np.array([1.0]), [{"p": val[:1]}], [{"p": test[:1]}])
    open_ = MethodHits("open", np.array([0.0, 1.0]), [{"p": val}], [{"p": test}])
    fixed = MethodHits("fixed", np.array([1.0]), [{"p": val[1:]}], [{"p": test[1:]}])
    found = compare(base, [open_, fixed], images, 500)
    errors = [line(found, name=name).estimate.below for name in ("open", "fixed")]
    assert errors[0] > 3 * errors[1], "now and then the other one is selected"
    assert line(found, name="open").estimate.value == pytest.approx(line(found, name="fixed").estimate.value) == 0.6


def test_images_of_one_unit_count_as_one():
    one = Images({"p": np.arange(20)}, {"p": np.arange(60)})
    twice = Images({"p": np.arange(20)}, {"p": np.repeat(np.arange(60), 4)})
    short = [method(n, [r], 1, one) for n, r in (("a", 0.5), ("b", 0.6))]
    long = [MethodHits(m.name, m.coefficients, m.val, [{"p": np.repeat(m.test[0]["p"], 4, 1)}]) for m in short]
    first, second = (line(compare(m[0], m[1:], i, 300)).estimate for m, i in ((short, one), (long, twice)))
    assert second.value == pytest.approx(first.value) and second.below == pytest.approx(first.below)
    apart = Images({"p": np.arange(20)}, {"p": np.arange(240)})
    assert line(compare(long[0], long[1:], apart, 300)).estimate.below == pytest.approx(first.below / 2, rel=0.15)


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
        (0.003, 0.002, 0.004, "same"),  # surely above 0, and surely less than half a point: "same" goes first
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
    base, strong = method("base", [0.5]), method("strong", [0.9])
    close = [method(f"close {k}", [0.5]) for k in range(3)]
    found = compare(base, [strong, *close], IMAGES, 100)
    assert line(found, name="strong").level == pytest.approx(0.05 / 4)
    assert {round(line(found, name=c.name).level, 4) for c in close} == {round(0.05 / 3, 4)}
    assert {x.num_candidates for x in found.lines} == {4}
    assert line(compare(base, [strong], IMAGES, 100)).level == 0.05


def test_an_optimum_at_the_edge_of_its_grid_is_flagged():
    inside = method("inside", [0.1, 0.9, 0.1])
    low, high, alone = method("low", [0.9, 0.1, 0.1]), method("high", [0.1, 0.1, 0.9]), method("alone", [0.9])
    found = compare(inside, [low, high, alone], IMAGES, 20)
    assert found.at_edge == {"inside": 0, "low": 5, "high": 5, "alone": 0}
    printed = text(found)
    assert "low: the best coefficient is at the edge of its grid in 5 of 5 seeds; widen the grid." in printed
    assert "inside:" not in printed and "alone:" not in printed


def test_text_is_a_table_in_points():
    sure = Line("all", "ties", 0.5, 0.503, Estimate(0.003, 0.0004, 0.0004), 0.05, 1)
    wide = Line("p", "ties", 0.5, 0.52, Estimate(0.02, 0.02, 0.02), 0.05, 1)
    assert text(Comparison("sum", (wide, sure), 5)).splitlines() == [
        "candidate  task  sum   candidate  difference [interval]  verdict    detectable",
        "ties       p     50.0  52.0       +2.00 [-1.92, +5.92]   undecided  5.60",
        "ties       all   50.0  50.3       +0.30 [+0.22, +0.38]   same*      0.11",
        "5 seeds.",
        "* not 0, but within ±0.5 point.",
    ]


def test_hits_of_predictions():
    found = hits([{"p": np.array([[1, 2, 3], [1, 1, 1]])}], {"p": np.array([1, 2, 1])})
    assert found[0]["p"].tolist() == [[True, True, False], [True, False, True]]


def test_methods_that_do_not_meet_are_refused():
    first, second = method("first", [0.5]), method("second", [0.6])
    for base, candidates, images, message in (
        (first, [first], IMAGES, "expected a baseline and candidates of different names"),
        (first, [], IMAGES, "expected a baseline and candidates"),
        (first, [replace(second, val=second.val[:3])], IMAGES, "second has 3 seeds on val, expected 5"),
        (first, [replace(second, coefficients=np.arange(2))], IMAGES, r"p val: hits are \(1, 30\), expected \(2, 30\)"),
        (first, [second], Images(IMAGES.val, {"p": np.arange(50)}), "give the same, at least one"),
        (first, [second], Images({}, {}), "give the same, at least one"),
        (first, [second], Images(IMAGES.val, {"p": np.zeros(50), "q": np.arange(36)}), "fewer than two independent"),
        (first, [second], Images(IMAGES.val, IMAGES.test, ({},)), "Single-task hits of 1 seeds, 5 compared"),
    ):
        with pytest.raises(ValueError, match=message):
            compare(base, candidates, images, 5)
