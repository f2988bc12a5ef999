"""Selection of coefficients against enumeration in exact arithmetic; the paper's formulas against
numbers by hand.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tangent_bench.experiments.task_addition import normalized, recovered_gain
from tangent_bench.measuring.resampling import nonlinear_advantage
from tangent_bench.measuring.selection import grid, select_addition, select_negation


def test_grid_holds_the_numbers_that_are_written():
    assert grid(0.0, 1.0, 21).tolist() == [round(0.05 * k, 2) for k in range(21)]
    assert grid(0.0, 3.0, 4).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert grid(0.0, 1.0, 4).tolist() == [0.0, 0.333333333333, 0.666666666667, 1.0], "twelve digits"


def test_addition_maximises_normalized_not_absolute_accuracy():
    accuracy = np.array([[0.9, 0.1], [0.6, 0.3]])  # means 0.5 and 0.45; normalized 0.6 and 0.9
    assert select_addition(accuracy, np.array([1.0, 0.2])[:2]) == 1
    assert select_addition(accuracy, np.array([1.0, 1.0])) == 0


def test_addition_takes_the_first_maximiser():
    one = np.ones(1)
    assert select_addition(np.array([[0.1], [0.7], [0.3], [0.7]]), one) == 1
    assert select_addition(np.full((5, 1), 0.4), one) == 0


def test_tie_that_rounding_breaks_is_still_a_tie():
    # 0.1 + 0.2 + 0.3 in two orders differ in the last bit.
    accuracy = np.array([[0.2, 0.1, 0.3], [0.3, 0.2, 0.1], [0.1, 0.3, 0.2]])
    assert len({row.mean() for row in accuracy}) > 1
    for order in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
        assert select_addition(accuracy[order], np.ones(3)) == 0


def test_every_replicate_selects_for_itself():
    accuracy = np.array([[[0.1], [0.9], [0.9]], [[0.1], [0.2], [0.8]]])
    assert select_addition(accuracy, np.ones((2, 1))).tolist() == [1, 2]
    target = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    control = np.array([[0.8, 0.78, 0.1], [0.8, 0.1, 0.79]])
    assert select_negation(target, control, control[:, 0], 0.95).tolist() == [1, 2]


counts = st.integers(1, 20)


@given(
    st.integers(1, 3).flatmap(
        lambda t: st.tuples(
            st.lists(st.lists(st.integers(0, 12), min_size=t, max_size=t), min_size=1, max_size=6),
            st.lists(st.integers(1, 12), min_size=t, max_size=t),
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_addition_is_the_first_maximiser_of_exact_fractions(case):
    hits, single = case
    means = [sum(Fraction(h, s) for h, s in zip(row, single, strict=True)) for row in hits]
    found = select_addition(np.array(hits) / 12, np.array(single) / 12)
    assert found == means.index(max(means))


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), min_size=1, max_size=8),
    st.sampled_from([(0, 100), (50, 100), (95, 100), (100, 100)]),
)
@settings(max_examples=300, deadline=None)
def test_negation_never_breaks_the_control(hits, threshold):
    target, control = np.array([t for t, _ in hits]) / 30, np.array([c for _, c in hits]) / 40
    found = int(select_negation(target, control, control[0], threshold[0] / threshold[1]))
    allowed = [k for k, (_, c) in enumerate(hits) if threshold[1] * c >= threshold[0] * hits[0][1]]
    assert found in allowed and 0 in allowed
    assert found == min(allowed, key=lambda k: (hits[k][0], k)), (
        "lowest target; ties to the smallest coefficient"
    )


def test_negation_keeps_the_control_exactly_at_its_threshold():
    target = np.array([0.9, 0.1])
    assert (
        select_negation(target, np.array([0.6, 0.57]), np.float64(0.6), 0.95) == 1
    )  # 0.57 = 0.95 · 0.6
    assert select_negation(target, np.array([0.6, 0.5699]), np.float64(0.6), 0.95) == 0


def test_negation_that_helps_nowhere_stays_at_zero():
    assert select_negation(np.array([0.2, 0.2, 0.3]), np.ones(3), np.float64(1.0), 0.95) == 0


def test_hopeless_inputs_are_sentences():
    said = (
        "^A single-task model has validation accuracy 0; "
        "normalized accuracy does not exist. Train longer.$"
    )
    with pytest.raises(ValueError, match=said):
        select_addition(np.ones((2, 2)), np.array([0.5, 0.0]))
    said = (
        "^No coefficient keeps the control; "
        "the grid must contain 0 and control_threshold be at most 1.$"
    )
    with pytest.raises(ValueError, match=said):
        select_negation(np.ones(2), np.array([0.5, 0.4]), np.float64(0.5), 1.2)
    with pytest.raises(ValueError, match=said):  # one replicate of two is enough
        select_negation(
            np.ones((2, 2)), np.array([[0.9, 0.9], [0.5, 0.4]]), np.array([0.5, 0.5]), 1.2
        )


def test_normalized_accuracy_by_hand():
    accuracy = {"a": np.array([0.4, 0.8]), "b": np.array([0.9, 0.3])}
    single = {"a": np.array([0.8, 0.8]), "b": np.array([1.0, 0.6])}
    # (0.4/0.8 + 0.9/1.0) / 2 and (0.8/0.8 + 0.3/0.6) / 2: mean of ratios, not ratio of means (which
    # is 13/18).
    np.testing.assert_allclose(normalized(accuracy, single), [0.7, 0.75], rtol=1e-14)


def test_recovered_gain_by_hand():
    at, zero, single = (
        {"a": np.array([x]), "b": np.array([y])} for x, y in ((0.7, 0.5), (0.2, 0.4), (1.0, 0.8))
    )
    np.testing.assert_allclose(
        recovered_gain(at, zero, single), [0.5], rtol=1e-14
    )  # (0.6 − 0.3) / (0.9 − 0.3)
    np.testing.assert_allclose(recovered_gain(zero, zero, single), [0.0], atol=1e-15)
    np.testing.assert_allclose(recovered_gain(single, zero, single), [1.0], rtol=1e-14)


def test_nonlinear_advantage_by_hand():
    assert nonlinear_advantage(1.0, 0.1, 10) == pytest.approx(
        1.0, rel=1e-14
    )  # perfect against chance
    assert nonlinear_advantage(0.5, 0.7, 3) == pytest.approx(-0.3, rel=1e-14)
