"""What every file of tangent_bench/methods must keep to."""

from __future__ import annotations

import pytest
import torch

from tangent_bench import registry
from tangent_bench.methods import Context, Method
from tests import small

NAMES = registry.names("methods")
THETA0 = {"a": small.normal("a", shape=(4, 3)), "b": small.normal("b", shape=(5,))}
VECTORS = {source: small.direction(THETA0, source) for source in ("one", "two", "three")}


def context(name: str) -> Context:
    return Context(theta0=THETA0, hyper_parameters=registry.load("methods", name).METHOD.hyper_parameters)


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name):
    method = registry.load("methods", name).METHOD
    assert isinstance(method, Method) and method.title and method.reference
    assert method.data in ("none", "unlabelled train", "labelled validation", "unlabelled test")
    assert method.storage in ("one model", "per-task state")
    if method.coefficients is not None:
        first, last, count = method.coefficients
        assert count >= 0 and first <= last


@pytest.mark.parametrize("name", NAMES)
def test_direction_fits_the_model_and_inputs_are_untouched(name):
    before = {s: {k: v.clone() for k, v in vector.items()} for s, vector in VECTORS.items()}
    direction = registry.load("methods", name).prepare(VECTORS, context(name))
    assert {k: v.shape for k, v in direction.items()} == {k: v.shape for k, v in THETA0.items()}
    assert all(bool(torch.isfinite(v).all()) for v in direction.values())
    assert all(torch.equal(before[s][k], VECTORS[s][k]) for s in VECTORS for k in THETA0)


@pytest.mark.parametrize("name", NAMES)
def test_merging_repeats_bit_for_bit(name):
    first, again = (registry.load("methods", name).prepare(VECTORS, context(name)) for _ in range(2))
    assert all(torch.equal(first[k], again[k]) for k in THETA0)


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(registry.load("methods", n), "weights")])
def test_weights_say_what_the_direction_is(name):
    module = registry.load("methods", name)
    for sources in (["one"], ["one", "two"], ["three", "one", "two"]):
        weights, chosen = module.weights(sources), {s: VECTORS[s] for s in sources}
        assert list(weights) == list(sources)
        direction = module.prepare(chosen, context(name))
        for key in THETA0:
            expected = sum(weights[s] * VECTORS[s][key] for s in sources)
            torch.testing.assert_close(direction[key], expected, rtol=1e-12, atol=1e-14)


def test_task_arithmetic_is_the_sum():
    direction = registry.load("methods", "task_arithmetic").prepare(VECTORS, context("task_arithmetic"))
    for key in THETA0:
        torch.testing.assert_close(direction[key], sum(v[key] for v in VECTORS.values()))


def test_vectors_of_two_models_do_not_merge():
    other = {"a": THETA0["a"].T, "b": THETA0["b"]}
    with pytest.raises(ValueError, match="Key 'a' has shape"):
        registry.load("methods", "task_arithmetic").prepare({"one": VECTORS["one"], "two": other}, Context(THETA0))
