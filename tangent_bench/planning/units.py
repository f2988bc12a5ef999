"""Units of work, and the amounts of them that one job takes.

A unit, (name, model) or (name, ""), is what `costs` has seconds of:

    encode, point     a pass of one image through open_clip's modules; through `vision` (grids of
                      the network)
    primal, tangent   of one image: the pass that tangents share, and one Jacobian product beside it
    <training> step   one image of a training step, crop included; update: the rest of a step
    prompt            a text through the text tower
    kernel pass       a pass of one image for the tangent kernel
    kernel pair       a product of two images' gradients
    sum, dot          a vector added to weights; a product of two vectors
    logit, flop       a logit with a vector added; an operation in products of matrices of NumPy
    basis             a random orthonormal basis of n, for each n³
    wide step         a weight, a point and a step of `ntk_theory`
    draw              a bootstrap count
    decode, decode native, tile
                      an image decoded, a small one, a class of a contact sheet
    byte              read or written, with its digests
    start, start network
                      the start of a job, without and with PyTorch and the model
    second            where seconds are known
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tangent_bench import registry

Unit = tuple[str, str]

# In forward passes of the image tower. A gradient costs two more, a product beside a pass two.
PASSES = {
    "encode": 1.0,
    "point": 1.0,
    "primal": 1.0,
    "tangent": 2.0,
    "kernel pass": 1.0,
}
ROW_BLOCK = 64  # images; `kernel.ROW_BLOCK`, which would bring PyTorch with it


def passes(unit: str) -> float:
    """Forward passes of the image tower that a unit comes to; 0 for work outside of it.

    A step in the network takes a pass and its gradient. A mode that is affine in θ trains in the
    expansion at θ0, whose step has a Jacobian product beside that.

    >>> passes("standard step"), passes("linear step"), passes("draw")
    (3.0, 5.0, 0.0)
    """
    training = unit.removesuffix(" step")
    if training != unit and training in registry.names("training"):
        return 5.0 if registry.load("training", training).TRAINING.affine else 3.0
    return PASSES.get(unit, 0.0)


def pairs(rows: int, columns: int | None = None) -> float:
    """Products of two images' gradients in a tangent kernel.

    A kernel without columns of its own is symmetric: below the diagonal only the rest of each block
    of rows is computed.
    """
    if columns:
        return rows * columns
    return rows * min(rows, (rows + ROW_BLOCK) / 2)


@dataclass
class Work:
    """Work of one job.

    Attributes:
        images: that pass the network, again at every point of weight space.
        units: unit → amount.
        disk: bytes that it leaves, without small files: replicates, tables, figures, headers.
        known: whether there is a formula; if not, the job's start alone is counted.
    """

    images: int = 0
    units: dict[Unit, float] = field(default_factory=dict)
    disk: int = 0
    known: bool = True

    def add(self, name: str, amount: float, model: str = "") -> None:
        """Adds an amount of a unit."""
        if amount:
            self.units[name, model] = self.units.get((name, model), 0) + amount

    @property
    def passes(self) -> float:
        """Forward passes of the image tower that the work comes to."""
        return sum(passes(name) * amount for (name, _), amount in self.units.items())
