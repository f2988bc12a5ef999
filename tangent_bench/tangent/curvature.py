"""How much embeddings move with the weights: E ‖J(x; θ0) τ‖² as a quadratic form in τ, block by block of the network.

For a matrix s_t = W a_t + b on tokens t, with g_t = ∂(v · f)/∂s_t, KFAC's form for shared weights ("expand") takes

    E ‖J_W ΔW‖² ≈ tr(B ΔW A ΔWᵀ),   A = mean over images and tokens of a aᵀ,   B = mean over images of Σ_t Σ_v g gᵀ

(a with a 1 below it where there is a bias), v running over an orthonormal basis of the outputs, or over random normal
vectors, whose mean is the same sum. It is exact for one linear layer. Small parameters (gains, shifts, the class token)
keep the whole block E[∇ ∇ᵀ]. Blocks do not meet. The matrix JᵀJ is the generalized Gauss-Newton matrix of a squared
loss on the embedding. Tokens that no gradient reaches (in the last block, all but the first) are left out of A and B.

Martens, Grosse 2015; Eschenhagen et al. 2023 (expand); Dangel et al. 2025 (KFAC from scratch).
Shapes: B images, L tokens, I inputs (with the 1) and O outputs of a layer, P entries of a parameter, D embedding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tangent_bench.tangent import products, vision
from tangent_bench.tangent.layer_gradients import Tap, taps

Theta = Mapping[str, Tensor]


class Matrix(NamedTuple):
    """A weight with its bias, or the rows `first` to `last` of both; `turned` where it is stored as [I, O]."""

    weight: str
    bias: str | None = None
    first: int = 0
    last: int | None = None
    turned: bool = False

    @property
    def rows(self) -> slice:
        """Its part of the layer's outputs."""
        return slice(self.first, self.last)


class Small(NamedTuple):
    """A parameter whose gradient in an image is Σ_t g ∘ a ("gain"), Σ_t g ("shift") or g of token 0 ("first")."""

    name: str
    kind: str


@dataclass
class Curvature:
    """The blocks: place → (A [I, I], B [O, O]) of a matrix, or (G [P, P],) of a small parameter."""

    blocks: dict[Matrix | Small, tuple[Tensor, ...]]

    @torch.no_grad()
    def product(self, tau: Theta) -> dict[str, Tensor]:
        """G τ, by parameter."""
        found = {key: torch.zeros_like(value) for key, value in tau.items()}
        for place, block in self.blocks.items():
            if isinstance(place, Small):
                found[place.name].view(-1).add_(block[0] @ tau[place.name].flatten())
                continue
            inputs, outputs = block
            moved = outputs @ _rows(place, tau) @ inputs
            weight = moved if place.bias is None else moved[:, :-1]
            if place.bias is not None:
                found[place.bias][place.rows] = moved[:, -1]
            part = found[place.weight][place.rows]
            part.copy_((weight.T if place.turned else weight).reshape(part.shape))
        return found

    def quadratic(self, tau: Theta) -> Tensor:
        """τᵀ G τ, differentiable in τ (twice G τ, which is at hand: nothing else is kept for it)."""
        slope = self.product(tau)
        value = sum((tau[key].detach() * slope[key]).sum() for key in slope)
        return value + 2.0 * sum(
            ((tau[key] - tau[key].detach()) * slope[key]).sum() for key in slope
        )


def _rows(place: Matrix, tau: Theta) -> Tensor:
    """ΔW [O, I], its bias as last column."""
    weight = tau[place.weight][place.rows].flatten(1)
    weight = weight.T if place.turned else weight
    return (
        weight if place.bias is None else torch.cat([weight, tau[place.bias][place.rows, None]], 1)
    )


def mean(parts: Iterable[Curvature]) -> Curvature:
    """One curvature for several tasks, with the factors' means: it costs as much as that of one task."""
    total, number = None, 0
    for part in parts:
        number += 1
        if total is None:
            total = {
                place: [value.clone() for value in block] for place, block in part.blocks.items()
            }
        else:
            for place, block in part.blocks.items():
                for sum_, value in zip(total[place], block, strict=True):
                    sum_.add_(value)
    assert total is not None, "no tasks"
    return Curvature(
        {place: tuple(value / number for value in block) for place, block in total.items()}
    )


def of_images(
    network: nn.Module,
    theta0: Theta,
    batches_BCHW: Iterable[Tensor],
    probes: Callable[[int, Tensor], list[Tensor]] | None = None,
) -> Curvature:
    """The curvature at θ0 on images, seen one batch at a time.

    Args:
        network: a vision transformer that `vision.supports` accepts, or one all of whose parameters are linear layers'.
        theta0: its parameters by name.
        batches_BCHW: what the encoder takes.
        probes: (number of the batch, embeddings_BD) → random vectors v_BD of it; None: a basis, which is exact.

    Raises:
        ValueError: another network.
    """
    taps_of, places = _known(network)
    sums = _Sums()
    for number, images_BCHW in enumerate(batches_BCHW):
        with products.fast():
            outputs_BD, found = taps_of(network, theta0, images_BCHW)
            readouts = probes(number, outputs_BD.detach()) if probes else _basis(outputs_BD)
            for k, readout_BD in enumerate(readouts):
                leaving = [tap.leaving for tap in found]
                gradients = torch.autograd.grad(outputs_BD, leaving, readout_BD, retain_graph=True)
                for tap, g_BLO, own in zip(found, gradients, places, strict=True):
                    for place in own:
                        sums.add(place, tap, g_BLO, 1.0 / len(readouts) if probes else 1.0, k == 0)
        sums.num_images += len(images_BCHW)
    return sums.curvature()


class _Sums:
    """Sums over images of what the blocks are means of."""

    def __init__(self) -> None:
        self.num_images = 0
        self._outputs: dict[Matrix | Small, Tensor] = {}
        self._inputs: dict[Matrix, Tensor] = {}
        self._tokens: Counter[Matrix] = Counter()

    def add(
        self, place: Matrix | Small, tap: Tap, g_BLO: Tensor, share: float, first: bool
    ) -> None:
        """One readout of a batch; what does not depend on the readout is taken at the first of them."""
        reached = g_BLO.abs().amax((0, 2)) > 0
        a_BLI, g_BLO = tap.entering.detach()[:, reached], g_BLO[:, reached]
        if isinstance(place, Small):
            rows = (
                g_BLO[:, 0]
                if place.kind == "first"
                else (g_BLO * a_BLI if place.kind == "gain" else g_BLO).sum(1)
            )
        else:
            rows = g_BLO.flatten(0, 1)
            if first:
                self._add_inputs(place, tap, a_BLI)
        gram = share * (rows.T @ rows)
        self._outputs[place] = self._outputs[place] + gram if place in self._outputs else gram

    def _add_inputs(self, place: Matrix, tap: Tap, a_BLI: Tensor) -> None:
        rows = a_BLI.flatten(0, 1)
        if tap.kind == "embedding":  # positions: a is the token's place, one out of L
            rows = torch.eye(a_BLI.shape[1]).to(a_BLI).repeat(a_BLI.shape[0], 1)
        if place.bias is not None:
            rows = torch.cat([rows, rows.new_ones(len(rows), 1)], 1)
        gram = rows.T @ rows
        self._inputs[place] = self._inputs[place] + gram if place in self._inputs else gram
        self._tokens[place] += len(rows)

    def curvature(self) -> Curvature:
        """The means."""
        blocks: dict[Matrix | Small, tuple[Tensor, ...]] = {}
        for place, gram in self._outputs.items():
            inputs = (
                (self._inputs[place] / self._tokens[place],) if isinstance(place, Matrix) else ()
            )
            blocks[place] = (*inputs, gram / self.num_images)
        return Curvature(blocks)


def _basis(outputs_BD: Tensor) -> list[Tensor]:
    return [row.expand_as(outputs_BD) for row in torch.eye(outputs_BD.shape[1]).to(outputs_BD)]


def _known(network: nn.Module) -> tuple[Callable, list[list[Matrix | Small]]]:
    """The way to the taps of a network, and the parameters that enter at each of them."""
    if vision.supports(network):
        return taps, _of_transformer(network)
    linear = {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)
    }
    places = [
        [Matrix(f"{n}.weight".lstrip("."), None if m.bias is None else f"{n}.bias".lstrip("."))]
        for n, m in linear.items()
    ]
    covered = {name for [place] in places for name in (place.weight, place.bias)}
    if odd := [name for name, _ in network.named_parameters() if name not in covered]:
        raise ValueError(
            f"The curvature of {type(network).__name__} is not known: parameter {odd[0]!r} is no linear layer's; "
            "expected a vision transformer as open_clip's own: train this model in another mode than tak."
        )
    return _linear_taps, places


def _of_transformer(network: nn.Module) -> list[list[Matrix | Small]]:
    """In the order of `layer_gradients.taps`."""

    def norm(name: str, module: nn.Module) -> list[list[Matrix | Small]]:
        plain = isinstance(module, nn.Identity)
        return [] if plain else [[Small(f"{name}.weight", "gain"), Small(f"{name}.bias", "shift")]]

    places = [
        [Matrix("conv1.weight")],
        [Matrix("positional_embedding", turned=True), Small("class_embedding", "first")],
        *norm("ln_pre", network.ln_pre),
    ]
    for k, block in enumerate(network.transformer.resblocks):
        name, width = f"transformer.resblocks.{k}", block.attn.embed_dim
        stacked = f"{name}.attn.in_proj_weight", f"{name}.attn.in_proj_bias"
        places += norm(f"{name}.ln_1", block.ln_1)
        places += [[Matrix(*stacked, last=width)], [Matrix(*stacked, first=width)]]
        places += [[Matrix(f"{name}.attn.out_proj.weight", f"{name}.attn.out_proj.bias")]]
        places += norm(f"{name}.ln_2", block.ln_2)
        places += [
            [Matrix(f"{name}.mlp.{part}.weight", f"{name}.mlp.{part}.bias")]
            for part in ("c_fc", "c_proj")
        ]
    return [*places, *norm("ln_post", network.ln_post), [Matrix("proj", turned=True)]]


def _linear_taps(network: nn.Module, theta: Theta, images_BCHW: Tensor) -> tuple[Tensor, list[Tap]]:
    """The same for a network of linear layers, each of which is used once."""
    found: dict[str, Tap] = {}

    def keep(name: str) -> Callable:
        def hook(module: nn.Module, entering: tuple[Tensor], leaving: Tensor) -> Tensor:
            shape = leaving.shape
            tokens = leaving.reshape(shape[0], -1, shape[-1]).requires_grad_(True)
            found[name] = Tap(
                "linear",
                module.bias is not None,
                entering[0].reshape(*tokens.shape[:2], -1),
                tokens,
            )
            return tokens.reshape(shape)

        return hook

    linear = {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)
    }
    hooks = [module.register_forward_hook(keep(name)) for name, module in linear.items()]
    try:
        with torch.enable_grad():
            constants = {key: value.detach() for key, value in theta.items()}
            outputs_BD = torch.func.functional_call(network, constants, (images_BCHW,))
    finally:
        for hook in hooks:
            hook.remove()
    return outputs_BD, [found[name] for name in linear]
