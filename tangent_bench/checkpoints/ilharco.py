"""Ilharco et al.'s checkpoints, and the non-linear ones of the official code: an `ImageEncoder`, pickled whole.

Such a file names classes of a repository (`src.modeling.ImageEncoder`) and of an old open_clip (2.0.2,
`open_clip.model.VisualTransformer`), so that `torch.load` needs both and runs what the file says. Here it is read as
data: parameters by name, classes as names.
"""

from __future__ import annotations

from torch import nn

from tangent_bench.checkpoints import Checkpoint, Content, Layout, _files

LAYOUT = Layout(
    title="Pickled ImageEncoder",
    holds="a pickled module with an open_clip model inside, such as src.modeling.ImageEncoder",
    reference="Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023 (mlfoundations/task_vectors)",
)


def recognises(content: Content, network: nn.Module) -> bool:
    """Whether it is a pickled module with an image tower."""
    return bool(content.module) and _files.prefix(content, network) is not None


def read(content: Content, network: nn.Module) -> Checkpoint:
    """θ* under the module's own names; what is left of the text tower is not looked at."""
    return Checkpoint(_files.tower(content, network))
