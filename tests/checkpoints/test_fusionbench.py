"""FusionBench's layout against transformers: the same outputs on random weights and images."""

from __future__ import annotations

import json

import pytest
import torch

from tangent_bench import checkpoints, models
from tangent_bench.models import Model
from tangent_bench.tangent.linearize import parameters
from tangent_bench.weights import _transformers
from tests import small

transformers = pytest.importorskip("transformers")
FULL = {  # open_clip's name → width, layers, heads, patch, embedding
    "ViT-B-32-quickgelu": (768, 12, 12, 32, 512),
    "ViT-B-16-quickgelu": (768, 12, 12, 16, 512),
    "ViT-L-14-quickgelu": (1024, 24, 16, 14, 768),
}


def vision_model(side, patch, width, layers, heads, mlp, embedding, quick, projected=False):
    """transformers' model with random weights of a size at which every one of them matters."""
    config = transformers.CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=mlp,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        image_size=side,
        patch_size=patch,
        projection_dim=embedding,
        hidden_act="quick_gelu" if quick else "gelu",
    )
    kind = transformers.CLIPVisionModelWithProjection if projected else transformers.CLIPVisionModel
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(7)
        found = kind(config).eval()
        for value in found.parameters():
            value.add_(torch.randn_like(value) * 0.02)
    return found


def tower(network, theta0, path):
    """Our image tower at θ0 + τ of the file."""
    tau = checkpoints.load("fusionbench", path, network)
    network.visual.load_state_dict({key: theta0[key] + tau[key] for key in theta0}, strict=False)
    return network.visual


def near(network, theirs):
    """Make θ0 lie near the checkpoint, as a pre-trained tower does."""
    with torch.no_grad():
        state = {k.removeprefix("vision_model."): v for k, v in theirs.state_dict().items()}
        for name, value in network.visual.named_parameters():
            if name != "proj":
                parts = [state[n] for n in _transformers.names(name)]
                value.copy_(torch.cat(parts) if len(parts) > 1 else parts[0])
                value.add_(torch.randn_like(value) * 0.01)
    return network


def agree(theirs, network, images, path):
    """Their pooled output through our projection is what our tower says, to 1e-5 of its size."""
    with torch.no_grad():
        expected = theirs(images).pooler_output @ network.visual.proj
        found = tower(network, parameters(network.visual), path)(images)
    gap = float((found - expected).abs().max() / expected.abs().max())
    assert gap < 1e-5, gap


def small_model(folder, quick: bool):
    config = {**small.CONFIG, "quick_gelu": quick}
    file = folder / f"hf-{quick}.json".lower()
    file.write_text(json.dumps(config), encoding="utf-8")
    merges = small.clip_model(folder).merges
    return models.create(Model("HF", file.stem, None, config=str(file), merges=merges), "random", 3)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_outputs_are_those_of_transformers(clip_folder, tmp_path, quick, ending):
    theirs = vision_model(32, 16, 16, 2, 2, 32, 6, quick)
    network = near(small_model(clip_folder, quick), theirs)
    path = tmp_path / f"model.{ending}"
    if ending == "bin":  # as transformers 4 wrote it: a prefix, and a buffer
        state = {
            f"vision_model.{k.removeprefix('vision_model.')}": v
            for k, v in theirs.state_dict().items()
        }
        torch.save(state | {"vision_model.embeddings.position_ids": torch.arange(5)[None]}, path)
    else:
        theirs.save_pretrained(tmp_path)
    agree(theirs, network, small.images(4, 3, 32, 32, dtype=torch.float32), path)


def test_a_projection_of_its_own_is_taken_transposed(clip_folder, tmp_path):
    theirs = vision_model(32, 16, 16, 2, 2, 32, 6, True, projected=True)
    theirs.save_pretrained(tmp_path)
    network = near(small_model(clip_folder, True), theirs)
    images = small.images(4, 3, 32, 32, dtype=torch.float32)
    with torch.no_grad():
        network.visual.proj.copy_(theirs.visual_projection.weight.T + 0.01)
        expected = theirs(images).image_embeds
        found = tower(network, parameters(network.visual), tmp_path / "model.safetensors")(images)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


@pytest.mark.parametrize(("quick", "key"), [(False, "hidden_act"), (True, "num_attention_heads")])
def test_what_shapes_do_not_tell_is_read_from_the_config(clip_folder, tmp_path, quick, key):
    theirs = vision_model(32, 16, 16, 2, 4 if quick else 2, 32, 6, True)
    theirs.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"config.json has {key} .* another model"):
        checkpoints.load(
            "fusionbench",
            tmp_path / "model.safetensors",
            near(small_model(clip_folder, quick), theirs),
        )


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_outputs_at_full_size(name, tmp_path):
    width, layers, heads, patch, embedding = FULL[name]
    theirs = vision_model(224, patch, width, layers, heads, 4 * width, embedding, True)
    theirs.save_pretrained(tmp_path)
    network = near(models.create(Model(name, name, None), "random", 3), theirs)
    agree(
        theirs,
        network,
        small.images(2, 3, 224, 224, dtype=torch.float32),
        tmp_path / "model.safetensors",
    )


# A whole CLIPModel, and what else has the tower inside


def clip(kind=None, quick: bool = True):
    """transformers' CLIPModel (or another class) of the small model's shape."""
    sizes = {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "projection_dim": 6,
        "hidden_act": "quick_gelu" if quick else "gelu",
    }
    vision = {"intermediate_size": 32, "num_hidden_layers": 2, "image_size": 32, "patch_size": 16}
    text = {
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "vocab_size": 2514,
        "max_position_embeddings": 24,
        "bos_token_id": 0,
        "eos_token_id": 2,  # as OpenAI's: the largest token ends a text
        "pad_token_id": 1,
    }
    config = transformers.CLIPConfig(
        text_config=sizes | text, vision_config=sizes | vision, projection_dim=6
    )
    config.num_labels = 3
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(7)
        found = (kind or transformers.CLIPModel)(config).eval()
        for value in found.parameters():
            value.add_(torch.randn_like(value) * 0.02)
    return found


KINDS = ("CLIPModel", "CLIPForImageClassification", "CLIPVisionModelWithProjection")


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("kind", ["CLIPModel", "CLIPForImageClassification"])
def test_the_tower_inside_a_larger_model_is_read(kind, sharded, clip_folder, tmp_path, caplog):
    theirs = clip(getattr(transformers, kind))
    theirs.save_pretrained(tmp_path, max_shard_size="5KB" if sharded else "1GB")
    network = near(small_model(clip_folder, True), theirs)
    images = small.images(4, 3, 32, 32, dtype=torch.float32)
    with torch.no_grad():
        pooled = theirs.vision_model(images).pooler_output
        if kind == "CLIPModel":
            network.visual.proj.copy_(theirs.visual_projection.weight.T + 0.01)
            expected = theirs.visual_projection(pooled)
        else:
            expected = pooled @ network.visual.proj
        with caplog.at_level("WARNING"):
            found = tower(network, parameters(network.visual), tmp_path)(images)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5
    said = [r.getMessage() for r in caplog.records if "is read, but not" in r.getMessage()]
    assert len(said) == (kind != "CLIPModel") and all("classifier" in text for text in said)


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "model.clip."])
def test_the_tower_inside_a_checkpoint_of_a_training_is_read(wrapper, clip_folder, tmp_path):
    theirs = clip()
    network = near(small_model(clip_folder, True), theirs)
    theirs.save_pretrained(tmp_path)
    expected = checkpoints.load("fusionbench", tmp_path / "model.safetensors", network)
    state = {f"{wrapper}{key}": value for key, value in theirs.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "a.pt")
    tau = checkpoints.load("fusionbench", tmp_path / "a.pt", network)
    assert all(torch.equal(tau[key], value) for key, value in expected.items())


@pytest.mark.parametrize("kept", ["safetensors", "shards", "a training"])
def test_a_whole_model_of_theirs_is_a_model_of_ones_own(kept, clip_folder, tmp_path):
    """Both towers say what transformers says."""
    theirs = clip()
    theirs.save_pretrained(tmp_path, max_shard_size="20KB" if kept == "shards" else "1GB")
    path = tmp_path
    if kept == "a training":
        path = tmp_path / "a.pt"
        state = {f"module.{key}": value for key, value in theirs.state_dict().items()}
        torch.save({"model": state, "epoch": 3}, path)
    small_model(clip_folder, True)
    about = models.find(
        "own",
        {
            "own": {
                "architecture": "hf-true",
                "config": str(clip_folder / "hf-true.json"),
                "weights": str(path),
                "merges": small.clip_model(clip_folder).merges,
            }
        },
    )
    network = models.create(about)
    images = small.images(4, 3, 32, 32, dtype=torch.float32)
    tokens = torch.tensor([[3, 7, 9, 2513, *[0] * 20], [3, 5, 2513, *[0] * 21]])
    with torch.no_grad():
        vision = theirs.visual_projection(theirs.vision_model(images).pooler_output)
        text = theirs.text_projection(theirs.text_model(tokens).pooler_output)
        pairs = ((network.encode_image(images), vision), (network.encode_text(tokens), text))
    for found, expected in pairs:
        assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5
    assert torch.equal(network.logit_scale.detach(), theirs.logit_scale.detach())


def test_a_whole_model_of_another_activation_is_refused(clip_folder, tmp_path):
    clip(quick=False).save_pretrained(tmp_path)
    network = small_model(clip_folder, True)
    with pytest.raises(ValueError, match=r"config\.json has hidden_act 'gelu'"):
        checkpoints.load("fusionbench", tmp_path, network)


def test_a_model_of_theirs_that_lacks_a_tower_is_named(clip_folder, tmp_path):
    small_model(clip_folder, True)
    entry = {"architecture": "hf-true", "config": str(clip_folder / "hf-true.json")}
    state = clip().state_dict()
    del state["text_model.final_layer_norm.bias"]
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"lacks 'text_model\.final_layer_norm\.bias' \(1 of"):
        models.create(models.find("own", {"own": entry | {"weights": str(tmp_path / "a.pt")}}))
    for kind in KINDS[1:]:
        config = clip().config
        of_vision = config if kind != "CLIPVisionModelWithProjection" else config.vision_config
        folder = tmp_path / kind
        getattr(transformers, kind)(of_vision).save_pretrained(folder)
        with pytest.raises(ValueError, match="holds an image tower alone"):
            models.create(models.find("own", {"own": entry | {"weights": str(folder)}}))
