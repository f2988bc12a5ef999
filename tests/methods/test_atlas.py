"""aTLAS: the slope of the cross entropy in its coefficients, and what its steps do."""

from __future__ import annotations

import pytest
import torch

from tangent_bench import merging
from tangent_bench.methods import Context, Data, _cross_entropy
from tangent_bench.tangent import heads, linearize
from tests import small

TASKS = ("one", "two", "three")
NETWORK = small.Curved()
THETA0 = linearize.parameters(NETWORK)
VECTORS = {task: small.direction(THETA0, task, size=0.4) for task in TASKS}
HEADS = {task: 3.0 * small.normal("atlas head", task, shape=(4, 5)) for task in TASKS}
COLUMNS = {name: column for column, name in enumerate(THETA0)}
NUM = 20
VALUES = {"initial": 0.2, "steps": 30, "rate": 1e-2, "decay": 0.1, "batch": NUM, "images": NUM}


def images(task: str, number: int) -> torch.Tensor:
    return small.normal("atlas", task, shape=(NUM, 3, 2, 2))[:number]


def labels(task: str, number: int) -> torch.Tensor:
    logits = HEADS[task] @ small.normal("atlas labels", task, shape=(5, NUM))
    return logits.argmax(0)[:number]


DATA = Data(NETWORK, HEADS, images, labels)
ALL = {task: (images(task, NUM), labels(task, NUM)) for task in TASKS}


def context(**values) -> Context:
    return Context(THETA0, VALUES | values, 0, DATA)


def loss(lambda_TL: torch.Tensor) -> float:
    """Σ_t of mean −log p(label) by plain arithmetic."""
    total = 0.0
    theta = {}
    for name, start in THETA0.items():
        terms = [lambda_TL[t, COLUMNS[name]] * VECTORS[task][name] for t, task in enumerate(TASKS)]
        theta[name] = start + sum(terms)
    for task in TASKS:
        logits = heads.logits(linearize.encode(NETWORK, theta, images(task, NUM)), HEADS[task])
        p = logits.exp() / logits.exp().sum(1, keepdim=True)
        right = [float(row[label]) for row, label in zip(p, labels(task, NUM), strict=True)]
        total -= sum(torch.tensor(right, dtype=torch.float64).log().tolist()) / NUM
    return total


def test_slope_is_what_differences_say():
    point = 0.2 + 0.1 * small.normal("atlas point", shape=(3, len(COLUMNS)))
    value, slope = _cross_entropy.cross_entropy(VECTORS, context(), point, COLUMNS, ALL)
    assert value == pytest.approx(loss(point), rel=1e-12)
    for t in range(3):
        for c in range(len(COLUMNS)):
            step = torch.zeros_like(point)
            step[t, c] = 1e-5
            difference = loss(point + step) - loss(point - step)
            assert float(slope[t, c]) == pytest.approx(difference / 2e-5, rel=1e-5, abs=1e-9)


def test_without_steps_it_is_a_multiple_of_the_sum_and_looks_at_nothing():
    blind = Data(NETWORK, HEADS, None, None)
    found = merging.find("atlas", VALUES | {"steps": 0}).prepare(VECTORS, THETA0, data=blind)
    for key in THETA0:
        expected = 0.2 * sum(vector[key] for vector in VECTORS.values())
        torch.testing.assert_close(found[key], expected, rtol=1e-12, atol=1e-15)


def test_the_first_step_goes_down_by_the_rate_and_the_decay_pulls_to_0():
    """AdamW: λ − rate · decay · λ − rate · sign of the slope."""
    start = torch.full((3, len(COLUMNS)), 0.2, dtype=torch.float64)
    _, slope = _cross_entropy.cross_entropy(VECTORS, context(), start, COLUMNS, ALL)
    found = _cross_entropy.learn(VECTORS, context(steps=1, rate=1e-3, decay=0.5), COLUMNS)
    expected = 0.2 - 1e-3 * 0.5 * 0.2 - 1e-3 * slope.sign()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_the_loss_falls_and_coefficients_may_be_negative():
    values = []
    for steps in (0, 1, 10, 30):
        values.append(loss(_cross_entropy.learn(VECTORS, context(steps=steps), COLUMNS)))
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False)), values
    long = _cross_entropy.learn(VECTORS, context(rate=0.1), COLUMNS)
    assert float(long.min()) < 0.0


def test_labels_are_those_of_the_images_in_the_batch(monkeypatch):
    seen = []
    plain = _cross_entropy.cross_entropy

    def recorded(vectors, about, lambda_TL, columns, batches):
        seen.append(batches)
        return plain(vectors, about, lambda_TL, columns, batches)

    monkeypatch.setattr(_cross_entropy, "cross_entropy", recorded)
    _cross_entropy.learn(VECTORS, context(steps=3, batch=4, images=10), COLUMNS)
    assert len(seen) == 3
    for batches in seen:
        for task, (of_batch, answers) in batches.items():
            same = (of_batch[:, None] == images(task, 10)[None]).all((2, 3, 4))
            rows = same.nonzero()[:, 1]
            assert len(set(rows.tolist())) == 4 and torch.equal(answers, labels(task, NUM)[rows])
    assert any(not torch.equal(seen[0][task][0], seen[1][task][0]) for task in TASKS)


def test_batches_are_seeded():
    found = []
    for seed in (0, 0, 1):
        merger = merging.find("atlas", VALUES | {"batch": 4, "steps": 5})
        found.append(merger.prepare(VECTORS, THETA0, seed, DATA)["first.weight"])
    assert torch.equal(found[0], found[1]) and not torch.allclose(found[0], found[2])


def test_it_says_that_it_sees_labelled_validation_images():
    merger = merging.find("lines+atlas")
    assert merger.method.data == "labelled validation" and not merger.sees_test_images
    assert merger.sees_labels and not merging.find("adamerging").sees_labels
