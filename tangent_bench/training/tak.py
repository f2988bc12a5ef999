"""TAK: linear fine-tuning that spares other tasks' embeddings by Kronecker factors alone.

    L(θ) = CE(f_lin(x; θ)) + λ (θ − θ0)ᵀ G (θ − θ0)
    G ≈ mean over the other tasks u of E_u[J(x_u; θ0)ᵀ J(x_u; θ0)]

with G in blocks A ⊗ B (`curvature`), made once from `images` training images of each other task at
θ0. It is the penalty of τJp with the matrix approximated, and training sees no image of another
task.

Differences to the official code, as far as it was read:

- G is that of the embedding after its L2 normalisation (here before, as everything that is
  linearized);
- its factors B are summed over the other tasks (here the mean);
- the gains, shifts and the class token weigh ten times as much and the last projection a hundredth
  (here all the same);
- 30 % of the images are used.

Its λ of 100 is therefore not comparable with `weight` here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tangent_bench.training import Training
from tangent_bench.training.linear import encoder as encoder

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tangent_bench.finetuning.modes import Others

TRAINING = Training(
    title="TAK",
    parametrisation="all parameters in the expansion at θ0, other tasks' curvature (KFAC) "
    "penalized",
    vector_format="dense",
    affine=True,
    reference="Porrello et al., Dataless Weight Disentanglement in Task Arithmetic via "
    "Kronecker-Factored Approximate Curvature, ICLR 2026",
    needs_others=True,
)


def penalty(
    network: nn.Module, theta0: Mapping[str, Tensor], others: Others, settings: Mapping
) -> Callable[[Mapping[str, Tensor], int], Tensor]:
    """(θ, step) → λ (θ − θ0)ᵀ G (θ − θ0).

    Raises:
        ValueError: as `curvature.of_images`.
    """
    from tangent_bench.tangent import curvature
    from tangent_bench.tangent.vectors import subtract

    def of_task(task: str) -> curvature.Curvature:
        probes = None
        if settings["probes"] is not None:
            probes = partial(_probes, task, others.seed, settings["probes"])
        return curvature.of_images(network, theta0, _batches(task, others, settings), probes)

    mean = curvature.mean(of_task(task) for task in others.names)
    return lambda theta, step: settings["weight"] * mean.quadratic(subtract(theta, theta0))


def _batches(task: str, others: Others, settings: Mapping) -> Iterator[Tensor]:
    """`images` of a task's images, in equal batches, none twice."""
    number = min(settings["images"], others.number(task))
    size = min(settings["batch_size"], number)
    return (others.batch(task, size, k) for k in range(number // size))


def _probes(task: str, seed: int, number: int, batch: int, like_BD: Tensor) -> list[Tensor]:
    """So many random normal vectors [B, D] for a batch of a task."""
    import torch

    from tangent_bench.seeds import generator

    rng = generator("probes", task, seed, batch)
    drawn = rng.standard_normal((number, *like_BD.shape))
    return list(torch.from_numpy(drawn).to(like_BD))


def images_seen(settings: Mapping, num_others: int, steps: int) -> int:
    """Images of other tasks that pass the network, for the plan."""
    return num_others * settings["images"]
