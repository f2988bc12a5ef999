"""FusionBench's checkpoints: `CLIPVisionModel` of Hugging Face's transformers.

They hold the image tower up to the pooled token, without the visual projection. FusionBench
fine-tunes with the projection frozen and takes that of the pre-trained CLIP, so τ is 0 there. A
file of `CLIPVisionModelWithProjection` brings its own projection, as a `Linear` (transposed).
"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from tangent_bench.checkpoints import Checkpoint, Content, Layout, _files

if TYPE_CHECKING:
    from tangent_bench.models import Clip

LAYOUT = Layout(
    title="CLIPVisionModel",
    holds="a CLIPVisionModel of transformers (model.safetensors or pytorch_model.bin)",
    reference="Tang et al., FusionBench, 2024; hub: tanganke/clip-vit-base-patch32_sun397 and its "
    "like",
)
# transformers below 5 put it before every name but that of the projection.
PREFIX = "vision_model."
PROJECTION = "visual_projection.weight"
_IGNORED = ("embeddings.position_ids",)  # a buffer of older versions: 0, 1, 2, ...
_OUTSIDE = {  # ours → theirs
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "ln_pre": "pre_layrnorm",  # their spelling
    "ln_post": "post_layernorm",
    "proj": PROJECTION,
}
_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def recognises(content: Content, network: Clip) -> bool:
    """Whether it has a name that only FusionBench's files have."""
    return not content.module and any(
        name.removeprefix(PREFIX).startswith("embeddings.") for name in content.tensors
    )


def read(content: Content, network: Clip) -> Checkpoint:
    """θ* under our names.

    Raises:
        ValueError: names that are missing or unknown, or a `config.json` beside the file that is of
            another network.
    """
    _require_config(content.path, network)
    theirs = {name.removeprefix(PREFIX): value for name, value in content.tensors.items()}
    ours = dict(network.visual.named_parameters())
    groups = {name: _names(name, content.path) for name in ours if name != "proj"}
    required = set(chain.from_iterable(groups.values()))
    _files.require_names(content.path, theirs, required, [PROJECTION, *_IGNORED])
    theta = {}
    for name, group in groups.items():
        parts = [theirs[part] for part in group]
        theta[name] = torch.cat(parts) if len(parts) > 1 else parts[0]
    theta["proj"] = theirs[PROJECTION].T if PROJECTION in theirs else ours["proj"].detach()
    return Checkpoint(theta)


def _names(name: str, path: Path) -> tuple[str, ...]:
    """Their names for ours: query, key and value in this order where ours is fused, else one.

    >>> _names("transformer.resblocks.3.attn.in_proj_bias", Path())[0]
    'encoder.layers.3.self_attn.q_proj.bias'
    """
    stem, _, kind = name.rpartition(".")
    if name in _OUTSIDE or stem in _OUTSIDE:
        return (_OUTSIDE[name] if name in _OUTSIDE else f"{_OUTSIDE[stem]}.{kind}",)
    head, _, rest = name.partition("transformer.resblocks.")
    block, _, inner = rest.partition(".")
    if inner in ("attn.in_proj_weight", "attn.in_proj_bias"):
        kind = inner.rpartition("_")[2]
        return tuple(f"encoder.layers.{block}.self_attn.{part}_proj.{kind}" for part in "qkv")
    part, _, kind = inner.rpartition(".")
    if head or part not in _BLOCK:
        raise ValueError(
            f"{path}: layout 'fusionbench' holds vision transformers, which have no parameter like "
            f"the model's {name!r}; use layout 'state_dict' for this model."
        )
    return (f"encoder.layers.{block}.{_BLOCK[part]}.{kind}",)


def _require_config(path: Path, network: Clip) -> None:
    """Raise if the config beside the file differs in what shapes do not tell."""
    file = path.with_name("config.json")
    ours = _config(network)
    if not ours or not file.is_file():
        return
    try:
        theirs = dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} cannot be read ({error}); download it again, or take it away."
        ) from None
    for key, value in ours.items():
        if theirs.get(key, value) != value:
            raise ValueError(
                f"{file} has {key} {theirs[key]!r}, and the model has {value!r}; it is of another "
                "model (a model with QuickGELU is named ...-quickgelu in open_clip)."
            )


def _config(network: Clip) -> dict[str, str | int]:
    """Activation and number of heads as a `config.json` has them; {} without attention."""
    modules = list(network.visual.modules())
    is_quick = any(type(module).__name__ == "QuickGELU" for module in modules)
    for module in modules:
        if isinstance(module, nn.MultiheadAttention):
            return {
                "hidden_act": "quick_gelu" if is_quick else "gelu",
                "num_attention_heads": module.num_heads,
            }
    return {}
