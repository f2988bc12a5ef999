"""Folders of transformers: the merged image tower as CLIPVisionModel, with a config.

With its projection it is a CLIPVisionModelWithProjection, which CLIPVisionModel reads as well.
FusionBench keeps models without it, and takes that of the pre-trained CLIP.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench.export._open_clip import HEADER, KIND
from tangent_bench.store import artefacts

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.export._ingredients import Ingredients
    from tangent_bench.export._merged import Merged
    from tangent_bench.models import ImageTower

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
PICTURES = "preprocessor_config.json"
FILES = (WEIGHTS, CONFIG, PICTURES)


class HuggingFace:
    """A folder for `CLIPVisionModelWithProjection.from_pretrained`."""

    is_folder = True
    model_class = "CLIPVisionModelWithProjection"

    def require(self, ingredients: Ingredients) -> None:
        _require_vision_model(ingredients.clip.visual, ingredients.model.architecture)

    def write(self, merged: Merged, out: Path) -> None:
        """Writes the configs first, and the weights when all else is there."""
        visual = merged.ingredients.clip.visual
        files = {CONFIG: _config(visual, self.model_class), PICTURES: _pictures(visual)}
        for name, content in files.items():
            artefacts.write_text(out / name, json.dumps(content, indent=2) + "\n")
        arrays = {}
        for name, value in self.tensors(merged.tower).items():
            arrays[name] = value.detach().contiguous().numpy()
        artefacts.save(out / WEIGHTS, KIND, arrays, HEADER, **merged.about)

    def tensors(self, tower: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The image tower under the names of transformers."""
        from tangent_bench.weights import _transformers

        found = {}
        for ours, value in tower.items():
            theirs = _transformers.names(ours)
            for name, part in zip(theirs, value.chunk(max(len(theirs), 1))):
                found[_transformers.VISION + name] = part
        found[_transformers.PROJECTION] = tower["proj"].T
        return found

    def usage(self, merged: Merged, out: Path) -> str:
        return (
            f"from transformers import {self.model_class}\n"
            f'model = {self.model_class}.from_pretrained("{out}")'
        )


class FusionBench(HuggingFace):
    """A folder as FusionBench's own, for `CLIPVisionModel.from_pretrained`."""

    model_class = "CLIPVisionModel"

    def require(self, ingredients: Ingredients) -> None:
        super().require(ingredients)
        for task, vector in ingredients.vectors.items():
            if vector["proj"].any():
                raise ValueError(
                    f"FusionBench takes the projection of the pre-trained CLIP, and the vector of "
                    f"{task!r} changes it; use --format huggingface, which has the projection."
                )

    def write(self, merged: Merged, out: Path) -> None:
        if bool((merged.tower["proj"] != merged.ingredients.theta0["proj"]).any()):
            raise ValueError(
                "FusionBench takes the projection of the pre-trained CLIP, and this method changes "
                "it; use --format huggingface, which has the projection."
            )
        super().write(merged, out)

    def tensors(self, tower: Mapping[str, Tensor]) -> dict[str, Tensor]:
        from tangent_bench.weights import _transformers

        found = super().tensors(tower)
        del found[_transformers.PROJECTION]
        return found


def _require_vision_model(visual: ImageTower, architecture: str) -> None:
    """Raise unless transformers' CLIPVisionModel can compute what an image tower does."""
    from tangent_bench.tangent import vision
    from tangent_bench.weights import _transformers

    names = [name for name, _ in visual.named_parameters()]
    absent = {"class_embedding", "proj", "ln_pre.bias", "ln_post.bias"} - set(names)
    strange = [name for name in names if name != "proj" and not _transformers.names(name)]
    is_even = len(set(_epsilons(visual))) == 1
    if not is_even or absent or strange or not vision.supports(visual):
        raise ValueError(
            f"The image tower of {architecture} has no counterpart in transformers' "
            "CLIPVisionModel, which holds vision transformers of OpenAI's kind; use --format "
            "open_clip."
        )


def _epsilons(visual: ImageTower) -> list[float]:
    """What each norm adds to its variance."""
    from torch import nn

    return [module.eps for module in visual.modules() if isinstance(module, nn.LayerNorm)]


def _config(visual: ImageTower, model_class: str) -> dict[str, Any]:
    """What `CLIPVisionConfig` reads."""
    from tangent_bench.weights import _transformers

    shapes = {name: tuple(value.shape) for name, value in visual.named_parameters()}
    width, num_channels, patch, _ = shapes["conv1.weight"]
    num_layers = len({name.split(".")[2] for name in shapes if ".resblocks." in name})
    return {
        "architectures": [model_class],
        "model_type": "clip_vision_model",
        "hidden_size": width,
        "intermediate_size": shapes["transformer.resblocks.0.mlp.c_fc.weight"][0],
        "num_hidden_layers": num_layers,
        "num_channels": num_channels,
        "image_size": _side(visual),
        "patch_size": patch,
        "projection_dim": shapes["proj"][1],
        "layer_norm_eps": _epsilons(visual)[0],
        "attention_dropout": 0.0,
        "torch_dtype": "float32",
        **_transformers.config(visual),
    }


def _side(visual: ImageTower) -> int:
    size = visual.image_size
    return size if isinstance(size, int) else size[0]


def _pictures(visual: ImageTower) -> dict[str, Any]:
    """What `CLIPImageProcessor` reads."""
    side = _side(visual)
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": side},
        "resample": 3,  # bicubic
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(visual.image_mean),
        "image_std": list(visual.image_std),
    }
