"""Fisher merging: the average of the fine-tuned weights, weighted by their Fisher information.

Entry by entry, with the diagonal of the information,

    direction = Σ_t w_t τ_t / Σ_t w_t = argmin_τ Σ_t w_t (τ − τ_t)²,   w_t = max(F_t / ‖F_t‖, floor)
    F_t = (1/N) Σ_n Σ_k p_k(x_n) (∂ log p_k(x_n) / ∂θ)²   at θ0 + τ_t, N training images of t

p is the network's own prediction, so that no label is seen. Classes are weighted by p, not drawn
from it. Drawing would nearly always give the class that a fine-tuned network is sure of, and whose
gradient is nearly 0.

Cost: the sum over k takes one backward pass for each class. A task with more than `passes` classes
gets as many random sums in its place, S = Σ_k s_k √p_k ∂ log p_k / ∂θ with signs s_k = ±1, since
E[S²] is that sum over k.

‖F_t‖, over all entries, makes tasks that are far from sure weigh as much as those that are sure.
The authors' code has it too, but takes the floor before. Here the floor comes last, so that entries
that matter to no task are averaged. This is no detail: the two directions were 38 % of their length
apart in one measurement, and 4 % on four vectors of the tiny model (60 steps, 64 images of each).
The surer the networks, the more entries lie at the floor. `normalized=False` leaves ‖F_t‖ out, as
the paper's equation does. The paper's further weights of tasks, chosen on validation data, are 1.
Read in the authors' code: sum over classes, norm, floor 1e-6. The number of images is that of
FusionBench's configuration. Fisher merging has no coefficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tangent_bench.methods import Context, Method, Parameter

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_OTHER = "the information is that of the fine-tuned network, which depends on the vectors"
METHOD = Method(
    title="Fisher",
    reference="Matena and Raffel, Merging Models with Fisher-Weighted Averaging, NeurIPS 2022, "
    "section 3",
    data="unlabelled train",
    coefficients=(1.0, 1.0, 1),
    parameters={
        "images": Parameter(
            256, "images of each task that the information is taken over", 1, quick=2
        ),
        "passes": Parameter(
            8, "most backward passes an image; above it, classes are summed with random signs", 1
        ),
        "floor": Parameter(1e-6, "least weight of an entry", 1e-30),
        "normalized": Parameter(True, "divide the information of a task by its Euclidean norm"),
    },
    exceptions={"scaling": _OTHER, "sign": _OTHER},
    negates=False,
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """Σ w τ / Σ w, task by task.

    Takes five models of memory and one for each of `passes`, whatever the number of tasks.
    """
    import torch

    floor = context.hyper_parameters["floor"]
    weighted = {name: torch.zeros_like(value) for name, value in context.theta0.items()}
    total = {name: torch.zeros_like(value) for name, value in context.theta0.items()}
    for task, vector in vectors.items():
        fisher = information(context, task, vector)
        scale = 1.0 / _norm(fisher) if context.hyper_parameters["normalized"] else 1.0
        for name, value in fisher.items():
            weight = (scale * value).clamp(min=floor).to(total[name])
            total[name] += weight
            weighted[name] += weight * vector[name]
    return {
        name: value / total[name] if value.is_floating_point() else value
        for name, value in weighted.items()
    }


def _norm(fisher: Mapping[str, Tensor]) -> float:
    """‖F‖ over all entries; 1 if they are all zero."""
    return sum(float(value.double().square().sum()) for value in fisher.values()) ** 0.5 or 1.0


def information(context: Context, task: str, vector: Mapping) -> dict[str, Tensor]:
    """F_t of every floating-point parameter, on the network's device."""
    import torch

    from tangent_bench.methods import _passes
    from tangent_bench.seeds import generator
    from tangent_bench.tangent import heads

    theta = _passes.leaves(_passes.fine_tuned(context, vector))
    encode = _passes.encoder(context.data.network)
    moving = {name: value for name, value in theta.items() if value.requires_grad}
    fisher = {name: torch.zeros_like(value) for name, value in moving.items()}
    images = context.data.images(task, context.hyper_parameters["images"])
    random = generator("fisher", context.seed, task)
    for image in images:
        log_p = heads.logits(encode(theta, image[None]), context.data.heads[task])[0].log_softmax(0)
        rows_PK = readouts(log_p.detach().exp(), context.hyper_parameters["passes"], random)
        # Batched gradients are three to four times as fast as one after the other.
        gradients = torch.autograd.grad(
            log_p, list(moving.values()), rows_PK, is_grads_batched=True, allow_unused=True
        )
        for name, gradient_P in zip(moving, gradients, strict=True):
            if gradient_P is not None:
                fisher[name] += gradient_P.square().sum(0) / len(images)
    return fisher


def readouts(p_K: Tensor, passes: int, random: np.random.Generator) -> Tensor:
    """Rows r [P, K] with Σ_r (∂ r · log p)² = Σ_k p_k (∂ log p_k)², in expectation if P < K.

    Args:
        p_K: probabilities of the classes.
        passes: most rows.
        random: draws the signs.
    """
    import torch

    if len(p_K) <= passes:
        return torch.diag(p_K.sqrt())
    signs_PK = random.choice((-1.0, 1.0), (passes, len(p_K)))
    return torch.as_tensor(signs_PK, dtype=p_K.dtype, device=p_K.device) * (p_K / passes).sqrt()
