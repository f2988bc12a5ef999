"""AdaMerging: the slope of the entropy in its coefficients, and what its steps do."""

from __future__ import annotations

import pytest
import torch

from tangent_bench import merging
from tangent_bench.methods import Context, Data, _coefficients, _entropy, _passes
from tangent_bench.tangent import heads, linearize
from tests import small

TASKS = ("one", "two", "three")
NETWORK = small.Curved()
THETA0 = linearize.parameters(NETWORK)
VECTORS = {task: small.direction(THETA0, task, size=0.4) for task in TASKS}
HEADS = {task: 3.0 * small.normal("ada head", task, shape=(4, 5)) for task in TASKS}
LAYERS = {name: column for column, name in enumerate(THETA0)}
VALUES = {"initial": 0.3, "steps": 40, "rate": 1e-2, "batch": 20, "images": 20}
NAMES = {"adamerging": LAYERS, "task_wise_adamerging": dict.fromkeys(THETA0, 0)}


def images(task: str, number: int) -> torch.Tensor:
    return small.normal("ada", task, shape=(20, 3, 2, 2))[:number]


DATA = Data(NETWORK, HEADS, images)


def context(**values) -> Context:
    return Context(THETA0, VALUES | values, 0, DATA)


def merge(name: str, seed: int = 0, vectors=VECTORS, **values) -> dict:
    return merging.find(name, VALUES | values).prepare(vectors, THETA0, seed, DATA)


def entropy(direction: dict, seen=images) -> float:
    """Σ_t of mean entropies in bits of plain arithmetic: probabilities, not log-softmax."""
    total = 0.0
    theta = {name: THETA0[name] + direction[name] for name in THETA0}
    for task in TASKS:
        logits = heads.logits(linearize.encode(NETWORK, theta, seen(task, 20)), HEADS[task])
        p = logits.exp() / logits.exp().sum(1, keepdim=True)
        total += float(-(p * p.log()).sum(1).mean())
    return total


def summed(lambda_TL: torch.Tensor, columns: dict) -> dict:
    return {
        n: sum(lambda_TL[t, columns[n]] * VECTORS[task][n] for t, task in enumerate(TASKS))
        for n in THETA0
    }


@pytest.mark.parametrize("name", NAMES)
def test_slope_is_what_differences_say(name):
    columns = NAMES[name]
    batches = {task: images(task, 20) for task in TASKS}
    shape = (3, 1 + max(columns.values()))
    point = 0.3 + 0.1 * small.normal("point", shape=shape)
    value, slope = _entropy.entropy(VECTORS, context(), point, columns, batches)
    assert value == pytest.approx(entropy(summed(point, columns)), rel=1e-12)
    for t in range(shape[0]):
        for c in range(shape[1]):
            step = torch.zeros(shape, dtype=torch.float64)
            step[t, c] = 1e-5
            ends = [entropy(summed(point + sign * step, columns)) for sign in (1, -1)]
            assert float(slope[t, c]) == pytest.approx(
                (ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-9
            )


def test_slope_of_an_image_tower(clip_folder):
    network = small.vit(clip_folder)
    pictures = small.images(3, 3, 32, 32)
    theta0 = linearize.parameters(network)
    head = small.normal("tower head", shape=(3, 6))
    vectors = {task: small.direction(theta0, task) for task in ("one", "two")}
    about = Context(theta0, VALUES, 0, Data(network, dict.fromkeys(vectors, head), images))
    columns = {name: int(name.startswith("transformer")) for name in theta0}
    point = torch.tensor([[0.3, 0.5], [0.2, 0.4]], dtype=torch.float64)
    batches = dict.fromkeys(vectors, pictures)
    _, slope = _entropy.entropy(vectors, about, point, columns, batches)
    for t, c in ((0, 0), (0, 1), (1, 0), (1, 1)):
        step = torch.zeros(2, 2, dtype=torch.float64)
        step[t, c] = 1e-5
        ends = [
            _entropy.entropy(vectors, about, point + s * step, columns, batches)[0] for s in (1, -1)
        ]
        assert float(slope[t, c]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_without_steps_it_is_a_multiple_of_the_sum(name):
    found = merge(name, steps=0)
    for key in THETA0:
        torch.testing.assert_close(
            found[key], 0.3 * sum(v[key] for v in VECTORS.values()), rtol=1e-12, atol=1e-15
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_entropy_falls(name):
    """With all images in every batch, steps are gradient descent on the entropy itself."""
    values = [entropy(merge(name, steps=steps)) for steps in (0, 1, 5, 20, 40)]
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False)), values
    layered = entropy(merge("adamerging"))
    assert layered < entropy(merge("task_wise_adamerging")), "more coefficients reach further down"


@pytest.mark.parametrize("name", NAMES)
def test_the_first_step_goes_down_by_the_rate(name):
    """Adam's first step is −rate · sign of the slope."""
    columns = NAMES[name]
    start = torch.full((3, 1 + max(columns.values())), 0.3, dtype=torch.float64)
    _, slope = _entropy.entropy(
        VECTORS, context(), start, columns, {task: images(task, 20) for task in TASKS}
    )
    found = _entropy.learn(VECTORS, context(steps=1, rate=1e-3), columns)
    torch.testing.assert_close(found, start - 1e-3 * slope.sign(), rtol=0, atol=1e-6)


def test_coefficients_stay_between_0_and_1():
    for rate, steps in ((5.0, 1), (5.0, 3)):
        found = _entropy.learn(VECTORS, context(steps=steps, rate=rate), LAYERS)
        assert float(found.min()) >= 0.0 and float(found.max()) <= 1.0
        assert bool(((found == 0.0) | (found == 1.0)).any())


def test_the_network_sees_them_between_0_and_1_at_every_step(monkeypatch):
    seen = []
    plain = _entropy.entropy

    def recorded(vectors, about, lambda_TL, *rest):
        seen.append(lambda_TL)
        return plain(vectors, about, lambda_TL, *rest)

    monkeypatch.setattr(_entropy, "entropy", recorded)
    _entropy.learn(VECTORS, context(steps=3, rate=5.0), LAYERS)
    assert len(seen) == 3 and all(bool(((point >= 0.0) & (point <= 1.0)).all()) for point in seen)


def test_each_tensor_has_its_own_coefficient_or_each_task_one():
    for name, number in (("adamerging", len(THETA0)), ("task_wise_adamerging", 1)):
        one = merge(name, vectors={"one": VECTORS["one"]})
        ratios = [(one[key] / VECTORS["one"][key]).flatten() for key in THETA0]
        assert all(float(r.max() - r.min()) < 1e-9 for r in ratios)
        assert len({round(float(r[0]), 9) for r in ratios}) == number


def test_batches_are_seeded_and_within_the_images_asked_for():
    found = [merge("adamerging", seed, batch=4)["first.weight"] for seed in (0, 0, 1)]
    assert torch.equal(found[0], found[1]) and not torch.allclose(found[0], found[2])
    asked = []

    def recorded(task, number):
        asked.append((task, number))
        return images(task, number)

    data = Data(NETWORK, HEADS, recorded)
    merging.find("adamerging", VALUES | {"images": 7, "steps": 1}).prepare(VECTORS, THETA0, 0, data)
    assert asked == [(task, 7) for task in TASKS]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_that_it_sees_test_images(name):
    assert merging.find(name).method.data == "unlabelled test"
    assert merging.find(f"lines+{name}").method.data == "unlabelled test", (
        "a wrapper does not hide it"
    )


@pytest.mark.parametrize(("at_once", "passes"), [(0, 3), (35, 2), (1e9, 1)])
def test_tasks_that_share_a_pass_have_the_slope_of_passes_of_their_own(
    monkeypatch, at_once, passes
):
    batches = {task: images(task, 20 - 3 * t) for t, task in enumerate(TASKS)}  # 20, 17, 14
    lambda_TL = 0.3 + 0.1 * small.normal("ada point", shape=(3, len(LAYERS)))
    alone = torch.zeros_like(lambda_TL)
    for task, seen in batches.items():
        alone += _entropy.entropy(VECTORS, context(), lambda_TL, LAYERS, {task: seen})[1]
    sizes = []
    plain = _passes.encoder(NETWORK)
    monkeypatch.setattr(
        _passes, "encoder", lambda _: lambda theta, x: sizes.append(len(x)) or plain(theta, x)
    )
    most = at_once * sum(value.numel() for value in THETA0.values())
    monkeypatch.setattr(_coefficients, "AT_ONCE", most)
    _, together = _entropy.entropy(VECTORS, context(), lambda_TL, LAYERS, batches)
    assert len(sizes) == passes and sum(sizes) == 51
    assert torch.allclose(together, alone, rtol=1e-10, atol=1e-14)


def test_vectors_stay_in_memory_where_they_have_room(monkeypatch):
    size = 3 * sum(value.numel() * value.element_size() for value in THETA0.values())
    reads = []

    class Read(dict):
        def __getitem__(self, key):
            reads.append(key)
            return super().__getitem__(key)

    found = {}
    for room in (size, size - 1):
        monkeypatch.setattr(_coefficients, "HELD", room)
        reads.clear()
        vectors = {task: Read(vector) for task, vector in VECTORS.items()}
        lambda_TL = _entropy.learn(vectors, context(steps=2), LAYERS)
        found[room] = (lambda_TL, len(reads))
    assert torch.equal(found[size][0], found[size - 1][0])
    assert found[size][1] == 0 < found[size - 1][1]
