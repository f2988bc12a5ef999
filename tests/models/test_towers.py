"""Towers that are none of open_clip's: of timm, of a package, of tokens; and what is refused."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tangent_bench import models, registry
from tangent_bench.finetuning.loop import Source, finetune
from tangent_bench.finetuning.step import Recipe
from tangent_bench.images.inputs import PADDING, Batches, Pixels, Texts
from tangent_bench.models import Model, _foreign, _frozen
from tangent_bench.models._tower import image_tower
from tangent_bench.tangent import features, linearize
from tests import small
from tests.models import own
from tests.workflow.checkout import ROOT

NET = Model("Net", "test_efficientnet", None, library="timm", side=32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of Python's path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module in ("my_tower", "other_tower"):
        sys.modules.pop(module, None)


@pytest.fixture
def mine(folder):
    """The page's own tower, installed."""
    own.install(folder, "my_tower", own.code("my-tower"))
    return folder


# Of an installed package


def test_the_pages_tower_is_one_short_file(mine):
    assert len(own.code("my-tower").splitlines()) <= 30
    found = models.find("my_tower")
    assert (found.title, found.library, found.is_clip) == ("My tower", "my_tower", False)
    assert models.names()[-1] == "my_tower" and models.module_name("my_tower") == "my_tower"


def test_its_embeddings_are_those_of_its_network_after_its_preprocessing(mine):
    tower = image_tower(models.find("my_tower"), "random", 0)
    images = small.pixels(4, 48, "own")
    batch = tower.prepare(images).tensor()
    plain = Pixels(32, (0.0,) * 3, (1.0,) * 3).tensor(images)
    torch.testing.assert_close(batch, 2 * plain.mean(1, keepdim=True) - 1)
    torch.testing.assert_close(tower.normalise(plain), batch)
    found = features.base(tower.module, tower.theta0, tower.prepare(images), 3)
    assert found.shape == (4, 64)
    torch.testing.assert_close(torch.from_numpy(found), tower.module(batch), rtol=1e-4, atol=1e-6)


def test_random_weights_follow_the_seed_and_a_file_replaces_them(mine):
    about = models.find("my_tower")
    state = torch.random.get_rng_state()
    first, again, other = (image_tower(about, "random", seed).digest for seed in (0, 0, 1))
    assert first == again != other
    assert torch.equal(torch.random.get_rng_state(), state)
    network = image_tower(about, "random", 1).module
    save_file(network.state_dict(), mine / "mine.safetensors")
    filled = Model(**{**vars(about), "weights": str(mine / "mine.safetensors")})
    assert image_tower(filled, "pretrained", 0).digest == other
    network.get_buffer("1.running_mean").add_(1.0)
    assert models.digest(network) != other, "statistics are a part of f"


def test_a_plan_needs_no_torch(mine):
    program = "from tangent_bench import models; import sys; m = models.find('my_tower'); "
    program += "print(m.title, 'torch' in sys.modules)"
    environment = {"PYTHONPATH": f"{mine}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["My", "tower", "False"], done.stderr


BROKEN = {
    "no model": ("MODEL = ", "OTHER = ", "has a NoneType as its MODEL; expected MODEL = Model"),
    "no function": ("def build", "def built", "has no function build()"),
    "another library": ("__name__", "'mine'", "library 'mine'; expected library=__name__"),
    "no inputs": ("INPUTS =", "GIVEN =", "has INPUTS without 'size'; expected Pixels"),
    "no import": ("from tangent_bench", "from tangent_bunch", "cannot be imported (ModuleNotFound"),
}


@pytest.mark.parametrize(("before", "after", "words"), BROKEN.values(), ids=BROKEN)
def test_a_module_that_keeps_to_no_contract_is_one_sentence(folder, before, after, words):
    own.install(folder, "other_tower", own.code("my-tower").replace(before, after))
    with pytest.raises(ValueError) as caught:
        models.find("other_tower")
    sentence = str(caught.value)
    assert "'other_tower' of package 'other-tower'" in sentence and words in sentence


def test_an_unknown_name_is_answered_with_the_nearest(mine):
    with pytest.raises(ValueError, match=r"'my_towr' in .*Did you mean 'my_tower'\?.*entry"):
        models.find("my_towr")


@pytest.mark.parametrize(
    ("built", "words"),
    [
        (lambda: 1 / 0, r"build\(\) of other_tower failed \(ZeroDivisionError"),
        (lambda: 3, "returns a int, expected a torch.nn.Module"),
    ],
)
def test_a_build_that_fails_is_one_sentence(monkeypatch, built, words):
    plugin = SimpleNamespace(build=built, INPUTS=None, __file__="other_tower.py")
    monkeypatch.setitem(sys.modules, "other_tower", plugin)
    with pytest.raises(ValueError, match=rf"Model 'Mine': .*{words}"):
        _foreign.create(Model("Mine", "mine", None, library="other_tower"), "random", 0)


# Of timm


@pytest.fixture(scope="module")
def net():
    return image_tower(NET, "random", 0)


def test_a_network_of_timm_is_embedded_and_expanded_with_frozen_statistics(net):
    """f_lin against the central difference of timm's own network, in float64."""
    assert any(name.endswith("running_mean") for name, _ in net.module.named_buffers())
    assert not any("running" in name for name in net.theta0)
    network = image_tower(NET, "random", 0).module.double()
    theta0 = linearize.parameters(network)
    tau = small.direction(theta0, "timm", size=0.01)
    images = net.prepare(small.pixels(2, 32, "timm")).tensor().double()
    base, moved = linearize.product(network, theta0, tau, images)
    torch.testing.assert_close(base, network(images), rtol=1e-10, atol=1e-12)

    def at(step):
        return linearize.encode(network, small.moved(theta0, tau, step), images)

    slope = (8 * (at(1e-4) - at(-1e-4)) - (at(2e-4) - at(-2e-4))) / 12e-4
    assert moved.norm() > 0 and (moved - slope).norm() < 1e-6 * moved.norm()


def test_a_file_may_hold_the_classifier_as_well(net, tmp_path):
    import timm

    whole = timm.create_model("test_efficientnet", num_classes=7)
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    model = Model(**{**vars(NET), "weights": str(tmp_path / "whole.safetensors")})
    tower = image_tower(model, "pretrained", 0)
    assert tower.digest != net.digest and tower.size == 32
    state = whole.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in tower.theta0.items())
    state.pop("conv_stem.weight")
    save_file(state, tmp_path / "whole.safetensors")
    with pytest.raises(ValueError, match=r"Model 'Net': .*lacks 'conv_stem\.weight'"):
        image_tower(model, "pretrained", 0)


def test_other_names_and_initialisations_of_timm_are_one_sentence():
    with pytest.raises(ValueError, match=r"no network 'resnet81'; .*Did you mean 'resnet"):
        image_tower(Model("Mine", "resnet81", None, library="timm"), "random", 0)
    with pytest.raises(ValueError, match="no initialisation 'step-11'.*pretrained and random"):
        image_tower(NET, "step-11", 0)
    with pytest.raises(ValueError, match="'Net' is a tower of timm without a text tower"):
        models.create(NET)


def test_blocks_are_run_again_only_where_that_is_possible(net):
    net.checkpoint_activations(False)
    tower = image_tower(NET, "random", 0)
    object.__setattr__(tower, "module", nn.Linear(2, 2))
    tower.checkpoint_activations(False)
    with pytest.raises(ValueError, match="Linear cannot run its blocks again; set it to false"):
        tower.checkpoint_activations(True)


# What a tower must be


def flat(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5), *layers)


class Always(nn.Module):
    """Dropout that knows no eval()."""

    def forward(self, x):
        return nn.functional.dropout(x, 0.5, training=True)


class Deaf(nn.Module):
    """A layer that stays in train()."""

    def train(self, mode=True):
        self.training = True
        return self


class Split(nn.Module):
    """Two outputs in place of one."""

    def forward(self, x):
        return x, x


REFUSED = {
    "random": (flat(Always()), "other embeddings when it is asked again"),
    "batch": (flat(nn.BatchNorm1d(5, track_running_stats=False)), "beside other inputs"),
    "pair": (flat(Split()), r"returns tuple for 3 inputs, expected one embedding each, \[3, D\]"),
    "maps": (nn.Conv2d(3, 2, 3), r"returns shape \[3, 2, 6, 6\]"),
    "other inputs": (nn.Linear(5, 2), r"cannot embed a batch of shape \[3, 3, 8, 8\] \(Runtime"),
    "infinite": (flat(nn.Threshold(1e9, float("inf"))), "embeddings that are not finite"),
}


@pytest.mark.parametrize(("network", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_function_of_one_input_is_refused(network, words):
    with pytest.raises(ValueError, match=f"Model 'Mine' .*{words}"):
        _frozen.require_embeddings(network.eval(), Pixels(8, (0.0,) * 3, (1.0,) * 3), "Mine")


def test_what_changes_in_train_is_frozen_and_said(caplog):
    network = flat(nn.Dropout(0.5), nn.BatchNorm1d(5))
    with caplog.at_level(logging.INFO):
        _frozen.freeze(network, "Mine")
    assert "Mine is frozen in eval(), in fine-tuning too: '2' (2 modules" in caplog.text
    assert not any(part.training for part in network.modules())
    _frozen.require_embeddings(network, Pixels(8, (0.0,) * 3, (1.0,) * 3), "Mine")
    caplog.clear()
    _frozen.freeze(flat(nn.Dropout(0.0)), "Mine")
    assert not caplog.text
    with pytest.raises(ValueError, match=r"module '2' \(Deaf\) stays in train\(\)"):
        _frozen.freeze(flat(Deaf()), "Mine")


# Of tokens


class Words(nn.Module):
    """Mean of the words' rows, tokens [B, L] → [B, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Embedding(9, 6)
        self.out = nn.Linear(6, 4)

    def forward(self, tokens_BL):
        mask_BL1 = (tokens_BL != PADDING)[..., None]
        rows_BLE = self.rows(tokens_BL.clamp(min=0)) * mask_BL1
        return self.out(torch.tanh(rows_BLE.sum(1) / mask_BL1.sum(1)))


def test_texts_go_the_way_of_images():
    """Tokens through the tower's checks, features, J τ and a fine-tuning that learns."""
    torch.manual_seed(0)
    inputs = Texts(size=5, vocabulary=9)
    network = Words().requires_grad_(False).eval()
    _frozen.require_embeddings(network, inputs, "Words")
    theta0 = linearize.parameters(network)
    tokens_NL = inputs.example(40)
    assert tokens_NL.dtype == np.int64 and (tokens_NL[:, 0] >= 0).all() and tokens_NL.min() == -1
    batches = Batches(tokens_NL, inputs)
    found = features.base(network, theta0, batches, 7)
    np.testing.assert_allclose(found, network(torch.from_numpy(tokens_NL)).numpy(), rtol=1e-5)
    tau = small.direction(theta0, "words", size=0.1)
    (moved,) = features.changes(network, theta0, [tau], batches, 7)
    assert moved.shape == (40, 4) and np.abs(moved).max() > 0
    labels_N = tokens_NL[:, 0] % 2
    source = Source("words", tokens_NL, labels_N, 10 * torch.eye(4)[:2])
    recipe = Recipe(60, 20, 0.05, 0.0, 1.0, 2)

    def encoder(theta, tokens_BL):
        return linearize.encode_linearized(network, theta0, theta, tokens_BL)

    _, losses = finetune(encoder, theta0, [source], recipe, 0, inputs.normalise, inputs.size)
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


def test_names_of_models_are_files_first():
    assert models.names()[: len(registry.names("models"))] == registry.names("models")
