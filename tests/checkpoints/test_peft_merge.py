"""LoRA adapters against PEFT: τ is what its `merge_and_unload` changes, on random weights.

Needs the packages peft and transformers; peft is no dependency of the suite's, so that these tests
are skipped unless somebody installs it. `tests/checkpoints/adapter` was written by `python -m
tests.checkpoints.test_peft_merge`.
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tangent_bench import checkpoints, models
from tangent_bench.weights import _transformers
from tests import small

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")  # what PEFT warns of is asked for here

SIZES = {
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "projection_dim": 6,
}
ATTENTION = ["q_proj", "k_proj", "v_proj", "out_proj"]
# What is adapted, and how: of transformers.
THEIRS = {
    "queries and values": ("CLIPVisionModel", {"target_modules": ["q_proj", "v_proj"]}),
    "all": ("CLIPVisionModel", {"target_modules": [*ATTENTION, "fc1", "fc2"]}),
    "every linear layer": ("CLIPVisionModelWithProjection", {"target_modules": "all-linear"}),
    "projection": ("CLIPVisionModelWithProjection", {"target_modules": ["visual_projection"]}),
    "convolution": ("CLIPVisionModel", {"target_modules": ["patch_embedding"]}),
    "embedding": ("CLIPVisionModel", {"target_modules": ["position_embedding", "k_proj"]}),
    "both towers": ("CLIPModel", {"target_modules": ["q_proj", "fc1"]}),
    "rslora": ("CLIPVisionModel", {"target_modules": ["k_proj"], "use_rslora": True}),
    "patterns": (
        "CLIPVisionModel",
        {
            "target_modules": [*ATTENTION, "fc1"],
            "rank_pattern": {"layers.0.self_attn.q_proj": 1, r"layers\.1.*fc1": 5},
            "alpha_pattern": {"^encoder.layers.1.self_attn.*_proj": 9},
        },
    ),
    "all biases": ("CLIPVisionModel", {"target_modules": ["v_proj"], "bias": "all"}),
    "biases of LoRA": ("CLIPVisionModel", {"target_modules": ["v_proj"], "bias": "lora_only"}),
    "a bias of B": ("CLIPVisionModel", {"target_modules": ["v_proj"], "lora_bias": True}),
    "norms": (
        "CLIPVisionModel",
        {"target_modules": ["fc1"], "modules_to_save": ["layer_norm1", "post_layernorm"]},
    ),
    "one layer": ("CLIPVisionModel", {"target_modules": ["fc1"], "layers_to_transform": [1]}),
    "an expression": ("CLIPVisionModel", {"target_modules": r".*layers\.0\..*(fc1|q_proj)"}),
    "fan in": ("CLIPVisionModel", {"target_modules": ["fc1"], "fan_in_fan_out": True}),
}
# Of open_clip: whether its whole model is adapted.
OURS = {
    "attention": (False, {"target_modules": ["attn"]}),
    "attention and MLP": (False, {"target_modules": ["attn", "c_fc", "c_proj"]}),
    "attention's patterns": (
        False,
        {"target_modules": ["attn", "c_fc"], "alpha_pattern": {"resblocks.1.attn": 9}},
    ),
    "MLP of both towers": (True, {"target_modules": ["c_fc"]}),
    "output of attention": (False, {"target_modules": ["out_proj", "conv1"]}),
    "a parameter": (False, {"target_modules": [], "target_parameters": ["attn.in_proj_weight"]}),
    "norms": (False, {"target_modules": ["c_fc"], "modules_to_save": ["ln_post", "ln_1"]}),
}


def theirs(kind: str) -> nn.Module:
    """A model of transformers with random weights, every one of which matters."""
    vision = {"num_hidden_layers": 2, "image_size": 32, "patch_size": 16}
    text = {"num_hidden_layers": 1, "vocab_size": 50, "max_position_embeddings": 9}
    if kind == "CLIPModel":
        config = transformers.CLIPConfig(
            text_config=SIZES | text, vision_config=SIZES | vision, projection_dim=6
        )
    else:
        config = transformers.CLIPVisionConfig(**SIZES, **vision)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = getattr(transformers, kind)(config).eval()
    return shaken(model, 0.02)


def shaken(model: nn.Module, size: float) -> nn.Module:
    """The model with noise in every parameter that has a gradient."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.requires_grad:
                value += size * small.normal("noise", name, shape=value.shape)
    return model


def adapted(model: nn.Module, about: dict, folder: Path, dtype=torch.float32) -> dict[str, Tensor]:
    """What PEFT's merge makes of a model, whose adapter is saved; all that it trains has moved."""
    model = peft.get_peft_model(model, peft.LoraConfig(r=3, lora_alpha=5, **about))
    shaken(model, 0.1).to(dtype).save_pretrained(str(folder))
    return model.double().merge_and_unload().state_dict()


def of_tower(state: dict[str, Tensor], name: str, start: Tensor) -> Tensor:
    """One of our parameters in a state dict of theirs; that of the start if it has none."""
    inner = {key.removeprefix(_transformers.VISION): value for key, value in state.items()}
    if name == "proj":
        return inner[_transformers.PROJECTION].T if _transformers.PROJECTION in inner else start
    return torch.cat([inner[part] for part in _transformers.names(name)])


def put(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Give the image tower the weights of a model of theirs."""
    with torch.no_grad():
        for name, value in network.visual.named_parameters():
            value.copy_(of_tower(state, name, value).view_as(value))


def agree(network: nn.Module, folder: Path, merged: dict[str, Tensor]) -> None:
    """θ0 + τ is the merged model, where PEFT's merge of float32 rounds a few times."""
    tau = checkpoints.load("peft", folder, network)
    largest = 0.0
    for name, value in network.visual.named_parameters():
        start = value.detach().double()
        change = merged[name].double() - start
        torch.testing.assert_close(tau[name].double(), change, rtol=1e-6, atol=1e-9)
        largest = max(largest, float(change.abs().max()))
    assert largest > 1e-3


@pytest.fixture(scope="module")
def make(clip_folder):
    return lambda: models.create(small.clip_model(clip_folder), "random", 3)


@pytest.mark.parametrize("case", THEIRS)
def test_models_of_transformers(case, make, tmp_path):
    kind, about = THEIRS[case]
    model = theirs(kind)
    network = make()
    put(network, model.state_dict())
    state = adapted(model, about, tmp_path)
    merged = {}
    for name, value in network.visual.named_parameters():
        merged[name] = of_tower(state, name, value).view_as(value)
    agree(network, tmp_path, merged)


@pytest.mark.parametrize("case", OURS)
def test_models_of_open_clip(case, make, tmp_path):
    is_whole, about = OURS[case]
    network = shaken(make().requires_grad_(True), 0.02)
    model = copy.deepcopy(network)
    state = adapted(model if is_whole else model.visual, about, tmp_path)
    before = "visual." if is_whole else ""
    merged = {}
    for name, _ in network.visual.named_parameters():
        merged[name] = state[before + name]
    agree(network, tmp_path, merged)


def test_the_output_of_attention_is_that_of_the_trained_function(make, tmp_path):
    """PEFT's forward pass, in which it trains, does with it what its merge does."""
    network = shaken(make().requires_grad_(True), 0.02)
    model = peft.get_peft_model(
        copy.deepcopy(network.visual), peft.LoraConfig(r=3, target_modules=["attn"])
    )
    shaken(model, 0.1).eval().save_pretrained(str(tmp_path))
    tau = checkpoints.load("peft", tmp_path, network)
    images = small.images(3, 3, 32, 32, dtype=torch.float32)
    with torch.no_grad():
        expected = model(images)
        for name, value in network.visual.named_parameters():
            value += tau[name]
        found = network.visual.eval()(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_half_precision(make, tmp_path):
    model = theirs("CLIPVisionModel")
    network = make()
    put(network, model.state_dict())
    base = copy.deepcopy(model)
    adapted(model, {"target_modules": ["q_proj", "fc1"]}, tmp_path, torch.bfloat16)
    reloaded = peft.PeftModel.from_pretrained(base, str(tmp_path)).double()
    state = reloaded.merge_and_unload().state_dict()
    merged = {}
    for name, value in network.visual.named_parameters():
        merged[name] = of_tower(state, name, value).view_as(value)
    agree(network, tmp_path, merged)


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_ways_to_begin_that_change_the_model_are_refused(start, make, tmp_path):
    about = {"target_modules": ["fc1"], "init_lora_weights": start}
    adapted(theirs("CLIPVisionModel"), about, tmp_path)
    with pytest.raises(ValueError, match="changed the model's own weights"):
        checkpoints.load("peft", tmp_path, make())


@pytest.mark.parametrize("about", [{"use_dora": True}, {"bias": "all"}])
def test_what_cannot_be_known_from_the_file_is_refused(about, make, tmp_path):
    adapted(make().requires_grad_(True).visual, {"target_modules": ["c_fc"]} | about, tmp_path)
    with pytest.raises(ValueError, match="use_dora|in_proj_bias"):
        checkpoints.load("peft", tmp_path, make())


def write_fixture(folder: Path) -> None:
    """An adapter of the small model's shape, and what PEFT's merge changes by it, in float64."""
    model = theirs("CLIPVisionModel")
    with tempfile.TemporaryDirectory() as clip_folder:
        network = models.create(small.clip_model(Path(clip_folder)), "random", 3).double()
    put(network, model.state_dict())
    about = {
        "target_modules": ["q_proj", "out_proj", "fc2"],
        "use_rslora": True,
        "rank_pattern": {"layers.1.mlp.fc2": 2},
        "alpha_pattern": {"layers.0.self_attn.q_proj": 9},
    }
    state = adapted(model, about, folder)
    changes = {}
    for name, value in network.visual.named_parameters():
        change = of_tower(state, name, value).view_as(value) - value
        if change.any():
            changes[name] = change.contiguous()
    save_file(changes, folder / "merged.safetensors")
    (folder / "README.md").unlink()


if __name__ == "__main__":
    write_fixture(Path(__file__).parent / "adapter")
