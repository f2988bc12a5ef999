"""open_clip's vision transformers, written out: f(x; θ), its gradient, and J(x; θ) τ of any τ.

`linearize` runs the network once and returns, beside its value, the function τ ↦ J τ, which stands
on what that pass left behind. A rule gives, for each layer of `transformer.layers`, the value
x ↦ y and the derivative (ẋ, τ) ↦ ẏ at it: those of `layer_rules`, and

    QuickGELU   ẏ = s (1 + 1.702 x (1 − s)) ẋ,  s = sigmoid(1.702 x)

The last block runs for the class token alone: nothing else of it is read.
Values differ from open_clip's own passes by rounding, about 1e-6 of the embedding's length.
Cost: 1 + 2T forward passes for T vectors, against 3T by `torch.func.jvp`.

Shapes: B images, L tokens, W width, H heads, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tangent_bench.tangent.layer_rules import (
    Heads,
    Push,
    Theta,
    attend,
    by_head,
    dense,
    gelu,
    norm,
)
from tangent_bench.tangent.products import linear
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

if TYPE_CHECKING:
    from open_clip.transformer import VisionTransformer


def supports(network: nn.Module) -> TypeGuard[VisionTransformer]:
    """Whether the rules cover this module: open_clip's VisionTransformer as CLIP uses it."""
    try:
        from open_clip.transformer import QuickGELU, VisionTransformer
    except ImportError:
        return False
    if not isinstance(network, VisionTransformer) or not _reads_class_token(network):
        return False
    if network.conv1.bias is not None or network.conv1.stride != network.conv1.kernel_size:
        return False
    plain = (nn.Identity, nn.GELU, QuickGELU, nn.Linear, nn.LayerNorm, nn.MultiheadAttention)
    return all(
        isinstance(module, plain) and getattr(module, "approximate", "none") == "none"
        for module in _parts(network)
    )


def _reads_class_token(network: VisionTransformer) -> bool:
    """Whether the embedding is the projected class token, normalised before it is taken."""
    return (
        network.attn_pool is None
        and not network.final_ln_after_pool
        and network.pool_type == "tok"
        and not network.output_tokens
        and network.proj is not None
    )


def _parts(network: VisionTransformer) -> list[nn.Module]:
    """The modules whose kind decides whether the rules are exact."""
    parts: list[nn.Module] = [network.ln_pre, network.ln_post]
    for block in network.transformer.resblocks:
        parts += [getattr(block, name) for name in ("ls_1", "ls_2", "ln_1", "ln_2", "attn")]
        parts += block.get_submodule("mlp").children()
    return parts


def encode(network: VisionTransformer, theta: Theta, images_BCHW: Tensor) -> Tensor:
    """f(x; θ): embeddings [B, D] before normalisation, differentiable in θ.

    After `network.set_grad_checkpointing()` a gradient keeps what enters each block, and runs the
    block again. `network`, `theta` and `images_BCHW` are as `supports` accepts them, by name, and
    as the network takes them.
    """
    rerun = network.transformer.grad_checkpointing and torch.is_grad_enabled()

    def value(x: Tensor, layer: Layer) -> Tensor:
        return _rule(layer, x, theta, kept=False)[0]  # the derivative's share is dropped at once

    x = images_BCHW
    for layer in layers(network):
        if rerun and isinstance(layer, Block):
            x = cast("Tensor", checkpoint(value, x, layer, use_reentrant=False))
        else:
            x = value(x, layer)
    return x


@torch.no_grad()
def product(network: VisionTransformer, theta: Theta, tau: Theta, images_BCHW: Tensor) -> Tensor:
    """J(x; θ) τ, [B, D], of one vector: side by side with the pass, of which nothing is kept."""
    x = images_BCHW
    moved = _no_tangent(images_BCHW)
    for layer in layers(network):
        x, push = _rule(layer, x, theta)
        moved = push(moved, tau)
    return moved


def linearize(
    network: VisionTransformer, theta: Theta, images_BCHW: Tensor
) -> tuple[Tensor, Callable[[Theta], Tensor]]:
    """f(x; θ) [B, D], differentiable in θ, and τ ↦ J(x; θ) τ [B, D], which carries no gradient."""
    y, push = _chain(layers(network), images_BCHW, theta)

    @torch.no_grad()
    def product(tau: Theta) -> Tensor:
        return push(_no_tangent(images_BCHW), tau)

    return y, product


def _no_tangent(images_BCHW: Tensor) -> Tensor:
    """Images do not move with θ: the first rule does not look at their tangent."""
    return images_BCHW.new_empty(0)


def _chain(
    parts: Iterable[Layer], x: Tensor, theta: Theta, kept: bool = True
) -> tuple[Tensor, Push]:
    """One layer after another."""
    pushes: list[Push] = []
    for layer in parts:
        x, push = _rule(layer, x, theta, kept)
        pushes.append(push)

    def push_all(moved: Tensor, tau: Theta) -> Tensor:
        for push in pushes:
            moved = push(moved, tau)
        return moved

    return x, push_all


def _rule(layer: Layer, x: Tensor, theta: Theta, kept: bool = True) -> tuple[Tensor, Push]:
    """The layer's value at x and, where `kept`, its derivative."""
    match layer:
        case Patches():
            return _patches(layer, x, theta)
        case Tokens():
            return _tokens(layer, x, theta)
        case Norm():
            return _norm(layer, x, theta)
        case Attention():
            return _attention(layer, x, theta)
        case Mlp():
            return _mlp(layer, x, theta, kept)
        case Residual():
            return _residual(layer, x, theta, kept)
        case Block():
            return _chain(layer.layers, x, theta, kept)
        case ClassToken():
            return x[:, 0], lambda moved, tau: moved[:, 0]
        case Projection():
            return _projection(layer, x, theta)


def _patches(layer: Patches, images_BCHW: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    """Patches as one product, [B, L − 1, W]."""
    high, wide = layer.size
    patches = images_BCHW.unfold(2, high, high)  # [B, C, H / high, W, high]
    patches = patches.unfold(3, wide, wide)  # [B, C, H / high, W / wide, high, wide]
    patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)

    def value(theta: Theta) -> Tensor:
        return linear(patches, theta[layer.matrix.weight].flatten(1))

    return value(theta), lambda moved, tau: value(tau)


def _tokens(layer: Tokens, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    def push(moved: Tensor, tau: Theta) -> Tensor:
        token = tau[layer.class_token].expand(len(moved), 1, -1)
        return torch.cat([token, moved], 1) + tau[layer.positions]

    return push(x, theta), push  # linear in tokens and parameters together


def _residual(layer: Residual, x: Tensor, theta: Theta, kept: bool) -> tuple[Tensor, Push]:
    """x + y, of those tokens that y has: in the last block the class token alone."""
    y, push = _chain(layer.layers, x, theta, kept)
    num_tokens = y.shape[1]

    def push_sum(moved: Tensor, tau: Theta) -> Tensor:
        return moved[:, :num_tokens] + push(moved, tau)

    return x[:, :num_tokens] + y, push_sum


def _mlp(layer: Mlp, x: Tensor, theta: Theta, kept: bool) -> tuple[Tensor, Push]:
    if not kept and isinstance(layer.activation, nn.GELU):
        return _mlp_value(layer, x, theta)
    y, wide = _linear(layer.wide, x, theta)
    y, activation = _activation(layer.activation, y)
    y, narrow = _linear(layer.narrow, y, theta)
    return y, lambda moved, tau: narrow(activation(wide(moved, tau)), tau)


def _mlp_value(layer: Mlp, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    """With GELU in the pass of the product before it, which leaves no derivative behind."""
    weight, bias, *_ = layer.wide
    assert bias is not None
    hidden = linear(x, theta[weight], theta[bias], gelu=True)
    return _linear(layer.narrow, hidden, theta)


def _linear(matrix: Matrix, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    weight, bias, *_ = matrix
    assert bias is not None
    return dense(weight, bias, x, theta)


def _projection(layer: Projection, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    name = layer.matrix.weight
    value = x.detach()
    fixed = theta[name].detach()
    return x @ theta[name], lambda moved, tau: moved @ fixed + value @ tau[name]


def _norm(layer: Norm, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    return norm(layer.gain, layer.shift, layer.module.eps, x, theta)


def _attention(layer: Attention, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    """Self-attention, of all tokens or of the class token, to all."""
    heads, inward = _heads(layer, x, theta)
    mixed, mix = attend(heads)
    y, outward = _linear(layer.outward, mixed, theta)
    return y, lambda moved, tau: outward(mix(inward(moved, tau)), tau)


def _heads(
    layer: Attention, x: Tensor, theta: Theta
) -> tuple[Heads, Callable[[Tensor, Theta], Heads]]:
    """Queries of the tokens that are read, keys and values of all; and their derivative."""
    weight, bias, *_ = layer.queries
    assert bias is not None
    value = x.detach()
    fixed = theta[weight].detach()

    def push(moved: Tensor, tau: Theta) -> Heads:
        q_theta, k_theta, v_theta = _split(layer, value, tau[weight], tau[bias])
        q_x, k_x, v_x = _split(layer, moved, fixed, None)
        return q_theta + q_x, k_theta + k_x, v_theta + v_x

    return _split(layer, x, theta[weight], theta[bias]), push


def _split(layer: Attention, x: Tensor, weight: Tensor, bias: Tensor | None) -> Heads:
    if layer.of_class_token:
        above = layer.queries.rows
        below = layer.keys_and_values.rows
        q = linear(x[:, :1], weight[above], None if bias is None else bias[above])
        k, v = linear(x, weight[below], None if bias is None else bias[below]).chunk(2, -1)
    else:
        q, k, v = linear(x, weight, bias).chunk(3, -1)
    q, k, v = (by_head(part, layer.num_heads) for part in (q, k, v))
    return q, k, v


def _activation(module: nn.Module, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """GELU (exact) or QuickGELU."""
    if isinstance(module, nn.GELU):
        return gelu(x)
    value = x.detach()

    @cache
    def slope() -> Tensor:
        gate = torch.sigmoid(1.702 * value)
        return gate * (1.0 + 1.702 * value * (1.0 - gate))

    return module(x), lambda moved: slope() * moved
