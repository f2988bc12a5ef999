"""LoRA adapters: τ = s B A by an independent formula, by PEFT's own merge, and one sentence for
whatever is wrong with an adapter.
"""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tangent_bench import checkpoints, models, weights
from tests import small

FIXTURE = Path(__file__).parent / "adapter"
ABOUT = {"peft_type": "LORA", "r": 3, "lora_alpha": 5, "bias": "none", "target_modules": "a regex"}
BLOCK = "encoder.layers.1"
OURS = "transformer.resblocks.1"


@pytest.fixture(scope="module")
def network(clip_folder):
    return models.create(small.clip_model(clip_folder), "random", 3)


def write(folder: Path, state: Mapping[str, Tensor], ending: str = "safetensors", **about) -> Path:
    """An adapter's folder; names are those behind "base_model.model."."""
    folder.mkdir(exist_ok=True)
    state = {f"base_model.model.{key}": value.contiguous() for key, value in state.items()}
    file = folder / f"adapter_model.{ending}"
    save_file(state, file) if ending == "safetensors" else torch.save(state, file)
    (folder / "adapter_config.json").write_text(json.dumps(ABOUT | about), encoding="utf-8")
    return folder


def pair(module: str, out: int, inputs: int, rank: int = 3) -> dict[str, Tensor]:
    """A and B of a module."""
    return {
        f"{module}.lora_A.weight": small.normal("A", module, shape=(rank, inputs)).float(),
        f"{module}.lora_B.weight": small.normal("B", module, shape=(out, rank)).float() / 50,
    }


def change(module: str, state: Mapping[str, Tensor], scale: float) -> Tensor:
    """s B A in float64, entry by entry as the sum over ranks of products."""
    a = state[f"{module}.lora_A.weight"].double()
    b = state[f"{module}.lora_B.weight"].double()
    total = torch.zeros(len(b), a.shape[1], dtype=torch.float64)
    for rank in range(len(a)):
        total += scale * torch.outer(b[:, rank], a[rank])
    return total


def expect(tau: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """τ is what is expected, to a few units of float32, and exactly 0 elsewhere."""
    for name, value in tau.items():
        if name in expected:
            assert expected[name].abs().max() > 0
            torch.testing.assert_close(value.double(), expected[name], rtol=3e-7, atol=1e-12)
        else:
            assert not value.any(), name


def within(rows: int, part: int, value: Tensor) -> Tensor:
    """A matrix of 0 that has a value in one of its `rows` parts."""
    parts = [torch.zeros_like(value)] * rows
    parts[part] = value
    return torch.cat(parts)


# The formula


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("ending", ["safetensors", "bin"])
@pytest.mark.parametrize("before", ["", "vision_model."])
def test_names_of_transformers(before, ending, rslora, network, tmp_path):
    q, v, out, fc1 = (
        f"{before}{BLOCK}.{name}"
        for name in ("self_attn.q_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1")
    )
    state = pair(q, 16, 16) | pair(v, 16, 16) | pair(out, 16, 16) | pair(fc1, 32, 16)
    folder = write(tmp_path / "a", state, ending, use_rslora=rslora)
    scale = 5 / 3**0.5 if rslora else 5 / 3
    projections = within(3, 0, change(q, state, scale)) + within(3, 2, change(v, state, scale))
    expect(
        checkpoints.load("peft", folder, network),
        {
            f"{OURS}.attn.in_proj_weight": projections,
            f"{OURS}.attn.out_proj.weight": change(out, state, scale),
            f"{OURS}.mlp.c_fc.weight": change(fc1, state, scale),
        },
    )


@pytest.mark.parametrize("before", ["", "visual.", "model.visual."])
def test_names_of_open_clip(before, network, tmp_path):
    attention = f"{before}{OURS}.attn"
    out = f"{attention}.base_layer.out_proj"
    mlp = f"{before}{OURS}.mlp.c_proj"
    state = pair(attention, 48, 16) | pair(out, 16, 16) | pair(mlp, 16, 32)
    expect(
        checkpoints.load("peft", write(tmp_path / "a", state), network),
        {
            f"{OURS}.attn.in_proj_weight": change(attention, state, 5 / 3),
            f"{OURS}.attn.out_proj.weight": 2 * change(out, state, 5 / 3),  # as PEFT trained it
            f"{OURS}.mlp.c_proj.weight": change(mlp, state, 5 / 3),
        },
    )


@pytest.mark.parametrize("version", ["0.18.1", "0.21.2", "0.21.2.dev0", None])
def test_the_output_of_attention_counts_twice_as_in_peft(version, network, tmp_path):
    """That of attention which PEFT adapts as one module; where out_proj alone was, it had none."""
    whole = f"{OURS}.attn.base_layer.out_proj"
    alone = f"{OURS}.attn.out_proj"
    for module, times in ((whole, 2), (alone, 1)):
        state = pair(module, 16, 16)
        folder = write(tmp_path / "a", state, peft_version=version)
        expected = times * change(module, state, 5 / 3)
        expect(checkpoints.load("peft", folder, network), {f"{alone}.weight": expected})


def test_ranks_and_alphas_of_single_modules(network, tmp_path):
    first, second, third = (f"transformer.resblocks.{k}" for k in (0, 1, 1))
    state = pair(f"{first}.mlp.c_fc", 32, 16, 2) | pair(f"{second}.mlp.c_fc", 32, 16, 4)
    state |= pair(f"{third}.mlp.c_proj", 16, 32)
    folder = write(
        tmp_path / "a",
        state,
        rank_pattern={f"^{first}.mlp.c_fc": 2, "resblocks.1.mlp.c_fc": 4},
        alpha_pattern={"resblocks.[01].mlp.c_fc": 7},
    )
    expect(
        checkpoints.load("peft", folder, network),
        {
            f"{first}.mlp.c_fc.weight": change(f"{first}.mlp.c_fc", state, 7 / 2),
            f"{second}.mlp.c_fc.weight": change(f"{second}.mlp.c_fc", state, 7 / 4),
            f"{third}.mlp.c_proj.weight": change(f"{third}.mlp.c_proj", state, 5 / 3),
        },
    )


def test_projection_and_patches(network, tmp_path):
    """Their projection is the transpose of ours; a convolution's factors have its shape."""
    projection = pair("visual_projection", 6, 16)
    patches = pair("vision_model.embeddings.patch_embedding", 16, 3 * 16 * 16)
    shaped = dict(zip(patches, (value.clone() for value in patches.values())))
    a, b = patches
    shaped[a] = patches[a].view(3, 3, 16, 16)
    shaped[b] = patches[b].view(16, 3, 1, 1)
    expected = change("vision_model.embeddings.patch_embedding", patches, 5 / 3)
    expect(
        checkpoints.load("peft", write(tmp_path / "a", projection | shaped), network),
        {
            "proj": change("visual_projection", projection, 5 / 3).T,
            "conv1.weight": expected.view(16, 3, 16, 16),
        },
    )


def test_embeddings_are_columns(network, tmp_path):
    a = small.normal("A", shape=(3, 5)).float()
    b = small.normal("B", shape=(16, 3)).float() / 50
    module = "embeddings.position_embedding"
    state = {f"{module}.lora_embedding_A": a, f"{module}.lora_embedding_B": b}
    expected = 5 / 3 * (b.double() @ a.double()).T
    tau = checkpoints.load("peft", write(tmp_path / "a", state), network)
    expect(tau, {"positional_embedding": expected})


def test_what_is_kept_whole_is_a_difference(network, tmp_path):
    module = f"{OURS}.mlp.c_fc"
    bias = small.normal("bias", shape=(32,)).float() / 50
    norm = 1 + small.normal("norm", shape=(16,)).float() / 50
    state = pair(module, 32, 16) | {f"{module}.base_layer.bias": bias, "ln_post.weight": norm}
    about = {"bias": "lora_only", "modules_to_save": ["ln_post"]}
    theta0 = dict(network.visual.named_parameters())
    expect(
        checkpoints.load("peft", write(tmp_path / "a", state, **about), network),
        {
            f"{module}.weight": change(module, state, 5 / 3),
            f"{module}.bias": bias.double() - theta0[f"{module}.bias"].double(),
            "ln_post.weight": norm.double() - theta0["ln_post.weight"].double(),
        },
    )


def test_a_bias_of_b_is_scaled_as_the_rest(network, tmp_path):
    module = f"{OURS}.mlp.c_fc"
    bias = small.normal("bias of B", shape=(32,)).float() / 50
    state = pair(module, 32, 16) | {f"{module}.lora_B.bias": bias}
    expect(
        checkpoints.load("peft", write(tmp_path / "a", state, lora_bias=True), network),
        {
            f"{module}.weight": change(module, state, 5 / 3),
            f"{module}.bias": 5 / 3 * bias.double(),
        },
    )


def test_half_precision_is_read_exactly(network, tmp_path):
    module = f"{OURS}.mlp.c_fc"
    state = {key: value.bfloat16() for key, value in pair(module, 32, 16).items()}
    tau = checkpoints.load("peft", write(tmp_path / "a", state), network)
    expect(tau, {f"{module}.weight": change(module, state, 5 / 3)})


def test_the_model_stays_as_it_is(network, tmp_path):
    before = copy.deepcopy(network.visual.state_dict())
    state = pair(f"{OURS}.mlp.c_fc", 32, 16)
    checkpoints.load("peft", write(tmp_path / "a", state), network.double())
    network.float()
    assert all(
        torch.equal(value, before[key]) for key, value in network.visual.state_dict().items()
    )


def test_what_peft_wrote_and_merged(network):
    """Saved by PEFT 0.21.2; `merged.safetensors` is what its merge changed, in float64."""
    tau = checkpoints.load("peft", FIXTURE, network)
    expect(tau, load_file(FIXTURE / "merged.safetensors"))


# Beside the image tower


def test_adapters_of_a_text_tower_are_not_read_and_said_to_be(network, tmp_path, caplog):
    for image, text in (
        ("vision_model.encoder.layers.1.mlp.fc1", "text_model.encoder.layers.0.mlp.fc1"),
        (f"visual.{OURS}.mlp.c_fc", "transformer.resblocks.0.mlp.c_fc"),
    ):
        caplog.clear()
        state = pair(image, 32, 16) | pair(text, 64, 16)
        with caplog.at_level(logging.WARNING):
            tau = checkpoints.load("peft", write(tmp_path / "a", state), network)
        expect(tau, {f"{OURS}.mlp.c_fc.weight": change(image, state, 5 / 3)})
        assert f"is read, but not 'base_model.model.{text}.lora_A.weight' (2 ten" in caplog.text


FC = f"{OURS}.mlp.c_fc"
GOOD = pair(FC, 32, 16)
HF = pair(f"vision_model.{BLOCK}.mlp.fc1", 32, 16)
WHOLE_CLIP = {"base_model_class": "CLIP", "parent_library": "open_clip.model"}
WRONG = {
    "DoRA": (GOOD, {"use_dora": True}, "use_dora True, which is more than .*merge_and_unload"),
    "another kind": (GOOD, {"peft_type": "IA3"}, "peft_type 'IA3', expected 'LORA'"),
    "no kind": (GOOD, {"peft_type": None}, "peft_type None"),
    "PiSSA": (GOOD, {"init_lora_weights": "pissa_niter_4"}, "changed the model's own weights"),
    "routed": (GOOD, {"arrow_config": {"top_k": 2}}, "arrow_config .*more than the sum"),
    "an unknown bias": (GOOD, {"bias": "some"}, "bias 'some', expected one of none, lora_only"),
    "no rank": (GOOD, {"r": None}, "the rank None; expected 1 or more"),
    "rank 0": (GOOD, {"r": 0}, "the rank 0"),
    "no alpha": (GOOD, {"lora_alpha": "x"}, "the alpha 'x'; expected a number"),
    "alpha that is not finite": (GOOD, {"lora_alpha": float("inf")}, "the alpha inf"),
    "another rank": (GOOD, {"r": 4}, r"shape \(3, 16\) at .*c_fc: A'.* it is \(4, 16\)"),
    "a pattern that never ends": (GOOD, {"alpha_pattern": {"(a+)+b": 1}}, "write the names out"),
    "a pattern of many options": (GOOD, {"rank_pattern": {"a?" * 30 + "a" * 30: 1}}, "write the n"),
    "a pattern of many pairs": (GOOD, {"rank_pattern": {"(a|a)" * 30 + "b": 1}}, "write the names"),
    "a pattern of many repeats": (GOOD, {"rank_pattern": {".*a.*b.*c.*d": 1}}, "write the names"),
    "a pattern that is none": (GOOD, {"rank_pattern": {"(": 1}}, "rank_pattern '\\('"),
    "patterns in a list": (GOOD, {"rank_pattern": [1]}, "expected a map"),
    "patterns of parameters": (
        GOOD,
        {"target_parameters": ["attn.in_proj_weight"], "alpha_pattern": {"attn": 1}},
        "target_parameters and patterns",
    ),
    "a classifier": (
        HF | {"classifier.weight": torch.ones(3, 6)},
        {"modules_to_save": ["classifier"]},
        "'base_model.model.classifier.weight' .1 tensors., which is not of the image tower",
    ),
    "a text projection kept whole": (
        HF | {"text_projection.weight": torch.ones(6, 16)},
        {"modules_to_save": ["text_projection"]},
        "not of the image tower",
    ),
    "a language model": (
        pair("model.layers.0.self_attn.q_proj", 16, 16),
        {},
        "no module of an image tower .*'base_model.model.model.layers.0.self_attn.q_proj.lora_A",
    ),
    "a model with a decoder": (
        pair("model.encoder.layers.0.self_attn.q_proj", 16, 16)
        | pair("model.decoder.layers.0.self_attn.q_proj", 16, 16),
        {},
        "decoder.* that the model lacks",
    ),
    "a text tower of transformers": (
        pair("text_model.encoder.layers.0.mlp.fc1", 32, 16),
        {},
        "no module of an image tower",
    ),
    "a text tower of open_clip": (GOOD, {"auto_mapping": WHOLE_CLIP}, "no module of an image tow"),
    "two towers": (
        pair(f"a.{FC}", 32, 16) | pair(f"b.{FC}", 32, 16),
        {},
        "two towers, at 'base_model.model.a.' and 'base_model.model.b.'",
    ),
    "a block too many": (
        GOOD | pair("transformer.resblocks.2.mlp.c_fc", 32, 16),
        {},
        "resblocks.2.mlp.c_fc.lora_A.weight' that the model lacks",
    ),
    "a block too few": (
        GOOD,
        {"target_modules": ["c_fc"]},
        "lacks factors of 'base_model.model.transformer.resblocks.0.mlp.c_fc'.*fewer layers",
    ),
    "another width": (pair(FC, 64, 32), {}, r"shape \(3, 32\) at .* it is \(3, 16\) by|another mo"),
    "two parameters of a module": (
        pair(f"{OURS}.attn", 48, 16) | pair(f"{OURS}.attn.base_layer", 48, 16),
        {},
        "adapts 'base_model.model.*attn' twice, at",
    ),
    "one factor": (
        {key: value for key, value in GOOD.items() if "lora_A" in key},
        {},
        "lacks 'base_model.model.*c_fc.lora_B.weight'",
    ),
    "DoRA's magnitudes": (
        GOOD | {f"{FC}.lora_magnitude_vector": torch.ones(32)},
        {},
        "lora_magnitude_vector', expected lora_A and lora_B alone",
    ),
    "a bias of B for attention": (
        pair(f"{OURS}.attn", 48, 16) | {f"{OURS}.attn.lora_B.bias": torch.ones(48)},
        {},
        "a bias in B of",
    ),
    "integers": ({key: value.to(torch.int8) for key, value in GOOD.items()}, {}, "torch.int8"),
    "not finite": ({key: value / 0 for key, value in GOOD.items()}, {}, "no numbers"),
    "untrained": ({key: value * ("A" in key) for key, value in GOOD.items()}, {}, "changes noth"),
    "biases that were not saved": (
        GOOD,
        {"bias": "lora_only"},
        r"lacks .*c_fc.bias' \(1 of 1 biases\), which was trained \(bias 'lora_only'",
    ),
    "biases of attention, which PEFT leaves out": (
        GOOD | {f"{FC}.base_layer.bias": torch.ones(32)},
        {"bias": "all"},
        "lacks .* of 14 biases",
    ),
    "attention that may be transposed": (
        pair(f"{OURS}.attn", 48, 16),
        {"fan_in_fan_out": True},
        "fan_in_fan_out",
    ),
    "attention of a PEFT to come": (
        pair(f"{OURS}.attn", 48, 16) | pair(f"{OURS}.attn.base_layer.out_proj", 16, 16),
        {"peft_version": "0.22.0"},
        "is of PEFT 0.22.0, and up to 0.21.2 the change of out_proj .*twice",
    ),
    "another patch": (
        GOOD,
        {"base_model_name_or_path": "openai/clip-vit-base-patch32"},
        "'openai/clip-vit-base-patch32', with patches of 32 pixels, and the model has .* of 16;",
    ),
    "another patch by open_clip's name": (
        GOOD,
        {"base_model_name_or_path": "ViT-L-14"},
        "'ViT-L-14', with patches of 14 pixels",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_adapter_is_one_sentence(kind, network, tmp_path):
    state, about, words = WRONG[kind]
    folder = write(tmp_path / "a", state, **about)
    with pytest.raises(ValueError, match=words) as caught:
        checkpoints.load("peft", folder, network)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and str(folder) in sentence


@pytest.mark.parametrize("about", [{"base_model_name_or_path": "/home/me/vit-base-16-mine"}, {}])
def test_a_good_adapter_is_read(about, network, tmp_path):
    checkpoints.load("peft", write(tmp_path / "a", GOOD, **about), network)


def test_a_linear_layer_disregards_fan_in_fan_out_as_in_peft(network, tmp_path, caplog):
    expected = {f"{FC}.weight": change(FC, GOOD, 5 / 3)}
    folder = write(tmp_path / "a", GOOD, fan_in_fan_out=True)
    expect(checkpoints.load("peft", folder, network), expected)
    assert "fan_in_fan_out is taken for false" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "has no adapter_config.json beside it"),
        ("{", "cannot be read"),
        ("[]", "holds list, expected a map"),
        ('{"r": 1, "r": 2}', "'r' stands twice"),
    ],
)
def test_a_config_that_cannot_be_read_is_one_sentence(text, words, network, tmp_path):
    folder = write(tmp_path / "a", GOOD)
    file = folder / "adapter_config.json"
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(ValueError, match=words):
        checkpoints.load("peft", folder, network)


def test_folders_and_layouts_are_told_apart(network, tmp_path):
    folder = write(tmp_path / "a", GOOD)
    for name in ("state_dict", "fusionbench"):
        with pytest.raises(ValueError, match="is a LoRA adapter.*merge_and_unload.*layout 'peft'"):
            checkpoints.load(name, folder, network)
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match="expected adapter_model.safetensors or adapter_model.bin"):
        checkpoints.load("peft", tmp_path / "b", network)
    save_file({**network.visual.state_dict(), **GOOD}, tmp_path / "c.safetensors")
    with pytest.raises(ValueError, match="beside the weights it has a LoRA adapter"):
        checkpoints.load("state_dict", tmp_path / "c.safetensors", network)


def test_biases_in_an_adapter_do_not_make_it_another_layout(network, tmp_path):
    state = {
        f"base_model.model.{name}": value.contiguous()
        for name, value in network.visual.state_dict().items()
        if "bias" in name
    }
    save_file(state | {f"base_model.model.{k}": v for k, v in GOOD.items()}, tmp_path / "a.bin")
    with pytest.raises(ValueError, match="not in layout 'state_dict'.*looks like layout 'peft'"):
        checkpoints.load("state_dict", tmp_path / "a.bin", network)


def test_the_config_is_an_input_of_the_vector(tmp_path):
    folder = write(tmp_path / "a", GOOD)
    about = {
        "checkpoints": {
            "lora": {"layout": "peft", "folder": str(tmp_path), "files": {"one": "a"}},
        },
        "tasks": ["one"],
        "models": ["m"],
        "seeds": [0],
    }
    (file,) = checkpoints.sources(about).values()
    assert weights.parts(file) == [
        folder / "adapter_model.safetensors",
        folder / "adapter_config.json",
    ]


def test_ranks_stand_for_names_at_their_ends_only():
    """As PEFT reads them: an expression for the end of a path, from a dot on."""
    from tangent_bench.checkpoints._adapter_config import Adapter

    adapter = Adapter(FIXTURE, {"r": 8, "rank_pattern": {"fc1": 2, "mlp.c_.*": 3}})
    assert adapter.rank("encoder.layers.0.mlp.fc1") == 2
    assert adapter.rank("encoder.layers.0.mlp.fc12") == adapter.rank("a.xfc1") == 8
    assert adapter.rank("a.mlp.c_proj") == 3
    assert re.match(r"(.*\.)?(fc1)$", "a.xfc1") is None
