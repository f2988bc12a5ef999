"""aTLAS: a coefficient for each task and parameter tensor, learned on labelled validation images.

    direction = Σ_t λ_t,l τ_t,l
    λ minimises  Σ_t mean over validation images of task t of −log p(label; θ0 + direction)

λ begins at `initial` and is learned by AdamW: in each step a batch of every task, the slope in λ
clipped to length 1 (more in `_cross_entropy`). No λ is kept in a range. The method sees the labels
of the validation images, hundreds of numbers are fitted to them, and no α is chosen after that: its
model is α = 1. Accuracies on those images say little about it. The network itself is asked, also
where vectors were made by linear fine-tuning.

Read in the authors' code: start at 0, AdamW with these numbers, the clipped slope, one tensor as a
block, the sum over tasks, batches of 128 images in all (16 of each of eight tasks), 20 passes
through the smallest validation set (480 steps for DTD's 376 images). It keeps the coefficients of
the pass with the best validation accuracy, in 16-bit arithmetic; here those of the last step count,
and batches come from the first `images` of each task, which are held in memory. A step costs
what one of `adamerging` does.
"""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench.methods import Context, Method, Parameter

_OTHER = "the loss from which coefficients are learned is not linear in the vectors"
METHOD = Method(
    title="aTLAS",
    reference="Zhang et al., Knowledge Composition using Task Vectors with Learned Anisotropic "
    "Scaling, NeurIPS 2024, section 3",
    data="labelled validation",
    coefficients=(1.0, 1.0, 1),
    parameters={
        "initial": Parameter(0.0, "coefficient of every tensor before the first step", quick=0.3),
        "steps": Parameter(480, "steps of AdamW", 0, quick=3),
        "rate": Parameter(1e-3, "learning rate of AdamW", 0.0),
        "decay": Parameter(0.1, "weight decay of AdamW, towards 0", 0.0),
        "batch": Parameter(16, "images of each task in a step", 1),
        "images": Parameter(1000, "validation images of each task that batches are drawn from", 1),
    },
    exceptions={
        "one task": "its coefficients begin at `initial`",
        "scaling": _OTHER,
        "sign": _OTHER,
    },
    negates=False,
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The direction with a coefficient for each task and tensor."""
    from tangent_bench.methods import _coefficients, _cross_entropy

    columns = _coefficients.by_tensor(context)
    lambda_TL = _cross_entropy.learn(vectors, context, columns)
    return _coefficients.combine(vectors, lambda_TL, columns)
