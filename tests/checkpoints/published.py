"""Checkpoints as others publish them, made from a small model whose true vector is known."""

from __future__ import annotations

import importlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests import small


def fine_tuned(network: nn.Module) -> dict[str, Tensor]:
    """θ* = θ0 + τ by the tower's names; every entry of τ differs from every other."""
    return {
        k: v + small.normal("fine-tuned", k, shape=v.shape).float() / 50
        for k, v in _tower(network).items()
    }


def _tower(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.visual.named_parameters()}


def put(network: nn.Module, theta: Mapping[str, Tensor]) -> nn.Module:
    """The network with θ* in its image tower."""
    network.visual.load_state_dict(dict(theta), strict=False)
    return network


SOURCE = """
from torch import nn


class ImageEncoder(nn.Module):
    def __init__(self, model, transform):
        super().__init__()
        self.model, self.train_preprocess, self.val_preprocess = model, transform, transform
        self.cache_dir = None
        if hasattr(self.model, "transformer"):
            del self.model.transformer

    def forward(self, images):
        return self.model.encode_image(images)
"""


@contextmanager
def repository() -> Iterator[Callable[[nn.Module], nn.Module]]:
    """`src.modeling.ImageEncoder` as the field's repositories define it, importable only within."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "src").mkdir()
        (Path(folder) / "src/modeling.py").write_text(SOURCE, encoding="utf-8")
        sys.path.insert(0, folder)
        try:
            module = importlib.import_module("src.modeling")
            yield lambda model: module.ImageEncoder(
                model, image_transform_v2(PreprocessCfg(size=32), is_train=True)
            )
        finally:
            sys.path.remove(folder)
            for name in ("src", "src.modeling"):
                sys.modules.pop(name, None)


def image_encoder(
    make: Callable[[], nn.Module], theta: Mapping[str, Tensor], path: Path, archive: bool = True
) -> Path:
    """Ilharco et al.'s layout: the whole module, pickled by reference to a class.

    The class cannot be imported afterwards.
    """
    with repository() as encoder:
        torch.save(encoder(put(make(), theta)), path, _use_new_zipfile_serialization=archive)
    return path


def linearized(make: Callable[[], nn.Module], theta: Mapping[str, Tensor], path: Path) -> Path:
    """The official linear layout, by the names that `nn.ParameterList` gives."""
    with repository() as encoder:
        before = encoder(make())
        after = encoder(put(make(), theta))
    inner = nn.Module()
    inner.params, inner.params0 = (nn.ParameterList(m.parameters()) for m in (after, before))
    outer = nn.Module()
    outer.model = inner
    torch.save({**outer.state_dict(), "model_name": "ViT-B-32"}, path)
    return path


def state_dict(make: Callable[[], nn.Module], theta: Mapping[str, Tensor], path: Path) -> Path:
    """A state dict of the whole open_clip model, as safetensors or pickled."""
    state = put(make(), theta).state_dict()
    if path.suffix == ".safetensors":
        save_file({k: v.contiguous() for k, v in state.items()}, path)
    else:
        torch.save(state, path)
    return path


THEIR_NAMES = {
    "transformer.resblocks": "encoder.layers",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.": "self_attn.",
    "ln_pre": "pre_layrnorm",
    "ln_post": "post_layernorm",
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1": "embeddings.patch_embedding",
}


def vision_model(theta: Mapping[str, Tensor], path: Path) -> Path:
    """FusionBench's layout, written by hand: keys of transformers 4 with their prefix."""
    found = {}
    for name, value in theta.items():
        for theirs, part in _renamed(name, value):
            found[f"vision_model.{theirs}"] = part.contiguous()
    save_file(found, path)
    return path


def adapter(theta: Mapping[str, Tensor], theta0: Mapping[str, Tensor], path: Path) -> Path:
    """PEFT's layout, written by hand: ranks so high that B A is any change of a matrix.

    Norms and biases are kept whole. What belongs to no module cannot be adapted.
    """
    found = {}
    ranks = {}
    for name, value in theta.items():
        module, _, kind = name.rpartition(".")
        if kind in ("weight", "in_proj_weight") and value.ndim > 1:
            # Attention is one module for PEFT, and has one rank for both matrices.
            target = module.removesuffix(".out_proj")
            rank = len(theta[f"{target}.in_proj_weight"]) if "attn" in target else len(value)
            ranks[re.escape(target)] = rank
            ones = [1] * (value.ndim - 2)
            place = module.replace("attn.out_proj", "attn.base_layer.out_proj")
            rows = torch.zeros(rank, *value.shape[1:])
            rows[: len(value)] = value - theta0[name]
            if place != module:
                rows /= 2  # it counts twice
            found[f"{place}.lora_A.weight"] = rows
            found[f"{place}.lora_B.weight"] = torch.eye(len(value), rank).view(-1, rank, *ones)
        elif module:
            found[name] = value
    save_file({f"base_model.model.{k}": v.contiguous() for k, v in found.items()}, path)
    about = {
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 8,
        "rank_pattern": ranks,
        "alpha_pattern": ranks,
        "target_modules": ["attn", "c_fc", "c_proj", "conv1"],
        "modules_to_save": ["ln_1", "ln_2", "ln_pre", "ln_post"],
        "bias": "all",
    }
    path.with_name("adapter_config.json").write_text(json.dumps(about), encoding="utf-8")
    return path


def _renamed(name: str, value: Tensor) -> list[tuple[str, Tensor]]:
    if name == "proj":
        return []
    if "in_proj" in name:
        layer = name.split(".")[2]
        kind = name.rpartition("_")[2]
        parts = value.chunk(3)
        return [
            (f"encoder.layers.{layer}.self_attn.{w}_proj.{kind}", p)
            for w, p in zip("qkv", parts, strict=True)
        ]
    for ours, theirs in THEIR_NAMES.items():
        name = name.replace(ours, theirs)
    return [(name, value)]
