"""CLIP of Hugging Face's transformers under open_clip's names.

A file may be of CLIPModel, CLIPForImageClassification, CLIPVisionModel or
CLIPVisionModelWithProjection. Projections are `Linear` there, so they are stored transposed. Query,
key and value are three matrices where open_clip has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tangent_bench.weights import _towers

if TYPE_CHECKING:
    from tangent_bench.weights import Content

PROJECTION = "visual_projection.weight"
# transformers below 5 put it before every name but that of the projection.
VISION = "vision_model."
TEXT = "text_model."
_IGNORED = ("embeddings.position_ids",)  # a buffer of older versions: 0, 1, 2, ...
_OUTSIDE = {  # ours → theirs
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "ln_pre": "pre_layrnorm",  # their spelling
    "ln_post": "post_layernorm",
    "ln_final": "final_layer_norm",
}
_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
# What a whole model has beside its towers: theirs, ours.
_CLASSES = ("text_projection.weight", "logit_scale", PROJECTION)
_HEADS = ("text_projection", "logit_scale", "visual.proj")


def recognises(content: Content) -> bool:
    """Whether there are names of a vision model's embeddings."""
    for name in content.tensors:
        parts = name.rpartition("/")[2].split(".")
        if parts[-2:-1] == ["patch_embedding"] or parts[-2:] == ["embeddings", "class_embedding"]:
            return True
    return False


def names(ours: str) -> tuple[str, ...]:
    """Their names for one of ours: query, key and value, in this order, where ours is fused.

    They are without the tower's prefix; () if a vision transformer of theirs has none like it.

    >>> names("transformer.resblocks.3.attn.in_proj_bias")[0]
    'encoder.layers.3.self_attn.q_proj.bias'
    """
    stem, _, kind = ours.rpartition(".")
    if ours in _OUTSIDE:
        return (_OUTSIDE[ours],)
    if stem in _OUTSIDE:
        return (f"{_OUTSIDE[stem]}.{kind}",)
    head, _, rest = ours.partition("transformer.resblocks.")
    block, _, inner = rest.partition(".")
    if inner in ("attn.in_proj_weight", "attn.in_proj_bias"):
        kind = inner.rpartition("_")[2]
        return tuple(f"encoder.layers.{block}.self_attn.{part}_proj.{kind}" for part in "qkv")
    part, _, kind = inner.rpartition(".")
    if head or part not in _BLOCK:
        return ()
    return (f"encoder.layers.{block}.{_BLOCK[part]}.{kind}",)


def vision(content: Content, ours: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The image tower under our names; the projection is `ours` if the file has none.

    Args:
        content: of the file.
        ours: the parameters of our image tower.
        what: who reads, for an error's sentence.

    Raises:
        ValueError: names that are missing or unknown, or the model is none of theirs.
    """
    groups = _groups(content, [name for name in ours if name != "proj"], what)
    wanted = list(chain.from_iterable(groups.values()))
    _towers.require_no_lora(content)
    before = _towers.prefix(content, wanted) or ""
    outer = before.removesuffix(VISION)
    found = _towers.inside(content, before)
    _towers.require_names(content, found, wanted, before, [PROJECTION, *_IGNORED])
    _say_unread(content, before, outer)
    theta = _fused(found, groups)
    if "proj" in ours:
        projection = content.tensors.get(outer + PROJECTION)
        theta["proj"] = ours["proj"].detach() if projection is None else projection.T
    return theta


def whole(content: Content, network: nn.Module) -> dict[str, Tensor]:
    """The state dict of a whole open_clip model, of a file of CLIPModel.

    Args:
        content: of the file.
        network: the open_clip model.

    Raises:
        ValueError: names that are missing or unknown, or the model is none of theirs.
    """
    ours = [name for name in network.state_dict() if name not in _HEADS]
    visual = [name.removeprefix("visual.") for name in ours if name.startswith("visual.")]
    text = [name for name in ours if not name.startswith("visual.")]
    what = "a CLIPModel of transformers"
    of_vision = _groups(content, visual, what)
    of_text = _groups(content, text, what)
    wanted = [VISION + name for name in chain.from_iterable(of_vision.values())]
    wanted += [TEXT + name for name in chain.from_iterable(of_text.values())]
    wanted += _CLASSES
    before = _towers.prefix(content, wanted) or ""
    found = _towers.inside(content, before)
    allowed = [VISION + _IGNORED[0], TEXT + _IGNORED[0]]
    _towers.require_names(content, found, wanted, before, allowed)
    _towers.require_floating(content, {before + name: name for name in wanted})
    state = {f"visual.{name}": value for name, value in _fused(found, of_vision, VISION).items()}
    state |= _fused(found, of_text, TEXT)
    state["visual.proj"] = found[PROJECTION].T
    state["text_projection"] = found["text_projection.weight"].T
    state["logit_scale"] = found["logit_scale"]
    return state


def _groups(content: Content, ours: Iterable[str], what: str) -> dict[str, tuple[str, ...]]:
    groups = {name: names(name) for name in ours}
    for name, group in groups.items():
        if not group:
            raise ValueError(
                f"{content.path}: {what} holds transformers, which have no parameter like the "
                f"model's {name!r}; use weights under open_clip's names (layout 'state_dict')."
            )
    return groups


def _fused(
    found: Mapping[str, Tensor], groups: Mapping[str, Iterable[str]], before: str = ""
) -> dict[str, Tensor]:
    """Our tensor of each group of theirs."""
    fused = {}
    for name, group in groups.items():
        parts = [found[before + part] for part in group]
        fused[name] = torch.cat(parts) if len(parts) > 1 else parts[0]
    return fused


def _say_unread(content: Content, before: str, outer: str) -> None:
    """Warn of a classifier; the text model is known to stand beside the image tower."""
    place, slash, _ = before.rpartition("/")
    known = set()
    for name in _towers.inside(content, place + slash):
        whole_name = place + slash + name
        inner = whole_name.removeprefix(outer)
        if whole_name.startswith(before) or inner.startswith(TEXT) or inner in _CLASSES:
            known.add(name)
    _towers.say_unread(content, before, known)


def require_config(path: Path, visual: nn.Module) -> None:
    """Raise if the config beside the file differs in what shapes do not tell.

    Args:
        path: of the weights.
        visual: our image tower.

    Raises:
        ValueError: the config cannot be read, or is of another network.
    """
    file = path.with_name("config.json")
    ours = config(visual)
    if not ours or not file.is_file():
        return
    try:
        theirs = dict(json.loads(file.read_text(encoding="utf-8")))
        theirs = dict(theirs.get("vision_config") or theirs)  # of a CLIPModel
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


def config(visual: nn.Module) -> dict[str, str | int]:
    """Activation and number of heads as a `config.json` has them; {} without attention."""
    modules = list(visual.modules())
    is_quick = any(type(module).__name__ == "QuickGELU" for module in modules)
    for module in modules:
        if isinstance(module, nn.MultiheadAttention):
            return {
                "hidden_act": "quick_gelu" if is_quick else "gelu",
                "num_attention_heads": module.num_heads,
            }
    return {}
