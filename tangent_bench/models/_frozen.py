"""Checks that a network is what a tower must be: a fixed function of θ and of one input at a time.

The expansion at θ0 differentiates a function. Dropout draws another one at every pass, and a
BatchNorm in `train()` makes an embedding depend on the images beside it. A tower is therefore
frozen in `eval()`, in fine-tuning too; what is not steady even so is refused.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from tangent_bench import registry

if TYPE_CHECKING:
    from torch import nn

    from tangent_bench.images.inputs import Inputs

log = logging.getLogger(__name__)
ROUNDING = 1e-3  # of an embedding's length; other sizes of a batch take other kernels


def freeze(module: nn.Module, title: str) -> None:
    """Put a network into `eval()`, and say so where this makes a difference.

    Raises:
        ValueError: a part of it does not follow.
    """
    module.eval()
    for name, part in module.named_modules():
        if part.training:
            raise ValueError(
                f"Model {title!r}: module {name!r} ({type(part).__name__}) stays in train() when "
                "eval() is called, so that its outputs may change from pass to pass; let it follow."
            )
    changing = [name for name, part in module.named_modules() if _changes_in_training(part)]
    if changing:
        log.info(
            "%s is frozen in eval(), in fine-tuning too: %r (%d modules with dropout or running "
            "statistics)",
            title,
            changing[0],
            len(changing),
        )


def _changes_in_training(part: nn.Module) -> bool:
    """Whether PyTorch's layer gives other outputs in `train()`."""
    if isinstance(part, _DropoutNd):
        return part.p > 0
    return isinstance(part, _NormBase) and part.track_running_stats


@torch.no_grad()
def require_embeddings(module: nn.Module, inputs: Inputs, title: str) -> None:
    """Raise unless a network embeds made-up inputs, each by itself and always alike.

    Args:
        module: in `eval()`, on the CPU.
        inputs: what it takes.
        title: of the model.

    Raises:
        ValueError: it fails, returns something else than embeddings [B, D], draws at random, or
            lets an embedding depend on the other inputs of its batch.
    """
    batch = inputs.tensor(inputs.example(3))
    embeddings_BD = _embedded(module, batch, title)
    if not torch.equal(embeddings_BD, _embedded(module, batch, title)):
        raise ValueError(
            f"Model {title!r} gives the same inputs other embeddings when it is asked again; "
            "dropout and noise must be off in eval()."
        )
    fewer_BD = _embedded(module, batch[:2], title)
    difference = (fewer_BD[0] - embeddings_BD[0]).norm()
    if difference > ROUNDING * embeddings_BD[0].norm():
        raise ValueError(
            f"Model {title!r} gives an input another embedding beside other inputs; normalise by "
            "stored statistics (BatchNorm with track_running_stats), not by those of the batch."
        )


def _embedded(module: nn.Module, batch: Tensor, title: str) -> Tensor:
    """f(x; θ0) of a batch."""
    try:
        found = module(batch)
    except Exception as error:  # whatever a stranger's network does
        raise ValueError(
            f"Model {title!r} cannot embed a batch of shape {list(batch.shape)} "
            f"({registry.described(error)}); its inputs, or its network, are others."
        ) from error
    is_matrix = isinstance(found, Tensor) and found.ndim == 2 and len(found) == len(batch)
    if not is_matrix or not found.is_floating_point():
        what = f"shape {list(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(
            f"Model {title!r} returns {what} for {len(batch)} inputs, expected one embedding each, "
            f"[{len(batch)}, D]; let its forward() return that alone."
        )
    if not torch.isfinite(found).all():
        raise ValueError(
            f"Model {title!r} returns embeddings that are not finite; check its weights and inputs."
        )
    return found
