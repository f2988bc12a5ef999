"""Linear checkpoints of the official code: parameters by position.

They are state dicts of a `LinearizedImageEncoder`. `model.params.i` is θ*, `model.params0.i` is θ0;
i counts the parameters of the ImageEncoder in the order in which its modules were made. The
ImageEncoder is open_clip's model without the text transformer, so the rest of the text tower is
counted too. The order is the same in open_clip 2.0.2, 2.10.1 (the official environment) and 3.3.
Since a position says nothing by itself, every shape is compared with that of our name, and every
value of θ0 with ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from tangent_bench.checkpoints import Checkpoint, Content, Layout
from tangent_bench.weights import _towers

if TYPE_CHECKING:
    from tangent_bench.models import Clip

LAYOUT = Layout(
    title="LinearizedImageEncoder",
    holds="a state dict of parameters by position, model.params.0, ... and model.params0.0, ...",
    reference="Ortiz-Jimenez et al. 2023, src/linearize.py of the official code",
)
THETA = "model.params"
THETA0 = "model.params0"
_POSITION = re.compile(r"(?:^|[./])model\.params0?\.\d+$")
_DELETED = "transformer."  # the ImageEncoder drops the text transformer
_TOWER = "visual."


def recognises(content: Content, network: Clip) -> bool:
    """Whether there are parameters by position."""
    return any(map(_POSITION.search, content.tensors))


def read(content: Content, network: Clip) -> Checkpoint:
    """θ* and θ0 of the image tower.

    Raises:
        ValueError: another number of parameters than the model's, or another shape at a position.
    """
    shapes = {}
    for name, parameter in network.named_parameters():
        if not name.startswith(_DELETED):
            shapes[name] = tuple(parameter.shape)
    positions = range(len(shapes))
    names = [f"{THETA}.{i}" for i in positions] + [f"{THETA0}.{i}" for i in positions]
    before = _towers.prefix(content, names) or ""
    found = _towers.inside(content, before)
    _towers.require_names(content, found, names, before, _towers.BESIDE)
    return Checkpoint(
        _by_name(content, before + THETA, shapes), _by_name(content, before + THETA0, shapes)
    )


def _by_name(
    content: Content, prefix: str, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """The image tower's share of the parameters at positions, under our names.

    Args:
        content: of the file.
        prefix: of the positions.
        shapes: of all parameters that are counted, by our names, in order.
    """
    theta = {}
    for i, (name, shape) in enumerate(shapes.items()):
        value = content.tensors[f"{prefix}.{i}"]
        if tuple(value.shape) != shape:
            raise ValueError(
                f"{content.path} has shape {tuple(value.shape)} at '{prefix}.{i}', where the model "
                f"has {name!r} of shape {shape}; it is of another model, or its parameters stand "
                "in another order."
            )
        if name.startswith(_TOWER):
            theta[name.removeprefix(_TOWER)] = value
    return theta
