"""Half precision, and numbers that are none: every method is given float32 that is finite."""

from __future__ import annotations

import pytest
import torch

from tangent_bench import merging, registry
from tangent_bench.finetuning import modes
from tangent_bench.methods import _guards
from tangent_bench.tangent.vectors import NotFinite
from tangent_bench.testing import _laws, _synthetic, check_method
from tests import small

NAMES = registry.names("methods")
HALF = (torch.float16, torch.bfloat16)


def merger(name: str) -> merging.Merger:
    """The method, or the wrapper around the sum, at quick hyper-parameters."""
    is_wrapper = hasattr(registry.load("methods", name), "adjust")
    return _laws.quick(merging.find(f"{name}+task_arithmetic" if is_wrapper else name))


def rounded(tensors: dict, dtype: torch.dtype) -> dict:
    """Floating-point tensors in another type."""
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()}


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_merged_in_float32_and_given_back(name, dtype):
    given = {task: rounded(v, dtype) for task, v in _laws.vectors("one", "two").items()}
    wide = {task: rounded(v, torch.float32) for task, v in given.items()}
    theta0 = rounded(_laws.theta0(), dtype)
    about = merger(name)
    images = dict.fromkeys((dtype, torch.float32))
    if about.method.data != "none":
        images[dtype] = _synthetic.data(theta0, about.method.data)
        start = rounded(theta0, torch.float32)
        images[torch.float32] = _synthetic.data(start, about.method.data)
    found = about.prepare(given, theta0, 0, images[dtype])
    expected = about.prepare(wide, rounded(theta0, torch.float32), 0, images[torch.float32])
    for key, value in expected.items():
        assert found[key].dtype == given["one"][key].dtype, key
        # Images of the half network are themselves rounded.
        if images[dtype] is None:
            assert torch.equal(found[key], value.to(found[key].dtype)), key
        else:
            assert float((found[key].float() - value).abs().max()) < 0.2, key


@pytest.mark.parametrize("name", NAMES)
def test_vectors_of_one_type_beside_others_are_merged(name):
    """bfloat16 beside float16, both beside a float32 θ0: what comes is the type that holds both."""
    given = _laws.vectors("one", "two")
    mixed = {"one": rounded(given["one"], HALF[0]), "two": rounded(given["two"], HALF[1])}
    about = merger(name)
    theta0 = rounded(_laws.theta0(), torch.float32)
    images = None
    if about.method.data != "none":
        images = _synthetic.data(theta0, about.method.data)
    found = about.prepare(mixed, theta0, 0, images)
    assert {value.dtype for value in found.values() if value.is_floating_point()} == {torch.float32}


def test_float8_is_merged_too():
    kinds = (torch.float8_e4m3fn, torch.float8_e5m2)
    given = {"one": {"w": torch.ones(2).to(kinds[0])}, "two": {"w": torch.ones(2).to(kinds[1])}}
    theta0 = {"w": torch.zeros(2)}
    assert merging.find("ties").prepare(given, theta0)["w"].dtype == torch.float32
    one = merging.find("ties").prepare({"one": given["one"]}, theta0)["w"]
    assert one.dtype == kinds[0] and one.float().tolist() == [1.0, 1.0]


def test_a_sum_that_half_precision_cannot_hold_is_said():
    given = {task: {"w": torch.full((3,), 60000.0).half()} for task in ("one", "two")}
    with pytest.raises(NotFinite, match=r"half precision.* has 3 of 3 entries.*float32\.$"):
        merging.find("task_arithmetic").prepare(given, {"w": torch.zeros(3)})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_vector_that_is_not_finite_is_named(name, value):
    given = _laws.vectors("one", "two")
    given["two"]["proj"][1, 2] = value
    words = r"the vector of 'two' has 1 of \d+ entries that are no finite numbers, first in 'proj'"
    with pytest.raises(NotFinite, match=words):
        _laws.merge(merger(name), given)


def test_a_theta0_that_is_not_finite_is_named():
    theta0 = _laws.theta0()
    theta0["scale"] = torch.tensor(float("nan"), dtype=torch.float64)
    with pytest.raises(NotFinite, match=r"θ0 has 1 of \d+ entries .* first in 'scale'"):
        merging.find("ties").prepare(_laws.vectors("one"), theta0)


class Late:
    """A method whose direction is NaN above a number of entries, as no law would see."""

    METHOD = merging.module("task_arithmetic").METHOD
    __name__ = "late"

    @staticmethod
    def prepare(vectors, context):
        total = sum(value.numel() for value in context.theta0.values())
        sums = {n: sum(vector[n] for vector in vectors.values()) for n in context.theta0}
        return {n: value / 0 * 0 for n, value in sums.items()} if total > 100_000 else sums


def test_a_direction_that_is_not_finite_is_refused_where_it_is_made():
    assert "one task" in check_method(Late())
    theta0 = {"conv1.weight": torch.zeros(100_000), "proj": torch.zeros(1)}
    given = {f"task {k}": dict(theta0) for k in range(5)}
    words = (
        r"Method 'late': its direction of 'task 0', 'task 1', 'task 2' and 2 more has 100,001 of "
        r"100,001 entries that are no finite numbers, first in 'conv1\.weight'"
    )
    with pytest.raises(NotFinite, match=words):
        merging.of(Late()).prepare(given, theta0)


def test_a_wrapper_is_not_blamed_for_what_it_was_given():
    theta0 = {"transformer.resblocks.0.w": torch.zeros(100_001)}
    links = (merging.Link("lines", merging.module("lines")), merging.Link("late", Late()))
    values = {"lines.beta": 1.0, "lines.norm_ratio": True}
    with pytest.raises(NotFinite, match="Method 'late': its direction of 'one' has"):
        merging.Merger("lines+late", links, values).prepare({"one": theta0}, theta0)


def test_finite_vectors_are_given_as_they_are():
    """No copy and no other type: float32 and float64 are merged as ever."""
    given = _laws.vectors("one", "two")
    seen = []

    class Looking(Late):
        @staticmethod
        def prepare(vectors, context):
            seen.append(vectors)
            return dict(vectors["one"])

    merging.of(Looking()).prepare(given, _laws.theta0())
    assert seen[0] is given
    assert not any(_guards.is_narrow(d) for d in (torch.float32, torch.float64, torch.int8))


def test_weights_that_are_no_numbers_after_the_last_step_are_no_vector(monkeypatch):
    """The loss of a step is looked at before the step."""
    network = small.Straight()
    theta0 = dict(network.named_parameters())
    bad = {key: value * float("nan") for key, value in theta0.items()}
    monkeypatch.setattr(modes, "finetune", lambda *_: (bad, [0.5]))
    with pytest.raises(NotFinite, match=r"'standard'.*θ\* has 65 of 65 .*learning_rate"):
        modes.fit("standard", network, theta0, [], None, 0, None, 4)
