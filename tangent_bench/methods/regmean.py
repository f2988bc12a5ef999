"""RegMean: the weight matrices whose outputs are nearest to those of each task's own matrices.

For each matrix W [inputs, outputs] with inputs X_t of task t, at its own fine-tuned weights θ0 +
τ_t, W minimises

    Σ_t ‖X_t W − X_t W_t‖²,
    so that   W = (Σ_t G_t)⁻¹ Σ_t G_t W_t,   G_t = X_tᵀ X_t / (number of images),

with off-diagonal entries of every G_t multiplied by `off_diagonal`. All other parameters are
averaged, biases too. With τ̄ the average of the τ_t the same reads

    direction = τ̄ + (Σ_t G_t)⁻¹ Σ_t G_t (τ_t − τ̄),

in which one task gives its vector back. It is solved in float64 in units in which Σ_t G_t has ones
on its diagonal, to which `ridge` is added, so that directions that no input takes are averaged.
Watching the network shows which parameters are matrices (`_grams`): in an open_clip image tower
in_proj_weight, out_proj, c_fc, c_proj and `proj`; in another network every 2-D weight that its
input is multiplied by. Images of a task with fewer than `images` weigh more, so that tasks weigh
alike.

Memory for ViT-B/32: Σ G, the G of one task, Σ G τ, τ̄ and θ0 + τ are about six models. From memory:
the section of the paper. The off-diagonal factor is FusionBench's; the authors' configurations of
language models have 0.1 (nine) and 0.9 (one). RegMean has no coefficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.methods._grams import Gram

_OTHER = "inputs are those of the fine-tuned network, which depends on the vectors"
METHOD = Method(
    title="RegMean",
    reference="Jin et al., Dataless Knowledge Fusion by Merging Weights of Language Models, "
    "ICLR 2023, section 3",
    data="unlabelled train",
    coefficients=(1.0, 1.0, 1),
    parameters={
        "images": Parameter(256, "images of each task that inputs are taken from", 1),
        "off_diagonal": Parameter(
            0.95, "factor of the off-diagonal entries of the Gram matrices", 0.0, 1.0
        ),
        "ridge": Parameter(1e-6, "pull towards the average, beside a diagonal of ones", 1e-12),
    },
    exceptions={"scaling": _OTHER, "sign": _OTHER},
    negates=False,
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The average, and on top of it the solution of each matrix's normal equations."""
    from tangent_bench.methods import _grams, _passes, _streams

    values = context.hyper_parameters
    data = context.data
    direction = _streams.merge_each(vectors, lambda name, stack: stack.mean(0))
    equations: dict[str, NormalEquations] = {}
    for task, vector in vectors.items():
        theta = _passes.fine_tuned(context, vector)
        grams = _grams.grams(data.network, theta, data.images(task, values["images"]))
        for name, gram in grams.items():
            own = NormalEquations.of(gram, vector[name] - direction[name], values["off_diagonal"])
            equations[name] = equations[name].plus(own) if name in equations else own
    for name, equation in equations.items():
        direction[name] += equation.solve(name, values["ridge"]).to(direction[name])
    return direction


@dataclass(frozen=True)
class NormalEquations:
    """The normal equations of one matrix, summed over tasks.

    Attributes:
        left: Σ_t G_t [inputs, inputs].
        right: Σ_t G_t (τ_t − τ̄) [inputs, outputs].
        gram: of the last task; knows how the matrix is stored.
    """

    left: Tensor
    right: Tensor
    gram: Gram

    @classmethod
    def of(cls, gram: Gram, moved: Tensor, off_diagonal: float) -> NormalEquations:
        """The equations of one task.

        Args:
            gram: G_t.
            moved: τ_t − τ̄ as the matrix is stored.
            off_diagonal: factor of the off-diagonal entries of G_t.
        """
        left = off_diagonal * gram.matrix
        left.diagonal().copy_(gram.matrix.diagonal())
        return cls(left, left @ gram.turn(moved.to(left.device)), gram)

    def plus(self, other: NormalEquations) -> NormalEquations:
        """The equations of these tasks and of one `other`."""
        return NormalEquations(self.left + other.left, self.right + other.right, other.gram)

    def solve(self, name: str, ridge: float) -> Tensor:
        """(Σ G)⁻¹ Σ G (τ − τ̄), as the matrix is stored, float64.

        Args:
            name: of the matrix, for the error's sentence.
            ridge: added to a diagonal of ones.

        Raises:
            ValueError: rounding made the matrix indefinite, which only a factor of the off-diagonal
                near 1 allows.
        """
        import torch

        size = self.left.diagonal().double().sqrt()
        # The row of an input that is always 0 is 0 in the solution.
        size[size == 0] = 1.0
        scaled = self.left.double() / size / size[:, None]
        scaled.diagonal().add_(ridge)
        factor, failed = torch.linalg.cholesky_ex(scaled)
        if failed:
            raise ValueError(
                f"RegMean: the Gram matrix of {name!r} is singular up to rounding at ridge "
                f"{ridge:g}; lower `off_diagonal` or raise `ridge`."
            )
        solution = torch.cholesky_solve(self.right.double() / size[:, None], factor)
        return self.gram.turn(solution / size[:, None])
