"""What every file of tangent_bench/training must keep to."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from tangent_bench import registry
from tangent_bench.linearize import parameters
from tangent_bench.loop import Recipe, Source, finetune
from tangent_bench.training import Training
from tangent_bench.vectors import subtract
from tests import small

NAMES = registry.names("training")
RECIPE = Recipe(steps=4, batch_size=6, learning_rate=0.05, weight_decay=0.1, clip_norm=1.0, warmup_steps=1)
SIDE = 4


def vector(name: str, network, seed: int = 0, decay_towards: str = "zero"):
    """τ of a few steps, float64."""
    theta0 = parameters(network)
    labels = np.arange(18, dtype=np.int64) % 3
    source = Source("t", small.pixels(18, SIDE, "training"), labels, 5 * small.normal("head", shape=(3, 5)))
    recipe = Recipe(**{**vars(RECIPE), "decay_towards": decay_towards})
    encoder = registry.load("training", name).encoder(network, theta0)
    theta, _ = finetune(encoder, theta0, [source], recipe, seed, lambda x: x.double() * 2 - 1, SIDE)
    return subtract(theta, theta0)


def gap(a, b) -> float:
    return max(float((a[k] - b[k]).abs().max()) for k in a)


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name):
    training = registry.load("training", name).TRAINING
    assert isinstance(training, Training)
    assert training.title and training.parametrisation and training.reference
    assert training.vector_format in ("dense", "factors") and isinstance(training.affine, bool)
    assert list(inspect.signature(registry.load("training", name).encoder).parameters) == ["network", "theta0"]


@pytest.mark.parametrize("name", NAMES)
def test_training_starts_from_the_pretrained_function(name, case, case32):
    for each in (case, case32):
        encoder = registry.load("training", name).encoder(each.network, each.theta0)
        torch.testing.assert_close(encoder(dict(each.theta0), each.images), each.network(each.images))


@pytest.mark.parametrize("name", NAMES)
def test_affine_is_what_it_says(name, case):
    encoder = registry.load("training", name).encoder(case.network, case.theta0)
    at = [encoder(small.moved(case.theta0, case.tau, s), case.images) for s in (-2.0, 0.0, 2.0)]
    bend = float((at[0] + at[2] - 2 * at[1]).abs().max() / (at[2] - at[0]).abs().max())
    assert (bend < 1e-9) == registry.load("training", name).TRAINING.affine
    assert bend < 1e-9 or bend > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_gradient(name, case):
    encoder = registry.load("training", name).encoder(case.network, case.theta0)
    leaves = {k: v.clone().requires_grad_(True) for k, v in case.theta0.items()}
    weight = small.normal("every", shape=tuple(encoder(leaves, case.images).shape))
    found = torch.autograd.grad((encoder(leaves, case.images) * weight).sum(), list(leaves.values()))
    assert all(bool((g != 0).any()) for g in found)


@pytest.mark.parametrize("name", NAMES)
def test_vectors_repeat_bit_for_bit_and_differ_by_seed(name):
    first, again, other = (vector(name, small.Curved(3 * SIDE**2), seed) for seed in (0, 0, 1))
    assert gap(first, again) == 0.0 and gap(first, other) > 1e-4


@pytest.mark.parametrize("decay_towards", ["zero", "initialisation"])
def test_model_linear_in_its_parameters_has_one_vector_for_both(decay_towards):
    standard, linear = (
        vector(name, small.Straight(3 * SIDE**2), decay_towards=decay_towards) for name in ("standard", "linear")
    )
    size = max(float(v.abs().max()) for v in standard.values())
    assert size > 0.01 and gap(standard, linear) < 1e-9 * size
    curved = [vector(name, small.Curved(3 * SIDE**2), decay_towards=decay_towards) for name in ("standard", "linear")]
    assert gap(*curved) > 1e-3, "on a model that is not linear they must differ"
