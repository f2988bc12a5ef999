"""Broken methods, each caught by the law that is about what is wrong with it."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace

import pytest
import torch

from tangent_bench import merging
from tangent_bench.methods import (
    Method,
    Parameter,
    _streams,
    iso_c,
    task_arithmetic,
    tsv_m,
    weight_average,
)
from tangent_bench.testing import _patience, check_method

FIT = "names, shapes, types; inputs untouched"


def method(prepare, **attributes) -> SimpleNamespace:
    about = {"title": "Broken", "reference": "nobody"} | attributes.pop("about", {})
    return SimpleNamespace(__name__="broken", METHOD=Method(**about), prepare=prepare, **attributes)


def each(merge):
    """A method that merges stacks [T, ...] one at a time."""
    return method(
        lambda vectors, context: _streams.merge_each(vectors, lambda name, stack: merge(stack))
    )


def in_place(vectors, context):
    first, *rest = vectors.values()
    for vector in rest:
        for key, value in vector.items():
            first[key] += value
    return dict(first)


def as_doubles(vectors, context):
    return {key: value.double() for key, value in task_arithmetic.prepare(vectors, context).items()}


def moving_integers(vectors, context):
    return task_arithmetic.prepare(vectors, context) | {"counter": torch.tensor([1, 0])}


def with_data(prepare, data="unlabelled train", **about):
    return method(prepare, about={"data": data, **about})


def training(vectors, context):
    context.data.network.train()
    return looking(vectors, context)


def writing(vectors, context):
    context.data.network.proj.add_(1.0)
    return looking(vectors, context)


def looking(vectors, context):
    """Weights by the images' brightness, whatever the vectors; one task gives back its vector."""
    return weighted(
        vectors, [float(context.data.images(task, 9).square().mean()) for task in vectors]
    )


def weighted(vectors, sizes):
    return _streams.merge_each(
        vectors,
        lambda name, stack: torch.tensordot(
            torch.tensor(sizes, dtype=torch.float64).to(stack) / sum(sizes), stack, 1
        ),
    )


MUTANTS = {
    "a sign": (each(lambda stack: -stack.sum(0)), "one task"),
    "a sign, one task excepted": (
        method(
            lambda vectors, context: _streams.merge_each(
                vectors, lambda name, stack: -stack.sum(0)
            ),
            about={"exceptions": {"one task": "said so"}},
        ),
        "side",
    ),
    "an average that is a half of a sum": (each(lambda stack: stack.sum(0) / 2), "one task"),
    "the first task counts twice": (
        each(lambda stack: stack.sum(0) + stack[0] * (len(stack) > 1)),
        "task order",
    ),
    "squares": (
        each(lambda stack: stack.sum(0) if len(stack) == 1 else (stack * stack.abs()).sum(0)),
        "scaling",
    ),
    "magnitudes": (
        each(lambda stack: stack.sum(0) if len(stack) == 1 else stack.abs().sum(0)),
        "sign",
    ),
    "away from all": (each(lambda stack: (2 - len(stack)) * stack.sum(0)), "side"),
    "at random": (
        each(lambda stack: stack.sum(0) + (len(stack) > 1) * torch.rand(stack[0].shape)),
        "task order",
    ),
    "no number where nothing moved": (
        each(lambda stack: stack.sum(0) * stack.norm() / stack.norm()),
        "nothing moved",
    ),
    "no number for one task": (each(lambda stack: stack.sum(0) / (len(stack) > 1)), "one task"),
    "inputs changed": (method(in_place), FIT),
    "another type": (method(as_doubles), FIT),
    "integers that move": (method(moving_integers), FIT),
    "no number": (each(lambda stack: stack.sum(0) / 0.0), FIT),
    "weights that are not the direction": (
        method(weight_average.prepare, weights=task_arithmetic.weights),
        "weights",
    ),
    "weights of one task only": (
        method(task_arithmetic.prepare, weights=lambda sources: {sources[0]: 1.0}),
        "weights",
    ),
    "from nowhere": (method(task_arithmetic.prepare, about={"reference": ""}), "contract"),
    "an exception that is none": (
        method(task_arithmetic.prepare, about={"exceptions": {"scaling": "said so"}}),
        "scaling",
    ),
    "an unknown exception": (
        method(task_arithmetic.prepare, about={"exceptions": {"sign": "no"}}),
        "contract",
    ),
    "an exception that needs data": (
        method(task_arithmetic.prepare, about={"exceptions": {"sign": "said so"}}),
        "contract",
    ),
    "a sign that data do not break": (with_data(looking, exceptions={"sign": "said so"}), "sign"),
    "images that change nothing": (with_data(task_arithmetic.prepare), "data"),
    "a network that is written to": (with_data(writing), "data"),
    "a network left in training": (with_data(training), "data"),
    "a grid of nothing": (
        method(task_arithmetic.prepare, about={"coefficients": (0.0, 1.0, 0)}),
        "contract",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_breaks_its_law(mutant):
    broken, law = MUTANTS[mutant]
    with pytest.raises(AssertionError, match=f"Method 'broken' breaks the law '{law}'"):
        check_method(broken)


def test_a_missing_parameter_and_a_transpose_are_named():
    def less(vectors, context):
        return {
            key: value
            for key, value in task_arithmetic.prepare(vectors, context).items()
            if key != "proj"
        }

    def turned(vectors, context):
        direction = task_arithmetic.prepare(vectors, context)
        return direction | {"proj": direction["proj"].T}

    with pytest.raises(ValueError, match=r"'broken': its direction lacks 'proj' \(1 of 9"):
        check_method(method(less))
    with pytest.raises(ValueError, match=r"'proj' of its direction has shape \(6, 4\)"):
        check_method(method(turned))


def test_unseeded_numbers_break_the_seed_law_where_the_order_is_excepted():
    def prepare(vectors, context):
        return _streams.merge_each(
            vectors,
            lambda name, stack: (
                stack.sum(0) + (len(stack) > 1) * torch.rand(stack[0].shape) * stack[0]
            ),
        )

    reasons = dict.fromkeys(("task order", "scaling"), "said so")
    with pytest.raises(AssertionError, match="'(sign|same seed)'"):
        check_method(method(prepare, about={"exceptions": reasons}))


def test_methods_with_data_are_given_what_they_say():
    def labelled(vectors, context):
        shares = [context.data.labels(task, 9).double().mean() + 1.0 for task in vectors]
        bright = [context.data.images(task, 9).square().mean() for task in vectors]
        return weighted(vectors, [float(a * b) for a, b in zip(shares, bright, strict=True)])

    assert "data" in check_method(with_data(looking))
    assert "data" in check_method(with_data(labelled, "labelled validation"))
    with pytest.raises(ValueError, match="'NoneType' object is not callable.*test_laws.py, line "):
        check_method(with_data(labelled))


def test_hyper_parameters_are_at_their_quick_values_unless_a_merger_is_given():
    asked = []

    def prepare(vectors, context):
        asked.append(context.hyper_parameters["steps"])
        return task_arithmetic.prepare(vectors, context)

    slow = method(prepare, about={"parameters": {"steps": Parameter(10**6, "steps", 0, quick=3)}})
    check_method(slow)
    assert set(asked) == {3}
    asked.clear()
    check_method(merging.of(slow))
    assert set(asked) == {10**6}


@pytest.mark.parametrize(
    "good", [task_arithmetic, "lines+regmean", tsv_m, iso_c, "ties", "lines", "svc+task_arithmetic"]
)
def test_modules_names_and_wrappers_are_taken(good):
    assert "one task" in check_method(good)


def test_what_is_no_method_is_one_sentence():
    with pytest.raises(ValueError, match=r"Method 'SimpleNamespace' has no METHOD"):
        check_method(SimpleNamespace())


def said_of(mutant):
    with pytest.raises(AssertionError) as caught:
        check_method(MUTANTS[mutant][0])
    return str(caught.value)


def test_a_broken_law_says_how_an_exception_is_declared_where_one_is_possible():
    for mutant, law in (("a sign", "one task"), ("squares", "scaling")):
        wanted = f"say why in METHOD: exceptions={{'{law}': 'the reason'}}"
        assert said_of(mutant).endswith(wanted)
    assert "differ by up to" in said_of("magnitudes")
    for mutant in ("magnitudes", "an exception that is none"):
        assert "say why in METHOD" not in said_of(mutant)


def test_a_slow_method_is_said_to_be_at_work(monkeypatch, capsys):
    monkeypatch.setattr(_patience, "EVERY", 0.01)

    def slow(vectors, context):
        time.sleep(0.03)
        return task_arithmetic.prepare(vectors, context)

    check_method(method(slow))
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"broken: law 2 of 11 \(names, shapes, .*\), \d+ s", lines[0])
    assert any("law 4 of 11 (task order)" in line for line in lines)


def test_of_a_quick_method_nothing_is_said(capsys):
    check_method(method(task_arithmetic.prepare))
    assert capsys.readouterr().err == ""
