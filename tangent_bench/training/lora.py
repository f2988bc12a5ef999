"""LoRA: low-rank changes of the network's linear layers are trained.

    W = W0 + (alpha / rank) B A

A [rank, I] is drawn uniformly from ±1/√I (Hu et al.'s code), B [O, rank] begins at 0, so that
training starts from θ0. Queries, keys and values have factors of their own. A depends on the seed
and the layer, not on the task, as for L-LoRA. There is no dropout. The vector is dense:
(alpha / rank) B A, zero elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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


def require(vision: Mapping, settings: Mapping) -> None:
    """Raises ValueError if the factors do not fit a network, as far as its description says."""
    from tangent_bench.training import attention_only

    if settings["queries_and_values"]:
        attention_only.require(vision, settings)
    width = vision.get("width")
    is_known = attention_only.is_own_transformer(vision) and type(width) is int
    if is_known and settings["rank"] > width:
        raise ValueError(
            f"The rank of LoRA is {settings['rank']}, but the image tower is {width} wide; give "
            f"training_modes.lora.rank (or linear_lora.rank) of at most {width}."
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
    leaves: dict[str, Tensor] = {}
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


def _places(network: nn.Module, queries_and_values: bool) -> Mapping[str, tuple[str | None, ...]]:
    """Name of a weight → its parts from above; None is a part that is not adapted."""
    from tangent_bench.training import _layers

    if not queries_and_values:
        return _layers.linear(network)
    places = {}
    for name, parts in _layers.attention(network).items():
        if len(parts) > 1:
            places[name] = tuple(part if part in "qv" else None for part in parts)
    return places


def _parts(
    theta0: Mapping[str, Tensor], places: Mapping[str, tuple[str | None, ...]]
) -> Iterator[tuple[str, str | None, Tensor]]:
    """(name of the weight, name of the part, its rows of θ0)."""
    for name, parts in places.items():
        for part, rows in zip(parts, theta0[name].chunk(len(parts)), strict=True):
            yield name, part, rows


def _factors(key: str, rows: Tensor, rank: int, seed: int) -> dict[str, Tensor]:
    """A as it is drawn, and B = 0, of the rows of a weight."""
    import torch

    from tangent_bench.seeds import generator

    if rank > min(rows.shape):
        raise ValueError(
            f"The rank of LoRA is {rank}, but {key!r} is {' × '.join(map(str, rows.shape))}; give "
            f"training_modes.lora.rank (or linear_lora.rank) of at most {min(rows.shape)}."
        )
    num_outputs, num_inputs = rows.shape
    rng = generator("low-rank factor", key, seed)
    drawn = rng.uniform(-1.0, 1.0, (rank, num_inputs)) / num_inputs**0.5
    return {
        f"{key} A": torch.from_numpy(drawn).to(rows),
        f"{key} B": rows.new_zeros(num_outputs, rank),
    }
