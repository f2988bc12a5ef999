"""FusionBench's checkpoints: `CLIPVisionModel` of Hugging Face's transformers.

It holds the image tower up to the pooled token; the visual projection is no part of it. FusionBench fine-tunes with the
projection frozen and takes that of the pre-trained CLIP, so τ is 0 there. A file of `CLIPVisionModelWithProjection`
brings its own, as a `Linear` (transposed).
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from tangent_bench.checkpoints import Checkpoint, Content, Layout, _files

LAYOUT = Layout(
    title="CLIPVisionModel",
    holds="a CLIPVisionModel of transformers (model.safetensors or pytorch_model.bin)",
    reference="Tang et al., FusionBench, 2024; hub: tanganke/clip-vit-base-patch32_sun397 and its like",
)
PREFIX = "vision_model."  # transformers below 5 put it before every name but that of the projection
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


def recognises(content: Content, network: nn.Module) -> bool:
    """Whether there is a name that only they have."""
    return not content.module and any(
        name.removeprefix(PREFIX).startswith("embeddings.") for name in content.tensors
    )


def read(content: Content, network: nn.Module) -> Checkpoint:
    """θ* under our names.

    Raises:
        ValueError: names that are missing or too much, or a `config.json` beside the file that is of another network.
    """
    _require_config(content.path, network)
    theirs = {name.removeprefix(PREFIX): value for name, value in content.tensors.items()}
    ours = dict(network.visual.named_parameters())
    names = {name: _names(name, content.path) for name in ours}
    wanted = {name for group in names.values() for name in group} - {PROJECTION}
    _files.require_names(content.path, theirs, wanted, [PROJECTION, *_IGNORED])
    theta = {
        name: _value([theirs[n] for n in group])
        for name, group in names.items()
        if group != (PROJECTION,)
    }
    theta["proj"] = theirs[PROJECTION].T if PROJECTION in theirs else ours["proj"].detach()
    return Checkpoint(theta)


def _names(name: str, path: Path) -> tuple[str, ...]:
    """Their names for ours: three where ours is fused, query, key and value in this order.

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
        return tuple(f"encoder.layers.{block}.self_attn.{which}_proj.{kind}" for which in "qkv")
    part, _, kind = inner.rpartition(".")
    if head or part not in _BLOCK:
        raise ValueError(
            f"{path}: layout 'fusionbench' holds vision transformers, which have no parameter like the model's "
            f"{name!r}; use layout 'state_dict' for this model."
        )
    return (f"encoder.layers.{block}.{_BLOCK[part]}.{kind}",)


def _value(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _require_config(path: Path, network: nn.Module) -> None:
    """What shapes do not tell: activation and number of heads, if the file's config lies beside it."""
    file = path.with_name("config.json")
    block = next(
        (m for m in network.visual.modules() if isinstance(m, nn.MultiheadAttention)), None
    )
    if block is None or not file.is_file():
        return
    quick = any(type(module).__name__ == "QuickGELU" for module in network.visual.modules())
    ours = {"hidden_act": "quick_gelu" if quick else "gelu", "num_attention_heads": block.num_heads}
    try:
        theirs = dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} cannot be read ({error}); download it again, or take it away."
        ) from None
    for key, value in ours.items():
        if theirs.get(key, value) != value:
            raise ValueError(
                f"{file} has {key} {theirs[key]!r}, and the model has {value!r}; it is of another model (a model "
                "with QuickGELU is named ...-quickgelu in open_clip)."
            )
