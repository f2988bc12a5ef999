"""Fisher merging against gradients of every image and class, and against its defining minimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize

from tangent_bench import merging
from tangent_bench.methods import Context, Data, fisher
from tangent_bench.tangent import heads, linearize
from tests import small

TASKS = ("one", "two")
NETWORK = small.Curved()
THETA0 = linearize.parameters(NETWORK)
VECTORS = {task: small.direction(THETA0, task, size=0.3) for task in TASKS}
HEADS = {task: 2.0 * small.normal("fisher head", task, shape=(4, 5)) for task in TASKS}
VALUES = {"images": 5, "passes": 8, "floor": 1e-6, "normalized": True}


def images(task: str, number: int) -> torch.Tensor:
    return small.normal("fisher", task, shape=(6, 3, 2, 2))[:number]


DATA = Data(NETWORK, HEADS, images)


def merge(vectors=VECTORS, data=DATA, **values) -> dict:
    return merging.find("fisher", VALUES | values).prepare(vectors, THETA0, data=data)


def information(
    task: str = "one", seed: int = 0, network=NETWORK, theta0=THETA0, data=DATA, **values
) -> dict:
    vector = (
        VECTORS[task] if network is NETWORK else {k: torch.zeros_like(v) for k, v in theta0.items()}
    )
    return fisher.information(Context(theta0, VALUES | values, seed, data), task, vector)


def by_definition(
    network, theta: dict, head: torch.Tensor, pictures: torch.Tensor
) -> dict[str, torch.Tensor]:
    """(1/N) Σ_n Σ_k p_k (∂ log p_k / ∂θ)², one Jacobian an image by `torch.func`."""
    total = {name: torch.zeros_like(value) for name, value in theta.items()}
    for picture in pictures:

        def log_p(theta, picture=picture):
            return heads.logits(linearize.encode(network, theta, picture[None]), head)[
                0
            ].log_softmax(0)

        jacobian = torch.func.jacrev(log_p)(theta)
        p = log_p(theta).exp()
        for name, rows in jacobian.items():
            total[name] += sum(p[k] * rows[k] ** 2 for k in range(len(p))) / len(pictures)
    return total


def test_information_is_that_of_every_image_and_class():
    theta = small.moved(THETA0, VECTORS["one"])
    expected = by_definition(NETWORK, theta, HEADS["one"], images("one", 5))
    found = information()
    for name in THETA0:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-9, atol=1e-15)


def test_information_of_an_image_tower(clip_folder):
    network = small.vit(clip_folder)
    pictures = small.images(2, 3, 32, 32)
    theta0 = linearize.parameters(network)
    head = small.normal("tower head", shape=(3, 6))
    data = Data(network, {"one": head}, lambda task, number: pictures[:number])
    found = information(network=network, theta0=theta0, data=data)
    expected = by_definition(network, theta0, head, pictures)
    largest = max(float(value.max()) for value in expected.values())
    for name in theta0:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-6, atol=1e-12 * largest)


def test_random_signs_are_right_on_average_and_seeded():
    exact = information(images=2)
    mean = {name: torch.zeros_like(value) for name, value in exact.items()}
    for seed in range(100):
        for name, value in information(seed=seed, images=2, passes=3).items():
            mean[name] += value / 100
    # 300 sums an image. The variance of the square of a sum with random signs is at most twice its
    # squared mean: 8 %.
    for name in exact:
        torch.testing.assert_close(
            mean[name], exact[name], rtol=0.35, atol=0.03 * float(exact[name].max())
        )
    total = sum(float(v.sum()) for v in mean.values()) / sum(float(v.sum()) for v in exact.values())
    assert total == pytest.approx(1.0, abs=0.1)
    first, again, other = (information(seed=s, passes=1)["first.weight"] for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.allclose(first, other)


def test_readouts_are_all_classes_or_random_sums():
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    roots = p.sqrt().tolist()
    exact = fisher.readouts(p, 3, np.random.default_rng(0))
    assert exact.tolist() == [[roots[0], 0, 0], [0, roots[1], 0], [0, 0, roots[2]]]
    drawn = fisher.readouts(p, 2, np.random.default_rng(0))
    assert drawn.shape == (2, 3) and torch.allclose(drawn.square(), p.expand(2, 3) / 2)
    assert (drawn < 0).any() and (drawn > 0).any()


def weights(task: str, normalized: bool, floor: float = 1e-6) -> dict[str, np.ndarray]:
    found = by_definition(NETWORK, small.moved(THETA0, VECTORS[task]), HEADS[task], images(task, 5))
    norm = np.sqrt(sum((v.numpy() ** 2).sum() for v in found.values())) if normalized else 1.0
    return {name: np.maximum(value.numpy() / norm, floor) for name, value in found.items()}


@pytest.mark.parametrize("normalized", [True, False])
def test_direction_is_the_minimum(normalized):
    """argmin Σ_t w_t (τ − τ_t)², by a minimiser that knows only the objective and its gradient."""
    found = merge(normalized=normalized)
    w = {task: weights(task, normalized) for task in TASKS}
    for name in ("second.bias", "first.bias"):
        taus = [VECTORS[t][name].numpy() for t in TASKS]
        scale = sum(w[t][name].mean() for t in TASKS)

        def objective(x, name=name, taus=taus, scale=scale):
            parts = [
                w[t][name] * (x - tau) ** 2 / scale for t, tau in zip(TASKS, taus, strict=True)
            ]
            slopes = [
                2 * w[t][name] * (x - tau) / scale for t, tau in zip(TASKS, taus, strict=True)
            ]
            return sum(p.sum() for p in parts), sum(slopes)

        best = optimize.minimize(objective, np.zeros_like(taus[0]), jac=True, tol=1e-14)
        np.testing.assert_allclose(found[name].numpy(), best.x, atol=1e-5)
    for name in THETA0:
        expected = sum(w[t][name] * VECTORS[t][name].numpy() for t in TASKS) / sum(
            w[t][name] for t in TASKS
        )
        np.testing.assert_allclose(found[name].numpy(), expected, rtol=1e-9)


def test_one_task_returns_its_checkpoint():
    found = merge({"one": VECTORS["one"]})
    for name, value in VECTORS["one"].items():
        torch.testing.assert_close(found[name], value, rtol=1e-12, atol=0)


def test_equal_information_gives_the_average():
    """Same weights, images and head give the same information, and then the same vectors."""
    found = merge(floor=1e9)
    for name in THETA0:
        torch.testing.assert_close(
            found[name], (VECTORS["one"][name] + VECTORS["two"][name]) / 2, rtol=1e-12, atol=0
        )


def test_entries_that_matter_to_no_task_are_averaged():
    """The first pixel is 0 in every image, so that the weights it meets have no gradient."""

    def dark(task, number):
        pictures = images(task, number).clone()
        pictures[:, 0, 0, 0] = 0.0
        return pictures

    found = merge(data=Data(NETWORK, HEADS, dark))["first.weight"]
    average = (VECTORS["one"]["first.weight"] + VECTORS["two"]["first.weight"]) / 2
    torch.testing.assert_close(found[:, 0], average[:, 0], rtol=1e-12, atol=0)
    assert float((found - average)[:, 1:].abs().max()) > 0.01
