"""τJp: linear fine-tuning that leaves the other tasks' embeddings where they are.

    L(θ) = CE(f_lin(x; θ)) + λ · mean over u and x_u of ‖J(x_u; θ0)(θ − θ0)‖²

over the other tasks u and images x_u of each. The mean is estimated at every step on `batch_size`
training images of each other task, cropped as in training. The control has no training images and
is not among them (the official code has ImageNet there).

The square makes the penalty a quadratic form in τ; the official code averages ‖Jτ‖ itself, so that
its λ (0.1) is not comparable with `weight` here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.training import Training
from tangent_bench.training.linear import encoder as encoder

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tangent_bench.finetuning.modes import Others

TRAINING = Training(
    title="τJp FT",
    parametrisation="all parameters in the expansion at θ0, ‖Jτ‖² on other tasks' images penalized",
    vector_format="dense",
    affine=True,
    reference="Yoshida et al., Mastering Task Arithmetic: τJp as a Key Indicator for Weight "
    "Disentanglement, ICLR 2025",
    needs_others=True,
)


def penalty(
    network: nn.Module, theta0: Mapping[str, Tensor], others: Others, settings: Mapping
) -> Callable[[Mapping[str, Tensor], int], Tensor]:
    """(θ, step) → λ · mean ‖J(x; θ0)(θ − θ0)‖²."""
    import torch

    from tangent_bench.tangent.linearize import change

    def value(theta: Mapping[str, Tensor], step: int) -> Tensor:
        # As many images of each task, so that one mean over all is the mean over tasks.
        size = settings["batch_size"]
        images_BCHW = torch.cat([others.batch(name, size, step) for name in others.names])
        change_BD = change(network, theta0, theta, images_BCHW)
        return settings["weight"] * change_BD.square().sum(1).mean()

    return value


def images_seen(settings: Mapping, num_others: int, steps: int) -> int:
    """Images of other tasks that pass the network, for the plan."""
    return steps * num_others * settings["batch_size"]
