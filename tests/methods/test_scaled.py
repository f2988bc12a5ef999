"""Task arithmetic with the user's own number for each task."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench import catalogue, merging
from tangent_bench.testing import _laws, check_method

TASKS = _laws.TASKS
GIVEN = {"one": 0.25, "three": -2.0}


def test_the_direction_is_the_sum_with_the_numbers_given():
    merger = merging.find("scaled", GIVEN)
    vectors = _laws.vectors(*TASKS)
    direction = merger.prepare(vectors, _laws.theta0())
    for name in _laws.SHAPES:
        one, two, three = (vectors[task][name].numpy() for task in TASKS)
        expected = one / 4 + two - three - three
        np.testing.assert_allclose(direction[name].numpy(), expected, rtol=1e-14, atol=1e-14)
    assert not direction["counter"].any()


def test_it_is_a_fixed_sum_with_these_weights():
    merger = merging.find("scaled", GIVEN)
    assert merger.is_sum
    assert merger.weights(["three", "two", "one"]) == {"three": -2.0, "two": 1.0, "one": 0.25}
    assert merger.direction(["two"]) == {"two": 1.0}, "no number is of another task"


def test_it_keeps_the_laws_that_do_not_need_equal_numbers():
    """With a number for a task the direction of one task is that number times its vector."""
    assert len(check_method(merging.find("scaled", {"two": 0.5}))) == len(_laws.LAWS)
    with pytest.raises(AssertionError, match="law 'one task'"):
        check_method(merging.find("scaled", {"one": 0.5}))


def test_numbers_are_told_apart_by_the_label():
    plain = merging.find("scaled")
    assert plain.label == "scaled" and plain.values == {}
    assert merging.find("scaled", {"one": 1}).label == "scaled", "1 is the default"
    labels = {merging.find("scaled", {task: 0.5}).label for task in TASKS}
    assert len(labels) == 3 and "scaled" not in labels
    both = merging.asked(["scaled", {"name": "scaled", "one": 0.5}])
    assert [merger.changed for merger in both.values()] == [{}, {"scaled.one": 0.5}]


def test_a_wrapper_around_it_has_its_numbers():
    given = {"one": 0.5, "lines.beta": 0.0, "lines.norm_ratio": False}
    merger = merging.find("lines+scaled", given)
    direction = merger.prepare(_laws.vectors("one"), _laws.theta0())
    expected = 0.5 * _laws.vectors("one")["one"]["proj"]
    torch.testing.assert_close(direction["proj"], expected, rtol=0, atol=0)


def test_a_number_for_a_task_that_is_not_there_is_one_sentence():
    merger = merging.find("scaled", {"mnits": 0.5})
    said = r"'scaled\.mnits' is named after no task of the run; expected one of mnist, svhn\. Did"
    with pytest.raises(ValueError, match=said):
        merger.require_tasks(["mnist", "svhn"])
    merging.find("ties", {"keep": 0.1}).require_tasks([])


def test_other_methods_have_no_number_for_a_task():
    with pytest.raises(ValueError, match="Unknown hyper-parameter 'mnist' of 'ties'"):
        merging.find("ties", {"mnist": 0.5})
    with pytest.raises(ValueError, match=r"Unknown hyper-parameter 'lines\.mnist'"):
        merging.find("lines+scaled", {"lines.mnist": 0.5})


def test_the_catalogue_says_that_tasks_are_named():
    (parameter,) = catalogue.describe("methods", "scaled")["parameters"]
    assert parameter["name"] == "<task>" and parameter["default"] == 1.0
