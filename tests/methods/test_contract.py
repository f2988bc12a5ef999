"""Laws that every file of tangent_bench/methods keeps, or names as an exception; wrappers are put around the sum."""

from __future__ import annotations

import pytest
import torch

from tangent_bench import merging, registry
from tangent_bench.methods import DATA, STORAGE, Method
from tests import small

SHAPES = {
    "conv1.weight": (4, 3, 2, 2),
    "positional_embedding": (5, 4),
    "transformer.resblocks.0.attn.in_proj_weight": (12, 4),
    "transformer.resblocks.0.ln_1.bias": (4,),
    "transformer.resblocks.1.mlp.c_fc.weight": (8, 4),
    "transformer.resblocks.1.mlp.c_fc.bias": (8,),
    "proj": (4, 6),
    "scale": (),
}
COUNTER = torch.tensor([3, 1])
THETA0 = {key: small.normal("theta0", key, shape=shape) for key, shape in SHAPES.items()} | {"counter": COUNTER}
NAMES = [
    name if hasattr(registry.load("methods", name), "prepare") else f"{name}+task_arithmetic"
    for name in registry.names("methods")
]
LAWS = {"one task", "task order", "scaling"}


def made(*tasks: str, factor: float = 1.0, dtype=torch.float64) -> dict:
    """Vectors of these tasks, the same for the same name; the integer tensor does not move."""
    return {
        task: {key: (factor * small.normal(task, key, shape=shape)).to(dtype) for key, shape in SHAPES.items()}
        | {"counter": torch.zeros_like(COUNTER)}
        for task in tasks
    }


def merge(name: str, vectors: dict, seed: int = 0) -> dict:
    dtype = next(iter(vectors.values()))["proj"].dtype
    return merging.find(name).prepare(vectors, {k: v.to(dtype) if k in SHAPES else v for k, v in THETA0.items()}, seed)


def largest_difference(a: dict, b: dict) -> float:
    return max(float((a[key] - b[key]).abs().max()) for key in a)


def keeps(law: str, name: str, difference: float) -> None:
    """The law holds to rounding, or is a declared exception, which then must be a real one."""
    reasons = [m.METHOD.exceptions[law] for _, m in merging.find(name).links if law in m.METHOD.exceptions]
    assert (difference > 1e-6) if reasons else (difference < 1e-9), (law, name, difference, reasons)


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name):
    for _, module in merging.find(name).links:
        method = module.METHOD
        assert isinstance(method, Method) and method.title and method.reference
        assert method.data in DATA and method.storage in STORAGE and set(method.exceptions) <= LAWS
        assert all(method.exceptions.values()), "an exception has its reason"
        for key, parameter in method.parameters.items():
            assert parameter.meaning and parameter.check(key, parameter.default) == parameter.default
        if method.coefficients is not None:
            first, last, count = method.coefficients
            assert (count == 1 and first == last) or (count > 1 and first < last)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_direction_fits_the_model_and_inputs_are_untouched(name, dtype):
    vectors, before = made("one", "two", "three", dtype=dtype), made("one", "two", "three", dtype=dtype)
    direction = merge(name, vectors)
    assert {k: v.shape for k, v in direction.items()} == {k: v.shape for k, v in THETA0.items()}
    assert all(bool(torch.isfinite(v).all()) for v in direction.values())
    assert {v.dtype for k, v in direction.items() if k in SHAPES} == {dtype}
    assert direction["counter"].tolist() == [0, 0] and not direction["counter"].is_floating_point()
    assert all(torch.equal(before[s][k], vectors[s][k]) for s in vectors for k in THETA0)


@pytest.mark.parametrize("name", NAMES)
def test_merging_repeats_bit_for_bit(name):
    first, again = (merge(name, made("one", "two", "three"), seed=4) for _ in range(2))
    assert all(torch.equal(first[k], again[k]) for k in THETA0)


@pytest.mark.parametrize("name", NAMES)
def test_one_task_returns_its_vector(name):
    one = made("one")
    keeps("one task", name, largest_difference(merge(name, one), one["one"]))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_tasks_does_not_matter(name):
    there, back = (merge(name, made(*tasks)) for tasks in (("one", "two", "three"), ("three", "one", "two")))
    keeps("task order", name, largest_difference(there, back))


@pytest.mark.parametrize("name", NAMES)
def test_vectors_of_another_length_give_a_direction_of_another_length(name):
    plain, longer = merge(name, made("one", "two", "three")), merge(name, made("one", "two", "three", factor=2.5))
    keeps("scaling", name, largest_difference({k: 2.5 * v for k, v in plain.items()}, longer))


@pytest.mark.parametrize("name", NAMES)
def test_all_vectors_turned_round_turn_the_direction_round(name):
    plain, back = merge(name, made("one", "two", "three")), merge(name, made("one", "two", "three", factor=-1.0))
    assert largest_difference({k: -v for k, v in plain.items()}, back) < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_vectors_that_did_not_move_give_no_direction(name):
    direction = merge(name, made("one", "two", factor=0.0))
    assert all(not value.any() for value in direction.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_vector_that_lacks_a_parameter_or_has_another_shape_is_named(name):
    lacking, other = made("one", "two"), made("one", "two")
    del lacking["two"]["proj"]
    with pytest.raises(ValueError, match=r"'two' lacks key 'proj'"):
        merge(name, lacking)
    other["two"]["proj"] = torch.zeros(1, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"'proj' has shape .*'two'"):
        merge(name, other)


@pytest.mark.parametrize("name", [n for n in NAMES if merging.find(n).is_sum])
def test_weights_say_what_the_direction_is(name):
    for sources in (["one"], ["one", "two"], ["three", "one", "two"]):
        weights, vectors = merging.find(name).weights(sources), made(*sources)
        assert list(weights) == list(sources)
        direction = merge(name, vectors)
        for key in SHAPES:
            expected = sum(weights[s] * vectors[s][key] for s in sources)
            torch.testing.assert_close(direction[key], expected, rtol=1e-12, atol=1e-14)
