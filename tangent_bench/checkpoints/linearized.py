"""Linear checkpoints of the official code: the state dict of a `LinearizedImageEncoder`, parameters by position.

`model.params.i` is θ*, `model.params0.i` is θ0; i counts the parameters of the ImageEncoder in the order in which its
modules were made. That is open_clip's model without the text transformer, so that the rest of the text tower is
counted too. The order is the same in open_clip 2.0.2, 2.10.1 (the official environment) and 3.3; since a position says
nothing by itself, every shape is compared with that of our name, and every value of θ0 with ours.
"""

from __future__ import annotations

from torch import Tensor, nn

from tangent_bench.checkpoints import Checkpoint, Content, Layout, _files

LAYOUT = Layout(
    title="LinearizedImageEncoder",
    holds="a state dict of parameters by position, model.params.0, ... and model.params0.0, ...",
    reference="Ortiz-Jimenez et al. 2023, src/linearize.py of the official code",
)
THETA, THETA0 = "model.params", "model.params0"
_DELETED = "transformer."  # the ImageEncoder drops the text transformer
_TOWER = "visual."


def recognises(content: Content, network: nn.Module) -> bool:
    """Whether there are parameters by position."""
    return any(name.startswith((f"{THETA}.", f"{THETA0}.")) for name in content.tensors)


def read(content: Content, network: nn.Module) -> Checkpoint:
    """θ* and θ0 of the image tower.

    Raises:
        ValueError: another number of parameters than the model's, or another shape at a position.
    """
    shapes = {n: p.shape for n, p in network.named_parameters() if not n.startswith(_DELETED)}
    wanted = [f"{which}.{i}" for which in (THETA, THETA0) for i in range(len(shapes))]
    _files.require_names(content.path, content.tensors, wanted)
    theta, theta0 = (_by_name(content, which, shapes) for which in (THETA, THETA0))
    return Checkpoint(theta, theta0)


def _by_name(content: Content, which: str, shapes: dict) -> dict[str, Tensor]:
    """The image tower's share of the parameters at positions, under our names."""
    found = {}
    for i, (name, shape) in enumerate(shapes.items()):
        value = content.tensors[f"{which}.{i}"]
        if value.shape != shape:
            raise ValueError(
                f"{content.path} has shape {tuple(value.shape)} at '{which}.{i}', where the model has {name!r} of "
                f"shape {tuple(shape)}; it is of another model, or its parameters stand in another order."
            )
        if name.startswith(_TOWER):
            found[name.removeprefix(_TOWER)] = value
    return found
