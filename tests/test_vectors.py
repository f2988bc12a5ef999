"""Arithmetic of parameter dictionaries by hand, and its laws to rounding."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tangent_bench.tangent import vectors
from tests.small import normal


def vector(*names, dtype=torch.float64):
    return {
        "a": normal("a", *names, shape=(3, 2)).to(dtype),
        "b": normal("b", *names, shape=(4,)).to(dtype),
    }


def close(x, y, rtol=1e-14):
    assert x.keys() == y.keys()
    for key in x:
        torch.testing.assert_close(x[key], y[key], rtol=rtol, atol=1e-14)


def test_difference_and_sum_by_hand():
    a = {"w": torch.tensor([3.0, 1.0])}
    b = {"w": torch.tensor([1.0, 5.0])}
    assert vectors.subtract(a, b)["w"].tolist() == [2.0, -4.0]
    assert vectors.combine([(2.0, a), (-1.0, b), (0.5, a)])["w"].tolist() == [6.5, -2.5]
    assert vectors.add(a, [(-2.0, b)])["w"].tolist() == [1.0, -9.0]


def test_adding_is_commutative_and_associative_to_rounding():
    theta0 = vector("theta0")
    tau = [(c, vector(c)) for c in (0.3, -1.7, 0.9)]
    sums = [vectors.add(theta0, list(order)) for order in itertools.permutations(tau)]
    for other in sums[1:]:
        close(sums[0], other)
    in_two_steps = vectors.add(vectors.add(theta0, tau[:1]), tau[1:])
    of_a_sum = vectors.add(theta0, [(1.0, vectors.combine(tau))])
    close(sums[0], in_two_steps)
    close(sums[0], of_a_sum)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_added_is_exactly_the_start(dtype):
    theta0 = vector("theta0", dtype=dtype)
    broken = {k: torch.full_like(v, torch.nan) for k, v in theta0.items()}
    for terms in (
        [],
        [(0.0, vector(dtype=dtype))],
        [(0.0, broken), (np.float64(0), broken), (-0.0, broken)],
    ):
        total = vectors.add(theta0, terms)
        assert all(torch.equal(total[k], theta0[k]) and total[k].dtype == dtype for k in theta0)
        assert all(total[k].data_ptr() != theta0[k].data_ptr() for k in theta0)


def test_one_vector_at_coefficient_one_is_its_checkpoint():
    theta0 = vector("theta0")
    theta = vector("theta")
    close(vectors.add(theta0, [(1.0, vectors.subtract(theta, theta0))]), theta)


def test_coefficients_of_numpy_change_neither_value_nor_type():
    theta0 = vector("theta0", dtype=torch.float32)
    tau = vector(dtype=torch.float32)
    for coefficient in (np.float64(0.3), np.float32(0.3), np.array([0.3])[0]):
        total = vectors.add(theta0, [(coefficient, tau)])
        close(total, {k: theta0[k] + 0.3 * tau[k] for k in tau}, rtol=1e-5)
        assert vectors.combine([(coefficient, tau)])["a"].dtype == torch.float32


def test_inputs_are_untouched():
    a = vector("a")
    b = vector("b")
    before = [{k: v.clone() for k, v in d.items()} for d in (a, b)]
    vectors.add(a, [(0.5, b), (2.0, a)])
    vectors.combine([(1.0, a), (1.0, b)])
    vectors.subtract(a, b)
    vectors.cosine(a, b)
    assert all(
        torch.equal(old[k], new[k]) for old, new in zip(before, (a, b), strict=True) for k in old
    )


def test_lengths_and_angles_by_hand():
    a = {"x": torch.tensor([3.0, 0.0]), "y": torch.tensor([[4.0]])}
    b = {"x": torch.tensor([0.0, 2.0]), "y": torch.tensor([[1.0]])}
    assert vectors.dot(a, b) == 4.0
    assert vectors.norm(a) == 5.0
    assert vectors.cosine(a, b) == pytest.approx(4.0 / (5.0 * 5.0**0.5), rel=1e-15)
    assert vectors.cosine(a, vectors.combine([(-3.0, a)])) == pytest.approx(-1.0, rel=1e-15)


def test_products_are_accumulated_in_double_precision():
    value = 1.0 + 2.0**-12  # its square needs more than the 24 bits of float32
    a = {"x": torch.full((3,), value, dtype=torch.float32)}
    assert vectors.dot(a, a) == 3 * value**2


def test_angle_of_a_zero_vector_is_refused():
    a = vector()
    said = r"^The cosine of a zero vector does not exist; was the model fine-tuned at all\?$"
    with pytest.raises(ValueError, match=said):
        vectors.cosine(a, {k: torch.zeros_like(v) for k, v in a.items()})


WHOLE = {"visual.proj": torch.ones(2, 3), "visual.bias": torch.ones(2)}
LESS = {"visual.proj": torch.ones(2, 3)}
TURNED = {"visual.proj": torch.ones(3, 2), "visual.bias": torch.ones(2)}


def test_missing_key_is_named_with_its_vector():
    with pytest.raises(
        ValueError, match=r"Vector 'dtd' lacks key 'visual\.bias' that 'model' has; were both"
    ):
        vectors.require_same(LESS, WHOLE, "dtd", "model")
    with pytest.raises(ValueError, match=r"Vector 'model' lacks key 'visual\.bias' that 'dtd' has"):
        vectors.require_same(WHOLE, LESS, "dtd", "model")
    with pytest.raises(
        ValueError, match="Vector 'first' lacks key 'visual.bias' that 'second' has"
    ):
        vectors.require_same(LESS, WHOLE)
    with pytest.raises(
        ValueError, match="Vector 'term 3' lacks key 'visual.bias' that 'term 1' has"
    ):
        vectors.combine([(1.0, WHOLE), (1.0, WHOLE), (1.0, LESS)])


def test_other_shape_is_named_with_both():
    said = (
        r"'visual\.proj' has shape \(3, 2\) in 'dtd' and \(2, 3\) in 'model'; "
        r"were both built from the same model\?$"
    )
    with pytest.raises(ValueError, match=said):
        vectors.require_same(TURNED, WHOLE, "dtd", "model")


def test_a_sum_of_nothing_is_our_own_mistake():
    with pytest.raises(AssertionError, match="^combine needs at least one term"):
        vectors.combine([])


@pytest.mark.parametrize("other", [LESS, TURNED], ids=["missing", "transposed"])
def test_every_operation_is_strict(other):
    key = "visual.bias" if other is LESS else "visual.proj"
    for operation in (
        lambda: vectors.subtract(WHOLE, other),
        lambda: vectors.subtract(other, WHOLE),
        lambda: vectors.combine([(1.0, WHOLE), (1.0, other)]),
        lambda: vectors.combine([(1.0, other), (1.0, WHOLE)]),
        lambda: vectors.add(WHOLE, [(1.0, other)]),
        lambda: vectors.dot(WHOLE, other),
        lambda: vectors.cosine(other, WHOLE),
    ):
        with pytest.raises(ValueError, match=key):
            operation()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_entries_that_are_not_finite_are_counted_over_all_parameters(bad):
    values = {"a": torch.ones(2, 3), "b": torch.ones(4), "c": torch.ones(5)}
    vectors.require_finite(values, "it", "go")
    values["b"][1] = bad
    values["c"][2:4] = bad
    sentence = "it has 3 of 15 entries that are no finite numbers, first in 'b'; go."
    with pytest.raises(vectors.NotFinite) as caught:
        vectors.require_finite(values, "it", "go")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "dtype", [torch.float8_e5m2, torch.float16, torch.bfloat16, torch.float64, torch.int8]
)
def test_numbers_of_every_width_can_be_finite(dtype):
    values = {"a": torch.tensor([1.0, -2.0]).to(dtype)}
    vectors.require_finite(values, "it", "go")
    if dtype.is_floating_point:
        values["a"] = torch.tensor([1.0, float("nan")]).to(dtype)
        with pytest.raises(vectors.NotFinite, match="1 of 2 entries"):
            vectors.require_finite(values, "it", "go")
