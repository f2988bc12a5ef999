"""Where parameters enter a vision transformer: what each layer takes in, and the gradient that comes back to it.

For an output r · f(x; θ) and a layer s_t = W a_t + b on tokens t, with g_t = ∂(r · f)/∂s_t:

    ∇_W = Σ_t g_t a_tᵀ,   ∇_b = Σ_t g_t;   layer norm s = γ x̂ + β:  ∇_γ = Σ_t g_t ∘ x̂_t,  ∇_β = Σ_t g_t

so the gradient of one image is told by activations and output gradients, without ever being formed.
Shapes: B images, C channels, H, W; L tokens; I inputs and O outputs of a layer; K readouts; D embedding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear


@dataclass(frozen=True)
class Factors:
    """Gradient Σ_t g_t a_tᵀ of a matrix for each image, in factors: a [B, L, I] and g [B, L, K · O]."""

    a: Tensor
    g: Tensor

    def reached(self) -> Factors:
        """Without the tokens that no image has a gradient at: in the last block all but the class token."""
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
    """One piece for all images from those of its batches."""
    if isinstance(parts[0], Factors):
        return Factors(torch.cat([p.a for p in parts]), torch.cat([p.g for p in parts]))
    return Whole(torch.cat([p.gradient for p in parts]))


@dataclass(frozen=True)
class Tap:
    """A place where parameters enter: `kind` is linear, norm or embedding; entering [B, L, I], leaving [B, L, O]."""

    kind: str
    bias: bool
    entering: Tensor
    leaving: Tensor


def sizes(
    network: nn.Module, theta: Mapping[str, Tensor], image_CHW: Tensor
) -> list[tuple[int, int]]:
    """For each place: numbers to keep per image, those of activations and those of the gradient of one readout."""
    found = taps(network, theta, image_CHW[None])[1]
    return [
        (tap.entering.numel() if tap.kind == "linear" else 0, tap.leaving.numel()) for tap in found
    ]


def taps(
    network: nn.Module, theta: Mapping[str, Tensor], images_BCHW: Tensor
) -> tuple[Tensor, list[Tap]]:
    """f(x; θ) [B, D] with its graph, which begins at the taps, and the taps in the order of the layers."""
    return _Forward(network, theta).run(images_BCHW)


def pieces(
    network: nn.Module,
    theta: Mapping[str, Tensor],
    images_BCHW: Tensor,
    readout_KD: Tensor,
    places: Collection[int],
) -> list[Piece]:
    """The gradients of readout_KD · f(x; θ) in the parameters of these places, for each image of a batch.

    Args:
        network: one that `vision.supports` accepts.
        theta: its parameters by name.
        images_BCHW: what it takes.
        readout_KD: K directions in the embedding.
        places: indices into `sizes`.
    """
    outputs_BD, all_taps = taps(network, theta, images_BCHW)
    chosen = [all_taps[place] for place in places]
    found = []
    for readout_D in readout_KD:
        # Images do not meet inside the network: the gradient of a sum over the batch is that of each image.
        cotangent_BD = readout_D.expand_as(outputs_BD)
        found.append(
            torch.autograd.grad(
                outputs_BD, [t.leaving for t in chosen], cotangent_BD, retain_graph=True
            )
        )
    out: list[Piece] = []
    for tap, gradients in zip(chosen, zip(*found, strict=True), strict=True):
        out += _of(tap, torch.stack(gradients, 2))  # [B, L, K, O]
    return out


def _of(tap: Tap, g_BLKO: Tensor) -> list[Piece]:
    a = tap.entering.detach()
    if tap.kind == "embedding":
        # Positions: the gradient itself; the class token: that of the first position.
        return [Whole(g_BLKO.flatten(1)), Whole(g_BLKO[:, 0].flatten(1))]
    if tap.kind == "norm":
        return [
            Whole(torch.einsum("blko,blo->bko", g_BLKO, a).flatten(1)),
            Whole(g_BLKO.sum(1).flatten(1)),
        ]
    return [Factors(a, g_BLKO.flatten(2)), *([Whole(g_BLKO.sum(1).flatten(1))] if tap.bias else [])]


class _Forward:
    """One pass of a vision transformer that keeps its taps; names follow open_clip's modules."""

    def __init__(self, network: nn.Module, theta: Mapping[str, Tensor]) -> None:
        self.network, self.taps = network, []
        self.theta = {key: value.detach() for key, value in theta.items()}

    @torch.enable_grad()
    def run(self, images_BCHW: Tensor) -> tuple[Tensor, list[Tap]]:
        """f(x; θ) [B, D] with its graph, and the taps in the order of the layers."""
        x = self.norm(self.embed(images_BCHW), "ln_pre", self.network.ln_pre)
        for number, block in enumerate(self.network.transformer.resblocks):
            x = self.block(x, f"transformer.resblocks.{number}", block)
        x = self.norm(x[:, :1], "ln_post", self.network.ln_post)
        return self.linear(x, self.theta["proj"].T)[:, 0], self.taps

    def keep(self, kind: str, entering: Tensor, leaving: Tensor, bias: bool = False) -> Tensor:
        self.taps.append(Tap(kind, bias, entering, leaving))
        return leaving

    def embed(self, images_BCHW: Tensor) -> Tensor:
        weight, stride = self.theta["conv1.weight"], self.network.conv1.stride
        patches = nn.functional.unfold(
            images_BCHW, stride, stride=stride
        ).mT  # kernel = stride: no pixel twice
        # The graph begins here: parameters are constants, gradients are asked at the taps alone.
        tokens = self.keep(
            "linear", patches, linear(patches, weight.flatten(1)).requires_grad_(True)
        )
        first = self.theta["class_embedding"].expand(len(tokens), 1, -1)
        x = torch.cat([first, tokens], 1) + self.theta["positional_embedding"]
        return self.keep("embedding", x, x)

    def block(self, x: Tensor, name: str, module: nn.Module) -> Tensor:
        x = x + self.attention(
            self.norm(x, f"{name}.ln_1", module.ln_1), f"{name}.attn", module.attn.num_heads
        )
        h = self.named(
            self.norm(x, f"{name}.ln_2", module.ln_2),
            f"{name}.mlp.c_fc.weight",
            f"{name}.mlp.c_fc.bias",
        )
        return x + self.named(
            module.mlp.gelu(h), f"{name}.mlp.c_proj.weight", f"{name}.mlp.c_proj.bias"
        )

    def norm(self, x: Tensor, name: str, module: nn.Module) -> Tensor:
        if isinstance(module, nn.Identity):
            return x
        hat = layer_norm(x, module.normalized_shape, eps=module.eps)
        return self.keep(
            "norm", hat, hat * self.theta[f"{name}.weight"] + self.theta[f"{name}.bias"]
        )

    def attention(self, x: Tensor, name: str, num_heads: int) -> Tensor:
        weight, bias = self.theta[f"{name}.in_proj_weight"], self.theta[f"{name}.in_proj_bias"]
        width = x.shape[2]
        # Two taps for one matrix: in the last block no gradient reaches the queries of the patches.
        queries = self.linear(x, weight[:width], bias[:width])
        keys_and_values = self.linear(x, weight[width:], bias[width:])
        parts = (queries, *keys_and_values.chunk(2, -1))
        q, k, v = (
            part.unflatten(-1, (num_heads, -1)).transpose(1, 2) for part in parts
        )  # [B, heads, L, W / heads]
        mixed = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1) @ v
        return self.named(
            mixed.transpose(1, 2).flatten(2), f"{name}.out_proj.weight", f"{name}.out_proj.bias"
        )

    def named(self, x: Tensor, weight: str, bias: str) -> Tensor:
        return self.linear(x, self.theta[weight], self.theta[bias])

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return self.keep("linear", x, linear(x, weight, bias), bias is not None)
