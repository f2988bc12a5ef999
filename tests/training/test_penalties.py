"""Penalties that spare other tasks, against whole Jacobians; and the images that they see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tangent_bench import registry
from tangent_bench.finetuning.loop import Source
from tangent_bench.finetuning.modes import Others, fit
from tangent_bench.finetuning.step import Recipe
from tangent_bench.tangent.linearize import change, parameters
from tests import small

SIDE = 4
NAMES = ["u", "v"]
PENALIZED = ["tau_jp", "tak"]
SETTINGS = {
    "tau_jp": {"weight": 0.3, "batch_size": 4},
    "tak": {"weight": 0.3, "images": 12, "batch_size": 4, "probes": None},
}
RECIPE = Recipe(
    steps=12, batch_size=6, learning_rate=0.05, weight_decay=0.1, clip_norm=1e6, warmup_steps=1
)


def normalise(images):
    return images.double() * 2 - 1


def others(seed: int = 0, **sizes: int) -> Others:
    images = {
        name: small.pixels(num, SIDE, name) for name, num in (sizes or {"u": 12, "v": 9}).items()
    }
    return Others(images, seed, 0.9, normalise, SIDE)


def jacobian(network, theta0, images_BCHW) -> torch.Tensor:
    """J, [B, D, P], by a reverse pass for each output; parameters in the order of θ0."""
    leaves = {key: value.clone().requires_grad_(True) for key, value in theta0.items()}
    outputs_BD = torch.func.functional_call(network, leaves, (images_BCHW,))
    rows = [
        torch.autograd.grad(out, [*leaves.values()], retain_graph=True)
        for out in outputs_BD.flatten()
    ]
    return torch.stack([torch.cat([g.flatten() for g in row]) for row in rows]).view(
        *outputs_BD.shape, -1
    )


def flat(tau) -> torch.Tensor:
    return torch.cat([value.flatten() for value in tau.values()])


def at(theta0, tau):
    """θ0 + τ as leaves of a gradient."""
    return {key: (theta0[key] + tau[key]).requires_grad_(True) for key in theta0}


def start():
    network = small.Curved(3 * SIDE**2)
    theta0 = parameters(network)
    return network, theta0, small.direction(theta0, "tau")


@pytest.mark.parametrize("step", [0, 3])
def test_tau_jp_is_the_mean_over_images_of_the_squared_change(step):
    network, theta0, tau = start()
    seen = others()
    module = registry.load("training", "tau_jp")
    images = torch.cat([seen.batch(name, 4, step) for name in NAMES])
    moved = jacobian(network, theta0, images) @ flat(tau)  # [B, D]
    theta = at(theta0, tau)
    found = module.penalty(network, theta0, seen, SETTINGS["tau_jp"])(theta, step)
    torch.testing.assert_close(found, 0.3 * moved.square().sum() / 8, rtol=1e-10, atol=0.0)
    gradient = flat(dict(zip(theta, torch.autograd.grad(found, [*theta.values()]))))
    expected = 0.3 * 2 / 8 * torch.einsum("bdp,bd->p", jacobian(network, theta0, images), moved)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)


def test_tak_is_kronecker_factors_of_each_layer_averaged_over_tasks():
    """tr(B ΔW A ΔWᵀ), with A and B from activations and whole Jacobians of each layer's output."""
    network, theta0, tau = start()
    seen = others(u=12, v=12)
    factors = []
    for name in NAMES:
        images = torch.cat([seen.batch(name, 4, k) for k in range(3)]).flatten(1)
        first = images @ theta0["first.weight"].T + theta0["first.bias"]
        hidden = torch.tanh(first)
        second = hidden @ theta0["second.weight"].T + theta0["second.bias"]
        after = torch.diag_embed(1 - torch.tanh(second) ** 2)  # ∂f/∂second, [B, D, 5]
        before = after @ theta0["second.weight"] * (1 - hidden**2)[:, None]  # ∂f/∂first, [B, D, 7]
        one = torch.ones(12, 1, dtype=torch.float64)
        for inputs, slope in ((images, before), (hidden, after)):
            a = torch.cat([inputs, one], 1)
            factors.append((a.T @ a / 12, torch.einsum("bdo,bdp->op", slope, slope) / 12))
    expected = 0.0
    for k, layer in enumerate(("first", "second")):
        inputs, outputs = ((factors[k][i] + factors[2 + k][i]) / 2 for i in (0, 1))
        delta = torch.cat([tau[f"{layer}.weight"], tau[f"{layer}.bias"][:, None]], 1)
        expected += 0.3 * torch.trace(outputs @ delta @ inputs @ delta.T)
    theta = at(theta0, tau)
    penalty = registry.load("training", "tak").penalty(network, theta0, seen, SETTINGS["tak"])
    found = penalty(theta, 0)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0.0)
    # A quadratic form: its slope along τ is twice its value; and it does not depend on the step.
    gradient = flat(dict(zip(theta, torch.autograd.grad(found, [*theta.values()]))))
    torch.testing.assert_close(gradient @ flat(tau), 2 * found.detach(), rtol=1e-9, atol=0.0)
    assert float(penalty(theta, 7).detach()) == float(found.detach())


@pytest.mark.parametrize("name", PENALIZED)
def test_a_penalty_of_twice_the_vector_is_four_times_as_large_and_none_at_the_start(name):
    network, theta0, tau = start()
    penalty = registry.load("training", name).penalty(network, theta0, others(), SETTINGS[name])
    one, two, none = (
        float(penalty(small.moved(theta0, tau, scale), 0)) for scale in (1.0, 2.0, 0.0)
    )
    assert two == pytest.approx(4 * one, rel=1e-10) and one > 0 and none == 0.0


@pytest.mark.full
def test_random_probes_of_tak_have_the_exact_sum_as_their_mean():
    network, theta0, tau = start()
    module = registry.load("training", "tak")
    theta = small.moved(theta0, tau)
    exact = float(module.penalty(network, theta0, others(), SETTINGS["tak"])(theta, 0))
    few, many = (
        float(
            module.penalty(network, theta0, others(), SETTINGS["tak"] | {"probes": probes})(
                theta, 0
            )
        )
        for probes in (1, 2000)
    )
    assert many == pytest.approx(exact, rel=0.05) and few != many and 0.2 * exact < few < 5 * exact


def train(name: str, weight: float | None = None, **changed):
    """θ0, θ* and losses on a task of a network, with a weight of the penalty."""
    network = small.Curved(3 * SIDE**2)
    theta0 = parameters(network)
    labels = np.arange(18, dtype=np.int64) % 3
    source = Source(
        "t", small.pixels(18, SIDE, "training"), labels, 5 * small.normal("head", shape=(3, 5))
    )
    images = {other: small.pixels(12, SIDE, other) for other in NAMES}
    settings = SETTINGS.get(name, {}) | ({} if weight is None else {"weight": weight})
    recipe = replace(RECIPE, **changed)
    return theta0, *fit(
        name,
        network,
        theta0,
        [source],
        recipe,
        0,
        normalise,
        SIDE,
        settings=settings,
        others=images,
    )


@pytest.mark.parametrize("name", PENALIZED)
def test_without_weight_it_is_linear_fine_tuning_bit_for_bit(name):
    _, theta, losses = train(name, 0.0)
    _, expected, same = train("linear")
    assert losses == same and all(torch.equal(theta[key], expected[key]) for key in theta)


@pytest.mark.slow
@pytest.mark.parametrize("name", PENALIZED)
def test_the_larger_the_weight_the_less_other_tasks_images_move(name):
    network = small.Curved(3 * SIDE**2)
    seen = others(u=12, v=12)
    images = torch.cat([seen.batch(other, 12, 0) for other in NAMES])
    moves = []
    norms = []
    for weight in (0.0, 1.0, 100.0):
        theta0, theta, _ = train(name, weight, steps=60, weight_decay=0.0)
        moves.append(float(change(network, theta0, theta, images).square().sum(1).mean()))
        norms.append(sum(float((theta[key] - theta0[key]).square().sum()) for key in theta))
    assert moves[0] > 2 * moves[1] and moves[1] > moves[2] > 0.0
    # Not merely a shorter vector: it moves the others less for its length.
    assert moves[1] / norms[1] < 0.7 * moves[0] / norms[0]


def test_the_loss_is_told_with_its_penalty():
    """At the second step: at the first, θ is θ0."""
    _, _, without = train("tau_jp", 0.0, steps=2)
    _, _, losses = train("tau_jp", 1e-9, steps=2)
    _, _, large = train("tau_jp", 10.0, steps=2)
    assert losses[0] == without[0] == large[0] and losses[1] == pytest.approx(without[1], rel=1e-6)
    assert large[1] > losses[1] + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", PENALIZED)
def test_a_batch_in_pieces_has_the_penalty_of_a_batch_whichever_way_pieces_count(name):
    """Adam forgets a factor that loss and penalty share: sums of pieces train as their means do."""
    whole = train(name, 1.0)[1]
    mean, total = (
        train(name, 1.0, micro_batch_size=2, accumulation=how)[1] for how in ("mean", "sum")
    )
    for key in whole:
        torch.testing.assert_close(mean[key], whole[key], rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(total[key], whole[key], rtol=1e-4, atol=1e-5)
    assert max(float((train(name, 3.0)[1][key] - whole[key]).abs().max()) for key in whole) > 1e-3


@pytest.mark.parametrize("name", PENALIZED)
def test_the_plan_is_told_how_many_other_images_are_seen(name, monkeypatch):
    seen = []
    batch = Others.batch
    monkeypatch.setattr(Others, "batch", lambda *asked: seen.append(asked[2]) or batch(*asked))
    train(name, steps=5)
    assert sum(seen) == registry.load("training", name).images_seen(SETTINGS[name], len(NAMES), 5)


@pytest.mark.parametrize("name", PENALIZED)
def test_without_other_tasks_it_is_one_sentence(name):
    network = small.Curved(3 * SIDE**2)
    sources = [
        Source(t, small.pixels(4, SIDE, t), np.zeros(4, np.int64), small.normal(shape=(3, 5)))
        for t in "ab"
    ]
    with pytest.raises(
        ValueError, match=rf"Training '{name}' spares other tasks than its own \(a, b\).*no joint"
    ) as said:
        fit(
            name,
            network,
            parameters(network),
            sources,
            RECIPE,
            0,
            normalise,
            SIDE,
            settings=SETTINGS[name],
        )
    assert "\n" not in str(said.value)


def test_another_task_without_images_is_one_sentence():
    with pytest.raises(
        ValueError, match="Task 'u' has no training images, which another task's penalty needs"
    ):
        others(u=0, v=3)


# Images of the other tasks


@pytest.mark.parametrize(("num", "size"), [(12, 4), (12, 5), (3, 8), (7, 7)])
def test_no_other_image_comes_twice_within_a_pass_and_steps_may_be_asked_in_any_order(num, size):
    seen = others(u=num)
    steps = [seen._positions("u", size, step) for step in range(2 * num)]
    drawn = np.concatenate(steps)
    assert all(len(chosen) == size for chosen in steps)
    passes = drawn[: len(drawn) // num * num].reshape(-1, num)
    assert (np.sort(passes, axis=1) == np.arange(num)).all() and len({tuple(p) for p in passes}) > 1
    again = others(u=num)
    assert all((again._positions("u", size, step) == steps[step]).all() for step in (5, 0, 3))


def test_other_images_follow_from_task_seed_and_step():
    same = others().batch("u", 4, 1)
    assert torch.equal(same, others().batch("u", 4, 1)) and same.shape == (4, 3, SIDE, SIDE)
    for other in (
        others().batch("v", 4, 1),
        others(seed=1).batch("u", 4, 1),
        others().batch("u", 4, 2),
    ):
        assert not torch.equal(same, other)
    assert -1.0 <= float(same.min()) < 0.0 < float(same.max()) <= 1.0, "as the encoder expects them"
