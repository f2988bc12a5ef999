"""LoRA: of the network itself, low-rank changes of its linear layers are trained, W = W0 + (alpha / rank) B A.

A [rank, I] is drawn uniformly from ±1/√I (Hu et al.'s code), B [O, rank] begins at 0, so that training starts from θ0.
Queries, keys and values have factors of their own. A depends on the seed and the layer, not on the task, as for
L-LoRA. There is no dropout. The vector is dense: (alpha / rank) B A, zero elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tangent_bench.training import Training
from tangent_bench.training.standard import encoder as encoder

if TYPE_CHECKING:
    from torch import Tensor, nn

TRAINING = Training(
    title="LoRA",
    parametrisation="low-rank factors of changes of the linear layers, f(x; θ0 + BA)",
    vector_format="dense",
    affine=False,
    reference="Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022",
)


def parameters(
    network: nn.Module, theta0: Mapping[str, Tensor], settings: Mapping, seed: int
) -> tuple[dict[str, Tensor], Callable[[dict[str, Tensor]], dict[str, Tensor]]]:
    """The factors, "<weight> <part> A" and "... B" by name, and the way from them to θ.

    Raises:
        ValueError: the rank is larger than a layer is wide, or the network has no such layers.
    """
    import torch

    places = _places(network, settings["queries_and_values"])
    leaves = {}
    for name, part, rows in _parts(theta0, places):
        if part is not None:
            leaves |= _factors(f"{name} {part}".strip(), rows, settings["rank"], seed)
    scale = settings["alpha"] / settings["rank"]

    def theta(leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        moved: dict[str, list[Tensor]] = {}
        for name, part, rows in _parts(theta0, places):
            key = f"{name} {part}".strip()
            change = 0.0 if part is None else scale * (leaves[f"{key} B"] @ leaves[f"{key} A"])
            moved.setdefault(name, []).append(rows + change)
        return {**theta0, **{name: torch.cat(parts) for name, parts in moved.items()}}

    return leaves, theta


def _places(network: nn.Module, queries_and_values: bool) -> dict[str, tuple[str | None, ...]]:
    """Name of a weight → its parts from above; None is a part that is not adapted."""
    from tangent_bench.training import _layers

    if not queries_and_values:
        return _layers.linear(network)
    stacked = {name: parts for name, parts in _layers.attention(network).items() if len(parts) > 1}
    return {
        name: tuple(part if part in "qv" else None for part in parts)
        for name, parts in stacked.items()
    }


def _parts(theta0: Mapping[str, Tensor], places: Mapping[str, tuple]):
    """(name of the weight, name of the part, its rows of θ0)."""
    for name, parts in places.items():
        yield from zip([name] * len(parts), parts, theta0[name].chunk(len(parts)), strict=True)


def _factors(key: str, rows: Tensor, rank: int, seed: int) -> dict[str, Tensor]:
    import torch

    from tangent_bench.seeds import generator

    if rank > min(rows.shape):
        raise ValueError(
            f"The rank of LoRA is {rank}, but {key!r} is {' × '.join(map(str, rows.shape))}; give "
            f"training_modes.lora.rank (or linear_lora.rank) of at most {min(rows.shape)}."
        )
    drawn = (
        generator("low-rank factor", key, seed).uniform(-1.0, 1.0, (rank, rows.shape[1]))
        / rows.shape[1] ** 0.5
    )
    return {
        f"{key} A": torch.from_numpy(drawn).to(rows),
        f"{key} B": rows.new_zeros(rows.shape[0], rank),
    }
