"""Kendall's τ-b by hand and against SciPy; which printed numbers count; what may be said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from tangent_bench.judging import rankings
from tangent_bench.judging.rankings import PrintedAccuracy, agreement, read, tau_b
from tangent_bench.seeds import generator

NAMES = "abcdefgh"


def prints(values, family="B", status="P"):
    return [PrintedAccuracy(family, NAMES[k], v, status, "s") for k, v in enumerate(values)]


def ours(values, replicates=200, noise=0.0, seeds=1):
    """Accuracies [S, 1 + R] by method."""
    rng = generator("test", "rankings", len(values), seeds)
    shape = (len(values), seeds, 1 + replicates)
    scatter = noise * rng.standard_normal(shape)
    scatter[..., 0] = 0
    return {NAMES[k]: v + scatter[k] for k, v in enumerate(values)}


@pytest.mark.parametrize(
    ("x", "y", "tau"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4], [1, 2, 4, 3], 4 / 6),  # five pairs agree, one does not
        ([1, 1, 2], [1, 2, 3], 2 / np.sqrt(2 * 3)),  # one pair is tied on one side
        ([1, 1, 2], [2, 2, 1], -1.0),
    ],
)
def test_tau_by_hand(x, y, tau):
    assert float(tau_b(np.array(x), np.array(y))) == pytest.approx(tau)


def test_tau_is_that_of_scipy_with_ties_and_leading_axes():
    rng = generator("test", "tau")
    x, y = rng.integers(0, 5, (40, 9)), rng.integers(0, 4, 9)
    found = tau_b(x, y)
    assert found.shape == (40,)
    assert found == pytest.approx([kendalltau(row, y).statistic for row in x])


def test_no_order_has_no_tau():
    assert np.isnan(tau_b(np.array([3, 3, 3]), np.array([1, 2, 3])))
    found = agreement(ours([0.5] * 6), "B", prints([60, 61, 62, 63, 64, 65]))
    assert found.correlation is None and "too few" in found.sentence


def test_unsigned_bytes_do_not_wrap():
    assert float(tau_b(np.array([1, 2, 3], np.uint8), np.array([3, 2, 1], np.uint8))) == -1.0


def test_same_order_and_its_reverse():
    values = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    same = agreement(ours(values), "B", prints([60, 65, 70, 75, 80, 85]))
    assert (same.correlation.tau, same.correlation.low, same.correlation.high) == (
        1.0,
        1.0,
        1.0,
    ) and same.methods == tuple("fedcba")
    assert "is 1.00 [1.00, 1.00] over 6 methods, conditional on these seeds." in same.sentence
    assert "low" not in same.sentence
    other = agreement(ours(values), "B", prints([85, 80, 75, 70, 65, 60]))
    assert (
        other.correlation.tau == -1.0
        and "This is low: the leaderboard does not predict CLIP." in other.sentence
    )


def test_chance_is_that_of_all_orders():
    values = [0.3, 0.4, 0.5, 0.6, 0.7]
    found = agreement(ours(values), "B", prints([60, 65, 70, 75, 80]))
    assert found.correlation.chance == pytest.approx(2 / 120) and "low" not in found.sentence
    one_swap = agreement(ours(values), "B", prints([60, 65, 70, 80, 75]))
    assert one_swap.correlation.tau == pytest.approx(
        0.8
    ) and one_swap.correlation.chance == pytest.approx(2 * 5 / 120)
    assert "This is low" in one_swap.sentence, (
        "five methods of ten pairs: chance does as well in 8 % of cases"
    )


def test_interval_is_that_of_the_replicates():
    values, printed = [0.50, 0.51, 0.52, 0.60, 0.70, 0.80], [60, 65, 70, 75, 80, 85]
    mine = ours(values, noise=0.05)
    found = agreement(mine, "B", prints(printed))
    taus = [kendalltau([mine[m][0, r] for m in "abcdef"], printed).statistic for r in range(1, 201)]
    assert (found.correlation.low, found.correlation.high) == pytest.approx(
        tuple(np.quantile(taus, [0.025, 0.975]))
    )
    assert found.correlation.low < found.correlation.tau == 1.0
    sure = agreement(ours(values, noise=1e-4), "B", prints(printed))
    assert sure.correlation.low == 1.0


def test_seeds_are_drawn_from_five_on_and_together():
    rng = generator("test", "seeds of rankings")
    shift = rng.standard_normal((6, 5, 1)) * 0.05
    shift -= shift.mean(1, keepdims=True)
    mine = {m: 0.5 + 0.01 * k + shift[k] + np.zeros((1, 301)) for k, m in enumerate("abcdef")}
    printed = prints([60, 65, 70, 75, 80, 85])
    found = agreement(mine, "B", printed)
    assert found.correlation.low < found.correlation.tau == 1.0, (
        "the estimate is over the seeds as they are"
    )
    four = {m: v[:4] for m, v in mine.items()}
    found = agreement(four, "B", printed)
    assert (
        found.correlation.low == found.correlation.high == found.correlation.tau
        and found.num_seeds == 4
    )
    # What all methods share in a seed never changes their order.
    common = {m: 0.5 + 0.01 * k + shift[0] + np.zeros((1, 301)) for k, m in enumerate("abcdef")}
    assert agreement(common, "B", printed).correlation.low == 1.0
    assert "conditional" not in agreement(common, "B", printed).sentence


def test_low_is_below_a_half_though_chance_and_interval_speak_for_it():
    order = [*range(8), *range(16, 7, -1)]  # 36 of 136 pairs the other way round
    lines = [PrintedAccuracy("B", f"m{k}", 50.0 + order[k], "P", "s") for k in range(17)]
    found = agreement({f"m{k}": np.full((1, 11), 0.01 * k) for k in range(17)}, "B", lines)
    assert (
        found.correlation.tau == found.correlation.low == pytest.approx(1 - 2 * 36 / 136)
        and found.correlation.chance < 0.05
    )
    assert (
        "is 0.47 [0.47, 0.47] over 17 methods" in found.sentence and "This is low" in found.sentence
    )


def test_low_is_an_interval_that_holds_zero():
    values = [0.50, 0.51, 0.52, 0.53, 0.54, 0.55]
    found = agreement(ours(values, noise=0.04), "B", prints([60, 65, 70, 75, 80, 85]))
    assert (
        found.correlation.tau == 1.0
        and found.correlation.chance < 0.05
        and found.correlation.low < 0 < found.correlation.high
        and "This is low" in found.sentence
    )


def test_families_never_meet():
    mine = ours([0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    both = prints([60, 65, 70, 75, 80, 85], "A") + prints([85, 80, 75, 70, 65, 60], "C")
    assert (
        agreement(mine, "A", both).correlation.tau == 1.0
        and agreement(mine, "C", both).correlation.tau == -1.0
    )
    assert (
        agreement(mine, "B", both).methods == ()
        and "0 methods are too few" in agreement(mine, "B", both).sentence
    )


def test_the_median_of_several_prints_counts_and_methods_of_one_side_do_not():
    lines = prints([60, 70, 80]) + [
        PrintedAccuracy("B", "a", v, "S", f"t{v}") for v in (75.0, 99.0)
    ]  # median 75: between b, c
    lines += [PrintedAccuracy("B", "unknown", 90.0, "P", "s")]
    found = agreement(ours([0.3, 0.4, 0.5, 0.9]), "B", lines)
    assert found.methods == ("c", "a", "b") and found.correlation.tau == pytest.approx(1 / 3)
    assert found.second_hand == 0, "a has a first-hand print too"
    assert agreement(ours([0.3, 0.4, 0.5]), "B", prints([60, 70, 80], status="S")).second_hand == 3


def test_four_methods_are_too_few():
    found = agreement(ours([0.3, 0.4, 0.5, 0.6]), "B", prints([60, 65, 70, 75]))
    assert found.correlation.tau == 1.0 and found.sentence.startswith(
        "4 methods are too few to say"
    )


def test_arguments_that_are_refused():
    with pytest.raises(ValueError, match="Family 'D' is not known; expected one of A, B, C"):
        agreement({}, "D")
    with pytest.raises(ValueError, match="expected one shape"):
        agreement({"a": np.zeros((1, 3)), "b": np.zeros((2, 3))}, "B")
    with pytest.raises(ValueError, match="expected one shape"):
        agreement({"a": np.zeros(3)}, "B")


def test_committed_numbers():
    table = read()
    by_family = {f: {p.method for p in table if p.family == f} for f in rankings.FAMILIES}
    assert all(len(methods) >= rankings.FEWEST for methods in by_family.values())
    assert {"tsv_m", "iso_c", "ties", "weight_average", "task_arithmetic"} <= set.intersection(
        *by_family.values()
    )
    assert {p.status for p in table if p.family != "A"} == {"P"} and {
        p.status for p in table if p.family == "A"
    } == {"S"}
    assert {p.accuracy for p in table if p.method == "tsv_m" and p.family != "A"} == {85.9, 83.06}
    # Family B trained on DTD's test images: what both print is higher there.
    for method in by_family["B"] & by_family["C"]:
        one, other = (
            [p.accuracy for p in table if (p.family, p.method) == (f, method)] for f in "BC"
        )
        assert min(one) > max(other) or method == "weight_average"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("D,ties,70,P,s", "expected a family of ABC"),
        ("A,ties,70,X,s", "a status of PSM"),
        ("A,ties,0.7,P,s", "percent"),
        ("A,ties,high,P,s", "line 2: accuracy 'high' is no number"),
        ("A,ties,70,P,", "and a source"),
        ("A,ties,70,P,s\nA,ties,71,P,s", "more than one line of A ties s"),
    ],
)
def test_lines_that_are_refused(tmp_path, line, error):
    path = tmp_path / "rankings.csv"
    path.write_text("family,method,accuracy,status,source\n" + line + "\n")
    with pytest.raises(ValueError, match=error):
        read(path)
    path.write_text("method,accuracy\n")
    with pytest.raises(ValueError, match="expected .'family'"):
        read(path)
