"""A state dict with open_clip's names: of a model, its image tower, or an ImageEncoder around
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.checkpoints import Checkpoint, Content, Layout
from tangent_bench.weights import _towers

if TYPE_CHECKING:
    from tangent_bench.models import Clip

LAYOUT = Layout(
    title="State dict of open_clip",
    holds="a state dict with open_clip's names (safetensors, or pickled)",
    reference="open_clip, https://github.com/mlfoundations/open_clip",
)


def recognises(content: Content, network: Clip) -> bool:
    """Whether it has some name of the image tower, and is no pickled module."""
    return not content.module and _towers.is_in(content, network)


def read(content: Content, network: Clip) -> Checkpoint:
    """θ* under our own names."""
    return Checkpoint(_towers.tower(content, network))
