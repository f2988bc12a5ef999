"""Marks that are moved apart: as little as a solver of quadratic programs finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from tangent_bench.figures._spread import spread
from tangent_bench.seeds import generator


def moved(values, least):
    """The same program by sequential quadratic programming, in float64."""
    order = np.argsort(values, kind="stable")
    wanted = np.asarray(values, float)[order]
    bounds = [
        {"type": "ineq", "fun": lambda x, k=k: x[k + 1] - x[k] - least}
        for k in range(len(wanted) - 1)
    ]
    start = wanted + least * np.arange(len(wanted))
    found = minimize(
        lambda x: ((x - wanted) ** 2).sum(), start, constraints=bounds, options={"ftol": 1e-14}
    )
    assert found.success
    places = np.empty_like(wanted)
    places[order] = found.x
    return places


@pytest.mark.parametrize("number", range(6))
def test_places_are_those_of_a_quadratic_program(number):
    rng = generator("test", "spread", number)
    values = rng.choice([0.15, 0.2, 0.45, 0.8], 7) + rng.choice([0.0, 0.01], 7)
    places = spread(values, 0.03)
    assert places == pytest.approx(moved(values, 0.03), abs=1e-5)
    assert np.diff(np.sort(places)).min() >= 0.03 - 1e-12


def test_what_is_far_apart_stays():
    assert spread([0.8, 0.1, 0.4], 0.1).tolist() == [0.8, 0.1, 0.4]
    assert spread([], 0.1).tolist() == []


def test_equal_values_stand_around_theirs_in_the_order_given():
    assert spread([2.0, 2.0, 2.0], 0.5) == pytest.approx([1.5, 2.0, 2.5])
