"""How much embeddings move with the weights: E ‖J(x; θ0) τ‖² as a quadratic form in τ, by blocks.

For a matrix s_t = W a_t + b on tokens t, with g_t = ∂(v · f)/∂s_t, KFAC's form for shared weights
("expand") takes

    E ‖J_W ΔW‖² ≈ tr(B ΔW A ΔWᵀ)
    A = mean over images and tokens of a aᵀ
    B = mean over images of Σ_t Σ_v g gᵀ

(a with a 1 below it where there is a bias), v running over an orthonormal basis of the outputs, or
over random normal vectors, whose mean is the same sum. It is exact for one linear layer. Small
parameters (gains, shifts, the class token) keep the whole block E[∇ ∇ᵀ]. Blocks do not meet. The
matrix JᵀJ is the generalized Gauss-Newton matrix of a squared loss on the embedding. Tokens that no
gradient reaches (in the last block, all but the first) are left out of A and B.

Martens, Grosse 2015; Eschenhagen et al. 2023 (expand); Dangel et al. 2025 (KFAC from scratch).
Shapes: B images, L tokens, I inputs (with the 1) and O outputs of a layer, P entries of a
parameter, D embedding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from tangent_bench.tangent import layer_taps, products, vision
from tangent_bench.tangent.layer_gradients import Tap, taps
from tangent_bench.tangent.transformer import Matrix, Norm, Tokens

Theta = Mapping[str, Tensor]
Taps = Callable[[Theta, Tensor], tuple[Tensor, list[Tap]]]  # (θ, images) → f(x; θ) and its taps


class Small(NamedTuple):
    """A parameter with a block of its own; `kind` says what its gradient in an image is.

    "gain": Σ_t g ∘ a; "shift": Σ_t g; "first": g of token 0.
    """

    name: str
    kind: str


Place = Matrix | Small
P = TypeVar("P", bound=Place)


@dataclass
class Curvature:
    """The blocks: place → (A [I, I], B [O, O]) of a matrix, or (G [P, P],) of a small parameter."""

    blocks: dict[Place, tuple[Tensor, ...]]

    @torch.no_grad()
    def product(self, tau: Theta) -> dict[str, Tensor]:
        """G τ, by parameter."""
        slope = {key: torch.zeros_like(value) for key, value in tau.items()}
        for place, block in self.blocks.items():
            if isinstance(place, Small):
                (gram,) = block
                slope[place.name].view(-1).add_(gram @ tau[place.name].flatten())
            else:
                inputs, outputs = block
                _put_rows(place, slope, outputs @ _rows(place, tau) @ inputs)
        return slope

    def quadratic(self, tau: Theta) -> Tensor:
        """τᵀ G τ, differentiable in τ: its slope is twice G τ, and nothing else is kept for it."""
        slope = self.product(tau)
        value = sum((tau[key].detach() * slope[key]).sum() for key in slope)
        gradient = sum(((tau[key] - tau[key].detach()) * slope[key]).sum() for key in slope)
        return torch.as_tensor(value + 2.0 * gradient)


def _rows(place: Matrix, tau: Theta) -> Tensor:
    """ΔW [O, I], its bias as last column."""
    weight = tau[place.weight][place.rows].flatten(1)
    if place.turned:
        weight = weight.T
    if place.bias is None:
        return weight
    return torch.cat([weight, tau[place.bias][place.rows, None]], 1)


def _put_rows(place: Matrix, slope: Theta, rows: Tensor) -> None:
    """The inverse of `_rows`, written into `slope`."""
    weight = rows
    if place.bias is not None:
        weight = rows[:, :-1]
        slope[place.bias][place.rows] = rows[:, -1]
    if place.turned:
        weight = weight.T
    part = slope[place.weight][place.rows]
    part.copy_(weight.reshape(part.shape))


def mean(parts: Iterable[Curvature]) -> Curvature:
    """One curvature for several tasks, of the factors' means, at the cost of one task's.

    `parts` has those of the tasks, at least one; they stay as they are.
    """
    total: dict[Place, list[Tensor]] = {}
    number = 0
    for part in parts:
        number += 1
        for place, block in part.blocks.items():
            if number == 1:
                total[place] = [value.clone() for value in block]
            else:
                for sum_, value in zip(total[place], block, strict=True):
                    sum_.add_(value)
    assert number, "no tasks"
    return Curvature({place: tuple(v / number for v in block) for place, block in total.items()})


def of_images(
    network: nn.Module,
    theta0: Theta,
    batches_BCHW: Iterable[Tensor],
    probes: Callable[[int, Tensor], list[Tensor]] | None = None,
) -> Curvature:
    """The curvature at θ0 on images, seen one batch at a time.

    Args:
        network: a vision transformer that `vision.supports` accepts, or one all of whose parameters
            are linear layers'.
        theta0: its parameters by name.
        batches_BCHW: what the encoder takes.
        probes: (number of the batch, embeddings_BD) → random vectors v_BD of it; None takes a
            basis, which is exact.

    Raises:
        ValueError: another network.
    """
    taps_of = _taps_of(network)
    sums = _Sums()
    for number, images_BCHW in enumerate(batches_BCHW):
        with products.fast():
            outputs_BD, batch_taps = taps_of(theta0, images_BCHW)
            readouts = probes(number, outputs_BD.detach()) if probes else _basis(outputs_BD)
            share = 1.0 / len(readouts) if probes else 1.0
            leaving = [tap.leaving for tap in batch_taps]
            for k, readout_BD in enumerate(readouts):
                gradients = torch.autograd.grad(outputs_BD, leaving, readout_BD, retain_graph=True)
                for tap, g_BLO in zip(batch_taps, gradients, strict=True):
                    sums.add(tap, g_BLO, share, first_readout=k == 0)
        sums.num_images += len(images_BCHW)
    return sums.curvature()


def _basis(outputs_BD: Tensor) -> list[Tensor]:
    return [row.expand_as(outputs_BD) for row in torch.eye(outputs_BD.shape[1]).to(outputs_BD)]


def places(tap: Tap) -> list[Place]:
    """The blocks of the parameters that enter at a tap."""
    match tap.parameters:
        case Matrix() as matrix:
            return [matrix]
        case Norm(gain=gain, shift=shift):
            return [Small(gain, "gain"), Small(shift, "shift")]
        case Tokens(class_token=token, positions=positions):
            return [Matrix(positions, turned=True), Small(token, "first")]


class _Sums:
    """The sums over images whose means are the blocks."""

    def __init__(self) -> None:
        self.num_images = 0
        self._outputs: dict[Place, Tensor] = {}
        self._inputs: dict[Matrix, Tensor] = {}
        self._tokens: Counter[Matrix] = Counter()

    def add(self, tap: Tap, g_BLO: Tensor, share: float, first_readout: bool) -> None:
        """One readout of a batch; what does not depend on it is added at the first of them."""
        reached_L = g_BLO.abs().amax((0, 2)) > 0
        a_BLI = tap.entering.detach()[:, reached_L]
        g_BLO = g_BLO[:, reached_L]
        for place in places(tap):
            if isinstance(place, Small):
                rows = _small_rows(place, a_BLI, g_BLO)
            else:
                rows = g_BLO.flatten(0, 1)
                if first_readout:
                    self._add_inputs(place, tap, a_BLI)
            _add_to(self._outputs, place, share * (rows.T @ rows))

    def _add_inputs(self, place: Matrix, tap: Tap, a_BLI: Tensor) -> None:
        rows = a_BLI.flatten(0, 1)
        if isinstance(tap.parameters, Tokens):  # positions: a is the token's place, one out of L
            rows = torch.eye(a_BLI.shape[1]).to(a_BLI).repeat(a_BLI.shape[0], 1)
        if place.bias is not None:
            rows = torch.cat([rows, rows.new_ones(len(rows), 1)], 1)
        _add_to(self._inputs, place, rows.T @ rows)
        self._tokens[place] += len(rows)

    def curvature(self) -> Curvature:
        """The means."""
        blocks: dict[Place, tuple[Tensor, ...]] = {}
        for place, gram in self._outputs.items():
            outputs = gram / self.num_images
            if isinstance(place, Matrix):
                blocks[place] = (self._inputs[place] / self._tokens[place], outputs)
            else:
                blocks[place] = (outputs,)
        return Curvature(blocks)


def _small_rows(place: Small, a_BLI: Tensor, g_BLO: Tensor) -> Tensor:
    """The gradient of each image, [B, P]."""
    if place.kind == "first":
        return g_BLO[:, 0]
    return (g_BLO * a_BLI if place.kind == "gain" else g_BLO).sum(1)


def _add_to(sums: dict[P, Tensor], place: P, gram: Tensor) -> None:
    sums[place] = sums[place] + gram if place in sums else gram


def _taps_of(network: nn.Module) -> Taps:
    """The way to the taps of a network."""
    if vision.supports(network):
        return partial(taps, network)
    matrices = layer_taps.linear_layers(network)
    covered = {name for matrix in matrices.values() for name in matrix[:2]}
    for name, _ in network.named_parameters():
        if name not in covered:
            raise ValueError(
                f"The curvature of {type(network).__name__} is not known: parameter {name!r} "
                "belongs to no linear layer; expected a vision transformer as open_clip's own: "
                "train this model in another mode than tak."
            )
    return partial(layer_taps.taps, network, matrices)
