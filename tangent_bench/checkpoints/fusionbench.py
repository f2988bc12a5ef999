"""FusionBench's checkpoints: `CLIPVisionModel` of Hugging Face's transformers.

They hold the image tower up to the pooled token, without the visual projection. FusionBench
fine-tunes with the projection frozen and takes that of the pre-trained CLIP, so τ is 0 there. A
file of a whole `CLIPModel`, or of `CLIPVisionModelWithProjection`, brings its own projection, as a
`Linear` (transposed). Of `CLIPForImageClassification` the tower is read, and a warning names the
head that is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.checkpoints import Checkpoint, Content, Layout
from tangent_bench.weights import _transformers

if TYPE_CHECKING:
    from tangent_bench.models import Clip

LAYOUT = Layout(
    title="CLIPVisionModel",
    holds="a CLIPVisionModel of transformers, or a model of theirs with one inside "
    "(model.safetensors, pytorch_model.bin, or shards)",
    reference="Tang et al., FusionBench, 2024; hub: tanganke/clip-vit-base-patch32_sun397 and its "
    "like",
)


def recognises(content: Content, network: Clip) -> bool:
    """Whether it has a name that only transformers' files have."""
    return not content.module and _transformers.recognises(content)


def read(content: Content, network: Clip) -> Checkpoint:
    """θ* under our names.

    Raises:
        ValueError: names that are missing or unknown, or a `config.json` beside the file that is of
            another network.
    """
    _transformers.require_config(content.path, network.visual)
    ours = dict(network.visual.named_parameters())
    return Checkpoint(_transformers.vision(content, ours, "layout 'fusionbench'"))
