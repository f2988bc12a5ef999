"""What every file of tangent_bench/training must keep to."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import tangent_bench
from tangent_bench import registry
from tangent_bench.finetuning.loop import Source
from tangent_bench.finetuning.modes import fit
from tangent_bench.finetuning.saving import Saving
from tangent_bench.finetuning.step import Recipe
from tangent_bench.tangent.linearize import parameters
from tangent_bench.tangent.vectors import subtract
from tangent_bench.training import Training
from tests import small

NAMES = registry.names("training")
LOW_RANK = {"rank": 2, "alpha": 6.0, "queries_and_values": False}
DEFAULT = Path(tangent_bench.__file__).parents[1] / "config/default.yaml"
# A mode's own numbers are those of the default config, or smaller ones.
SETTINGS = {
    **yaml.safe_load(DEFAULT.read_text("utf-8"))["training_modes"],
    "lora": LOW_RANK,
    "linear_lora": LOW_RANK,
    "tau_jp": {"weight": 0.3, "batch_size": 4},
    "tak": {"weight": 0.3, "images": 9, "batch_size": 4, "probes": 2},
}
PARTIAL = [name for name in NAMES if hasattr(registry.load("training", name), "parameters")]
PENALIZED = [name for name in NAMES if registry.load("training", name).TRAINING.needs_others]
PACKAGE = Path(tangent_bench.__file__).parent
RECIPE = Recipe(
    steps=4, batch_size=6, learning_rate=0.05, weight_decay=0.1, clip_norm=1.0, warmup_steps=1
)
SIDE = 4


def trained(
    name: str, network, seed: int = 0, side: int = SIDE, saving=None, settings=None, **changed
):
    """θ0, θ* and losses of a few steps, float64."""
    theta0 = parameters(network)
    width = 5 if side == SIDE else 6
    labels = np.arange(18, dtype=np.int64) % 3
    source = Source(
        "t", small.pixels(18, side, "training"), labels, 5 * small.normal("head", shape=(3, width))
    )
    others = {other: small.pixels(11 + k, side, other) for k, other in enumerate(("u", "v"))}
    recipe = Recipe(**{**vars(RECIPE), **changed})
    found = fit(
        name, network, theta0, [source], recipe, seed, lambda x: x.double() * 2 - 1, side,
        settings=SETTINGS.get(name) if settings is None else settings, others=others, saving=saving,
    )  # fmt: skip
    return theta0, *found


def vector(name: str, network, seed: int = 0, side: int = SIDE, **changed):
    """τ of a few steps, float64."""
    theta0, theta, _ = trained(name, network, seed, side, **changed)
    return subtract(theta, theta0)


@pytest.fixture
def small_network(clip_folder):
    """Name of a training → a network that it can train, and the side of its images."""

    def of(name: str):
        return (
            (small.vit(clip_folder), 32)
            if name == "attention_only"
            else (small.Curved(3 * SIDE**2), SIDE)
        )

    return of


def leaves_of(name: str, case):
    """What a training trains at θ0, and the way to θ; all of θ where it says nothing else."""
    module = registry.load("training", name)
    if name == "attention_only" and isinstance(case.network, small.Curved):
        pytest.skip("no attention")
    if name not in PARTIAL:
        return dict(case.theta0), dict
    return module.parameters(case.network, case.theta0, SETTINGS.get(name, {}), 0)


def gap(a, b) -> float:
    return max(float((a[k] - b[k]).abs().max()) for k in a)


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name):
    training = registry.load("training", name).TRAINING
    assert isinstance(training, Training)
    assert training.title and training.parametrisation and training.reference
    assert training.vector_format in ("dense", "factors") and isinstance(training.affine, bool)
    assert isinstance(training.needs_others, bool)


SIGNATURES = {
    "encoder": ["network", "theta0"],
    "parameters": ["network", "theta0", "settings", "seed"],
    "penalty": ["network", "theta0", "others", "settings"],
    "images_seen": ["settings", "num_others", "steps"],
}


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_those_of_the_contract(name):
    module = registry.load("training", name)
    training = registry.load("training", name).TRAINING
    found = {
        key: list(inspect.signature(getattr(module, key)).parameters)
        for key in SIGNATURES
        if hasattr(module, key)
    }
    assert found == {key: SIGNATURES[key] for key in found} and "encoder" in found
    assert {"penalty", "images_seen"} & set(found) == (
        {"penalty", "images_seen"} if training.needs_others else set()
    )


@pytest.mark.parametrize("name", NAMES)
def test_training_starts_from_the_pretrained_function(name, case, case32):
    for each in (case, case32):
        leaves, to_theta = leaves_of(name, each)
        encoder = registry.load("training", name).encoder(each.network, each.theta0)
        torch.testing.assert_close(
            encoder(to_theta(leaves), each.images), each.network(each.images)
        )


@pytest.mark.parametrize("name", NAMES)
def test_affine_is_what_it_says(name, case):
    leaves, to_theta = leaves_of(name, case)
    away = small.direction(leaves, "leaves")
    encoder = registry.load("training", name).encoder(case.network, case.theta0)
    at = [encoder(to_theta(small.moved(leaves, away, s)), case.images) for s in (-2.0, 0.0, 2.0)]
    bend = float((at[0] + at[2] - 2 * at[1]).abs().max() / (at[2] - at[0]).abs().max())
    assert (bend < 1e-9) == registry.load("training", name).TRAINING.affine
    assert bend < 1e-9 or bend > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_trained_has_a_gradient(name, case):
    """Away from the start: there LoRA's A has none, since B is 0."""
    start, to_theta = leaves_of(name, case)
    encoder = registry.load("training", name).encoder(case.network, case.theta0)
    leaves = {
        k: v.requires_grad_(True)
        for k, v in small.moved(start, small.direction(start, "leaves")).items()
    }
    weight = small.normal("every", shape=tuple(case.network(case.images).shape))
    found = torch.autograd.grad(
        (encoder(to_theta(leaves), case.images) * weight).sum(), list(leaves.values())
    )
    assert all(bool((g != 0).any()) for g in found)


def _at(network_and_side: tuple, seed: int) -> tuple:
    network, side = network_and_side
    return network, seed, side


@pytest.mark.parametrize("name", NAMES)
def test_vectors_repeat_bit_for_bit_and_differ_by_seed(name, small_network):
    first, again, other = (vector(name, *_at(small_network(name), seed)) for seed in (0, 0, 1))
    assert gap(first, again) == 0.0 and gap(first, other) > 1e-4


@pytest.mark.parametrize("decay_towards", ["zero", "initialisation"])
def test_model_linear_in_its_parameters_has_one_vector_for_both(decay_towards):
    standard, linear = (
        vector(name, small.Straight(3 * SIDE**2), decay_towards=decay_towards)
        for name in ("standard", "linear")
    )
    size = max(float(v.abs().max()) for v in standard.values())
    assert size > 0.01 and gap(standard, linear) < 1e-9 * size
    curved = [
        vector(name, small.Curved(3 * SIDE**2), decay_towards=decay_towards)
        for name in ("standard", "linear")
    ]
    assert gap(*curved) > 1e-3, "on a model that is not linear they must differ"


class CutOff(Exception):
    pass


@pytest.mark.parametrize("name", NAMES)
def test_what_was_cut_off_goes_on_to_the_same_bits(name, small_network, tmp_path, monkeypatch):
    network, side = small_network(name)
    file = tmp_path / "state.safetensors"
    keep = Saving.keep

    def until_the_second(saving, run):
        keep(saving, run)
        if len(run.losses) == 2:
            raise CutOff

    _, whole, losses = trained(name, network, side=side)
    monkeypatch.setattr(Saving, "keep", until_the_second)
    with pytest.raises(CutOff):
        trained(name, network, side=side, saving=Saving(file, {"run": "one"}, 0.0))
    monkeypatch.setattr(Saving, "keep", keep)
    _, theta, same = trained(name, network, side=side, saving=Saving(file, {"run": "one"}, 0.0))
    assert file.is_file() and same == losses and all(torch.equal(theta[k], whole[k]) for k in whole)


def test_contracts_are_read_without_torch():
    """The Snakefile and the figures do."""
    import subprocess
    import sys

    code = (
        "import sys; from tangent_bench import registry; "
        "names = registry.names('training'); "
        "print(len([registry.load('training', name).TRAINING.title for name in names])); "
        "print(*{'torch', 'open_clip', 'torchvision'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True
    )
    assert done.stdout.split() == [str(len(NAMES))]


def test_attention_alone_moves_and_its_biases_stay(clip_folder):
    tau = vector("attention_only", small.vit(clip_folder), side=32)
    moved = {key for key, value in tau.items() if bool((value != 0).any())}
    blocks = [f"transformer.resblocks.{k}.attn" for k in range(2)]
    assert moved == {
        f"{block}.{weight}" for block in blocks for weight in ("in_proj_weight", "out_proj.weight")
    }
    assert set(tau) == set(parameters(small.vit(clip_folder)))
    for block in blocks:
        assert all(bool((part != 0).any()) for part in tau[f"{block}.in_proj_weight"].chunk(3)), (
            "q, k and v"
        )


def test_a_network_without_attention_is_one_sentence():
    with pytest.raises(ValueError, match=r"Curved has no attention of PyTorch's.*another mode"):
        vector("attention_only", small.Curved(3 * SIDE**2))


@pytest.mark.parametrize("name", ["lora", "linear_lora"])
def test_low_rank_changes_have_that_rank_and_nothing_else_moves(name, clip_folder):
    tau = vector(name, small.vit(clip_folder), side=32)
    block = "transformer.resblocks.0"
    wide = [
        f"{block}.attn.out_proj.weight",
        f"{block}.mlp.c_fc.weight",
        f"{block}.mlp.c_proj.weight",
    ]
    parts = {key: tau[key] for key in wide}
    parts |= {
        f"in_proj {k}": part for k, part in enumerate(tau[f"{block}.attn.in_proj_weight"].chunk(3))
    }
    assert {
        key: int(torch.linalg.matrix_rank(part)) for key, part in parts.items()
    } == dict.fromkeys(parts, 2)
    moved = {key for key, value in tau.items() if bool((value != 0).any())}
    blocks = [f"transformer.resblocks.{k}" for k in range(2)]
    assert moved == {
        key.replace(block, each)
        for each in blocks
        for key in (*wide, f"{block}.attn.in_proj_weight")
    }


def test_queries_and_values_alone(clip_folder):
    tau = vector(
        "lora", small.vit(clip_folder), side=32, settings=LOW_RANK | {"queries_and_values": True}
    )
    moved = {key for key, value in tau.items() if bool((value != 0).any())}
    assert moved == {f"transformer.resblocks.{k}.attn.in_proj_weight" for k in range(2)}
    q, k, v = tau[min(moved)].chunk(3)
    assert bool((q != 0).any()) and bool((v != 0).any()) and not bool((k != 0).any())


@pytest.mark.parametrize("name", ["lora", "linear_lora"])
def test_scale_of_low_rank_changes_is_alpha_over_rank(name):
    network = small.Curved(3 * SIDE**2)
    theta0 = parameters(network)
    module = registry.load("training", name)
    changes = []
    for alpha in (2.0, 6.0):
        leaves, to_theta = module.parameters(network, theta0, LOW_RANK | {"alpha": alpha}, 0)
        moved = {key: value + 1.0 for key, value in leaves.items() if key.endswith(" B")}
        changes.append(to_theta({**leaves, **moved})["first.weight"] - theta0["first.weight"])
    torch.testing.assert_close(changes[1], 3.0 * changes[0])
    start, _ = registry.load("training", "lora").parameters(network, theta0, LOW_RANK, 0)
    by_hand = 2.0 / 2 * start["first.weight A"].sum(0).expand(7, -1)
    torch.testing.assert_close(changes[0], by_hand)
    assert 0.5 < float(start["first.weight A"].abs().max()) * (3 * SIDE**2) ** 0.5 <= 1.0, (
        "uniform within ±1/√I"
    )


def test_linearized_lora_is_the_expansion_in_both_factors(case):
    """Against torch.func's product in (A, B); A has no part in it, since B begins at 0."""
    from tangent_bench.tangent.linearize import differentiable_attention

    lora, linear = (registry.load("training", name) for name in ("lora", "linear_lora"))
    start, to_theta = lora.parameters(case.network, case.theta0, LOW_RANK, 0)
    trained, of_trained = linear.parameters(case.network, case.theta0, LOW_RANK, 0)
    away = small.direction(start, "factors")

    def network(leaves):
        return torch.func.functional_call(case.network, to_theta(leaves), (case.images,))

    with differentiable_attention():
        base, change = torch.func.jvp(network, (start,), (away,))
    assert trained.keys() == {key for key in start if key.endswith(" B")}
    moved = of_trained({key: value + away[key] for key, value in trained.items()})
    found = linear.encoder(case.network, case.theta0)(moved, case.images)
    torch.testing.assert_close(found, base + change, rtol=1e-8, atol=1e-10)
    assert float(change.abs().max()) > 1e-3


def test_a_rank_that_does_not_fit_is_one_sentence():
    with pytest.raises(
        ValueError, match=r"rank of LoRA is 9, but 'first.weight' is 7 × 48; give .* at most 7\."
    ):
        vector("lora", small.Curved(3 * SIDE**2), settings=LOW_RANK | {"rank": 9})
