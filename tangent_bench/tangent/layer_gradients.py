"""Gradients of a network by layer: what enters each layer, and what comes back to it.

For an output r · f(x; θ) and a layer s_t = W a_t + b on tokens t, with g_t = ∂(r · f)/∂s_t:

    ∇_W = Σ_t g_t a_tᵀ,  ∇_b = Σ_t g_t;   and for a layer norm s_t = γ x̂_t + β
    ∇_γ = Σ_t g_t ∘ x̂_t,  ∇_β = Σ_t g_t

so activations and output gradients determine the gradient of one image, which is never formed.
Shapes: B images, C channels, H, W; L tokens; I inputs and O outputs of a layer; K readouts;
D embedding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, unfold

from tangent_bench.tangent import vision, written
from tangent_bench.tangent.transformer import (
    Attention,
    Block,
    ClassToken,
    Layer,
    Matrix,
    Mlp,
    Norm,
    Patches,
    Projection,
    Residual,
    Tokens,
    layers,
)

Theta = Mapping[str, Tensor]


@dataclass(frozen=True)
class Factors:
    """Gradient Σ_t g_t a_tᵀ of a matrix for each image, as a [B, L, I] and g [B, L, K · O]."""

    a: Tensor
    g: Tensor

    def reached(self) -> Factors:
        """Without tokens that no gradient reaches: in the last block all but the class token."""
        tokens_L = self.g.abs().amax((0, 2)) > 0
        return self if tokens_L.all() else Factors(self.a[:, tokens_L], self.g[:, tokens_L])

    def gradient(self, outputs: slice) -> Tensor:
        """The rows `outputs` of the gradient, [B, rows · I]."""
        return (self.g[..., outputs].mT @ self.a).flatten(1)


@dataclass(frozen=True)
class Whole:
    """Gradient of a small parameter for each image, [B, K · size]."""

    gradient: Tensor


Piece = Factors | Whole  # of the gradient, for one parameter


def join(parts: Sequence[Piece]) -> Piece:
    """One piece for all images from those of its batches, `parts`."""
    factors = [part for part in parts if isinstance(part, Factors)]
    if factors:
        return Factors(torch.cat([p.a for p in factors]), torch.cat([p.g for p in factors]))
    return Whole(torch.cat([part.gradient for part in parts if isinstance(part, Whole)]))


@dataclass(frozen=True)
class Tap:
    """A place where parameters enter: entering [B, L, I] and leaving [B, L, O] of `parameters`."""

    parameters: Matrix | Norm | Tokens
    entering: Tensor
    leaving: Tensor


def supports(network: nn.Module) -> bool:
    """Whether the taps are known: of a vision transformer, or of a network that brings them."""
    own = written.passes(network)
    return own is not None and (own.taps is not None or vision.supports(network))


def sizes(network: nn.Module, theta: Theta, image_CHW: Tensor) -> list[tuple[int, int]]:
    """Numbers to keep per image at each tap: activations, and the gradient of one readout.

    `network`, `theta` and `image_CHW` are as for `pieces`, with one image.
    """
    counts = []
    for tap in taps(network, theta, image_CHW[None])[1]:
        activations = tap.entering.numel() if isinstance(tap.parameters, Matrix) else 0
        counts.append((activations, tap.leaving.numel()))
    return counts


def taps(network: nn.Module, theta: Theta, images_BCHW: Tensor) -> tuple[Tensor, list[Tap]]:
    """f(x; θ) [B, D] with its graph, which begins at the taps, and the taps in layer order.

    `network`, `theta` and `images_BCHW` are as for `pieces`.
    """
    own = written.passes(network)
    if own and own.taps:
        return own.taps(theta, images_BCHW)
    assert vision.supports(network)
    forward = _Forward(theta)
    x = images_BCHW
    with torch.enable_grad():
        for layer in layers(network):
            x = forward.through(layer, x)
        return x[:, 0], forward.taps


def pieces(
    network: nn.Module,
    theta: Theta,
    images_BCHW: Tensor,
    readout_KD: Tensor,
    places: Collection[int],
) -> list[Piece]:
    """Gradients of readout_KD · f(x; θ) in the parameters of some taps, for each image of a batch.

    Args:
        network: one that `supports` accepts.
        theta: its parameters by name.
        images_BCHW: what it takes.
        readout_KD: K directions in the embedding.
        places: indices into `taps`.
    """
    outputs_BD, all_taps = taps(network, theta, images_BCHW)
    chosen = [all_taps[place] for place in places]
    leaving = [tap.leaving for tap in chosen]
    by_readout = []
    for readout_D in readout_KD:
        # Images do not meet inside the network: a gradient of their sum is that of each image.
        cotangent_BD = readout_D.expand_as(outputs_BD)
        by_readout.append(torch.autograd.grad(outputs_BD, leaving, cotangent_BD, retain_graph=True))
    parts: list[Piece] = []
    for tap, gradients in zip(chosen, zip(*by_readout, strict=True), strict=True):
        parts += _pieces_at(tap, torch.stack(gradients, 2))
    return parts


def _pieces_at(tap: Tap, g_BLKO: Tensor) -> list[Piece]:
    match tap.parameters:
        case Tokens():
            # Positions: the gradient itself; the class token: that of the first position.
            return [Whole(g_BLKO.flatten(1)), Whole(g_BLKO[:, 0].flatten(1))]
        case Norm():
            gain_BKO = torch.einsum("blko,blo->bko", g_BLKO, tap.entering.detach())
            return [Whole(gain_BKO.flatten(1)), _summed(g_BLKO)]
        case Matrix(bias=bias):
            weight = Factors(tap.entering.detach(), g_BLKO.flatten(2))
            return [weight] if bias is None else [weight, _summed(g_BLKO)]


def _summed(g_BLKO: Tensor) -> Whole:
    """Gradient of a parameter that is added to every token."""
    return Whole(g_BLKO.sum(1).flatten(1))


class _Forward:
    """One pass through the layers that keeps a tap wherever parameters enter.

    Parameters are constants: the graph begins at the patches, and gradients are taken at the taps.
    """

    def __init__(self, theta: Theta) -> None:
        self.theta = {key: value.detach() for key, value in theta.items()}
        self.taps: list[Tap] = []

    def through(self, layer: Layer, x: Tensor) -> Tensor:
        """The layer's value at x."""
        match layer:
            case Patches():
                return self._patches(layer, x)
            case Tokens():
                return self._tokens(layer, x)
            case Norm():
                return self._norm(layer, x)
            case Attention():
                return self._attention(layer, x)
            case Mlp():
                return self._matrix(layer.narrow, layer.activation(self._matrix(layer.wide, x)))
            case Residual():
                return x + self._chain(layer.layers, x)
            case Block():
                return self._chain(layer.layers, x)
            case ClassToken():
                return x[:, :1]
            case Projection():
                return self._matrix(layer.matrix, x)

    def _chain(self, parts: Sequence[Layer], x: Tensor) -> Tensor:
        for layer in parts:
            x = self.through(layer, x)
        return x

    def _keep(
        self, parameters: Matrix | Norm | Tokens, entering: Tensor, leaving: Tensor
    ) -> Tensor:
        self.taps.append(Tap(parameters, entering, leaving))
        return leaving

    def _patches(self, layer: Patches, images_BCHW: Tensor) -> Tensor:
        patches = unfold(images_BCHW, layer.size, stride=layer.size).mT
        weight = self.theta[layer.matrix.weight].flatten(1)
        leaving = linear(patches, weight).requires_grad_(True)
        return self._keep(layer.matrix, patches, leaving)

    def _tokens(self, layer: Tokens, x: Tensor) -> Tensor:
        token = self.theta[layer.class_token].expand(len(x), 1, -1)
        x = torch.cat([token, x], 1) + self.theta[layer.positions]
        return self._keep(layer, x, x)

    def _norm(self, layer: Norm, x: Tensor) -> Tensor:
        hat = layer_norm(x, list(layer.module.normalized_shape), eps=layer.module.eps)
        leaving = hat * self.theta[layer.gain] + self.theta[layer.shift]
        return self._keep(layer, hat, leaving)

    def _attention(self, layer: Attention, x: Tensor) -> Tensor:
        queries = self._matrix(layer.queries, x)
        keys, values = self._matrix(layer.keys_and_values, x).chunk(2, -1)
        q, k, v = (
            part.unflatten(-1, (layer.num_heads, -1)).transpose(1, 2)
            for part in (queries, keys, values)
        )  # [B, heads, L, W / heads]
        mixed = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1) @ v
        return self._matrix(layer.outward, mixed.transpose(1, 2).flatten(2))

    def _matrix(self, matrix: Matrix, x: Tensor) -> Tensor:
        weight = self.theta[matrix.weight][matrix.rows]
        bias = None if matrix.bias is None else self.theta[matrix.bias][matrix.rows]
        return self._keep(matrix, x, linear(x, weight.T if matrix.turned else weight, bias))
