"""Ilharco et al.'s checkpoints, and the non-linear ones of the official code.

Each is an `ImageEncoder`, pickled whole. Such a file names classes of a repository
(`src.modeling.ImageEncoder`) and of an old open_clip (2.0.2, `open_clip.model.VisualTransformer`).
`torch.load` needs both and runs what the file says. Here the file is read as data: parameters by
name, classes as names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.checkpoints import Checkpoint, Content, Layout
from tangent_bench.weights import _towers

if TYPE_CHECKING:
    from tangent_bench.models import Clip

LAYOUT = Layout(
    title="Pickled ImageEncoder",
    holds="a pickled module with an open_clip model inside, such as src.modeling.ImageEncoder",
    reference="Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023 "
    "(mlfoundations/task_vectors)",
)


def recognises(content: Content, network: Clip) -> bool:
    """Whether it is a pickled module with an image tower."""
    return bool(content.module) and _towers.is_in(content, network)


def read(content: Content, network: Clip) -> Checkpoint:
    """θ* under the module's own names; the rest of the text tower is ignored."""
    return Checkpoint(_towers.tower(content, network))
