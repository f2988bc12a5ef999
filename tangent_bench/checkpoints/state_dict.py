"""A state dict with open_clip's names: of a whole model, of its image tower, or of an ImageEncoder around it."""

from __future__ import annotations

from torch import nn

from tangent_bench.checkpoints import Checkpoint, Content, Layout, _files

LAYOUT = Layout(
    title="State dict of open_clip",
    holds="a state dict with open_clip's names (safetensors, or pickled)",
    reference="open_clip, https://github.com/mlfoundations/open_clip",
)


def recognises(content: Content, network: nn.Module) -> bool:
    """Whether some name of the image tower is there, outside of a pickled module."""
    return not content.module and _files.prefix(content, network) is not None


def read(content: Content, network: nn.Module) -> Checkpoint:
    """θ* under our own names."""
    return Checkpoint(_files.tower(content, network))
