"""open_clip's vision transformers, written out: f(x; θ), its gradient, and J(x; θ) τ of any number of vectors τ.

`linearize` runs the network once and returns, beside its value, the function τ ↦ J τ, which stands on what that pass
left behind. Every rule is a value x ↦ y and the derivative (ẋ, τ) ↦ ẏ at it:

    linear      ẏ = ẋ Wᵀ + x Ẇᵀ + ḃ
    layer norm  ẏ = γ ẋ̂ + γ̇ x̂ + β̇,  ẋ̂ = (ẋ − mean(ẋ) − x̂ mean(x̂ ẋ))/σ
    attention   P = softmax(S),  Ṗ = P ∘ (Ṡ − rowsum(P ∘ Ṡ)),  ẏ = Ṗ V + P V̇
    GELU        ẏ = (Φ(x) + x φ(x)) ẋ;  QuickGELU  ẏ = s (1 + 1.702 x (1 − s)) ẋ,  s = sigmoid(1.702 x)

The Jacobians of softmax and layer norm are symmetric, so that PyTorch's fused backward passes are these very products.
The last block runs for the class token alone: nothing else of it is read. Values differ from open_clip's own passes by
rounding, about 1e-6 of the embedding's length. Cost: 1 + 2T forward passes for T vectors, against 3T by
`torch.func.jvp`. Shapes: B images, L tokens, W width, H heads, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from tangent_bench.tangent.products import linear

Theta = Mapping[str, Tensor]
Push = Callable[[Tensor, Theta], Tensor]  # (ẋ, τ) → ẏ


def supports(network: nn.Module) -> bool:
    """Whether the rules below cover this module: open_clip's VisionTransformer as CLIP uses it."""
    try:
        from open_clip.transformer import QuickGELU, VisionTransformer
    except ImportError:
        return False
    if (
        not isinstance(network, VisionTransformer)
        or network.attn_pool is not None
        or network.final_ln_after_pool
    ):
        return False
    if (
        network.pool_type != "tok"
        or network.output_tokens
        or network.proj is None
        or network.conv1.bias is not None
    ):
        return False
    plain = (nn.Identity, nn.GELU, QuickGELU, nn.Linear, nn.LayerNorm, nn.MultiheadAttention)
    blocks = network.transformer.resblocks
    children = [m for b in blocks for m in (b.ls_1, b.ls_2, b.ln_1, b.ln_2, b.attn, *b.mlp)]
    exact = all(getattr(m, "approximate", "none") == "none" for m in children)
    side_by_side = network.conv1.stride == network.conv1.kernel_size
    known = all(isinstance(m, plain) for m in [*children, network.ln_pre, network.ln_post])
    return exact and side_by_side and known


def encode(network: nn.Module, theta: Theta, images_BCHW: Tensor) -> Tensor:
    """f(x; θ): embeddings [B, D] before normalisation, differentiable in θ; `network` as `supports` accepts.

    After `network.set_grad_checkpointing()` a gradient keeps what enters each block, and runs the block again.
    """
    x, _ = _embed(network, theta, images_BCHW)
    again = network.transformer.grad_checkpointing and torch.is_grad_enabled()
    for rule in _rules(
        network, theta, kept=False
    ):  # what a derivative would stand on is dropped at once
        x = (
            checkpoint(lambda x, rule=rule: rule(x)[0], x, use_reentrant=False)
            if again
            else rule(x)[0]
        )
    return x @ theta["proj"]


@torch.no_grad()
def product(network: nn.Module, theta: Theta, tau: Theta, images_BCHW: Tensor) -> Tensor:
    """J(x; θ) τ, [B, D], of one vector: side by side with the pass, of which nothing is kept."""
    x, embed = _embed(network, theta, images_BCHW)
    moved = embed(tau)
    for rule in _rules(network, theta):
        x, push = rule(x)
        moved = push(moved, tau)
    return moved @ theta["proj"] + x @ tau["proj"]


def linearize(
    network: nn.Module, theta: Theta, images_BCHW: Tensor
) -> tuple[Tensor, Callable[[Theta], Tensor]]:
    """f(x; θ) [B, D], differentiable in θ, and the function τ ↦ J(x; θ) τ [B, D], which carries no gradient."""
    x, embed = _embed(network, theta, images_BCHW)
    steps: list[Push] = []
    for rule in _rules(network, theta):
        x, push = rule(x)
        steps.append(push)
    before, projection = x.detach(), theta["proj"].detach()

    @torch.no_grad()
    def product(tau: Theta) -> Tensor:
        moved = embed(tau)
        for push in steps:
            moved = push(moved, tau)
        return moved @ projection + before @ tau["proj"]

    return x @ theta["proj"], product


def _rules(
    network: nn.Module, theta: Theta, kept: bool = True
) -> list[Callable[[Tensor], tuple[Tensor, Push]]]:
    """From tokens to the embedding before its projection; `kept` says whether the derivatives will be asked for."""
    blocks = network.transformer.resblocks
    return [
        lambda x: _norm(x, theta, "ln_pre", network.ln_pre),
        *(_Block(theta, k, block, k == len(blocks) - 1, kept) for k, block in enumerate(blocks)),
        lambda x: _first(x, theta, network.ln_post),
    ]


def _embed(
    network: nn.Module, theta: Theta, images_BCHW: Tensor
) -> tuple[Tensor, Callable[[Theta], Tensor]]:
    """Patches as one product, the class token before them, positions added; images have no tangent."""
    high, wide = network.conv1.kernel_size
    patches = images_BCHW.unfold(2, high, high).unfold(
        3, wide, wide
    )  # [B, C, H / high, W / wide, high, wide]
    patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)

    def tokens(theta: Theta) -> Tensor:
        token = theta["class_embedding"].expand(len(images_BCHW), 1, -1)
        return (
            torch.cat([token, linear(patches, theta["conv1.weight"].flatten(1))], 1)
            + theta["positional_embedding"]
        )

    return tokens(theta), tokens  # linear in its parameters


class _Block:
    """One residual block [B, L, W] → [B, L, W], or what it makes of the first token, [B, 1, W]."""

    def __init__(
        self, theta: Theta, number: int, module: nn.Module, last: bool, kept: bool
    ) -> None:
        self.theta, self.name, self.module = theta, f"transformer.resblocks.{number}", module
        self.last, self.kept = last, kept

    def __call__(self, x: Tensor) -> tuple[Tensor, Push]:
        theta, name, module = self.theta, self.name, self.module
        kept = slice(0, 1) if self.last else slice(None)
        y, norm_1 = _norm(x, theta, f"{name}.ln_1", module.ln_1)
        y, attention = _attention(y, theta, f"{name}.attn", module.attn.num_heads, kept)
        x = x[:, kept] + y
        y, norm_2 = _norm(x, theta, f"{name}.ln_2", module.ln_2)
        if not self.kept and isinstance(module.mlp.gelu, nn.GELU):
            y = linear(
                y, theta[f"{name}.mlp.c_fc.weight"], theta[f"{name}.mlp.c_fc.bias"], gelu=True
            )
        else:
            y, wide = _linear(y, theta, f"{name}.mlp.c_fc.weight", f"{name}.mlp.c_fc.bias")
            y, activation = _activation(y, module.mlp.gelu)
        y, narrow = _linear(y, theta, f"{name}.mlp.c_proj.weight", f"{name}.mlp.c_proj.bias")

        def push(moved: Tensor, tau: Theta) -> Tensor:
            moved = moved[:, kept] + attention(norm_1(moved, tau), tau)
            return moved + narrow(activation(wide(norm_2(moved, tau), tau)), tau)

        return x + y, push


def _linear(x: Tensor, theta: Theta, weight: str, bias: str) -> tuple[Tensor, Push]:
    value, fixed = x.detach(), theta[weight].detach()

    def push(moved: Tensor, tau: Theta) -> Tensor:
        return linear(value, tau[weight], tau[bias]).add_(linear(moved, fixed))

    return linear(x, theta[weight], theta[bias]), push


def _norm(x: Tensor, theta: Theta, name: str, module: nn.Module) -> tuple[Tensor, Push]:
    if isinstance(module, nn.Identity):
        return x, lambda moved, tau: moved
    weight, bias, shape = f"{name}.weight", f"{name}.bias", module.normalized_shape
    value, gamma = x.detach(), theta[weight].detach()

    @cache
    def plain() -> tuple[Tensor, Tensor, Tensor]:
        return torch.ops.aten.native_layer_norm(value, shape, None, None, module.eps)

    def push(moved: Tensor, tau: Theta) -> Tensor:
        hat, mean, scale = plain()
        mask = [True, False, False]  # the derivative in x alone
        back = torch.ops.aten.native_layer_norm_backward(
            moved, value, shape, mean, scale, None, None, mask
        )[0]
        return back.mul_(gamma).addcmul_(hat, tau[weight]).add_(tau[bias])

    return layer_norm(x, shape, theta[weight], theta[bias], module.eps), push


def _first(x: Tensor, theta: Theta, module: nn.Module) -> tuple[Tensor, Push]:
    """The class token alone, normalised, [B, W]."""
    y, norm = _norm(x[:, 0], theta, "ln_post", module)
    return y, lambda moved, tau: norm(moved[:, 0], tau)


def _attention(
    x: Tensor, theta: Theta, name: str, num_heads: int, kept: slice
) -> tuple[Tensor, Push]:
    """Self-attention of the kept tokens to all."""
    (q, k, v), inward = _heads(
        x, theta, f"{name}.in_proj_weight", f"{name}.in_proj_bias", num_heads, kept
    )
    fixed = q.detach(), k.detach(), v.detach()
    mixed, outward = _linear(
        scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2),
        theta, f"{name}.out_proj.weight", f"{name}.out_proj.bias",
    )  # fmt: skip
    scale = q.shape[-1] ** -0.5

    @cache
    def shares() -> Tensor:
        return (fixed[0] @ fixed[1].mT * scale).softmax(-1)

    def push(moved: Tensor, tau: Theta) -> Tensor:
        (q, k, v), p = fixed, shares()
        dq, dk, dv = inward(moved, tau)
        ds = (dq @ k.mT).add_(q @ dk.mT).mul_(scale)
        dp = torch.ops.aten._softmax_backward_data(
            ds.to(p.dtype), p, -1, p.dtype
        )  # autocast leaves ds in fewer bits
        return outward((dp @ v).add_(p @ dv).transpose(1, 2).flatten(2), tau)

    return mixed, push


def _heads(x: Tensor, theta: Theta, weight: str, bias: str, num_heads: int, kept: slice):
    """Queries of the kept tokens, keys and values of all, [B, H, L, W / H] each; and their derivative."""
    value, width = x.detach(), x.shape[-1]
    fixed = theta[weight].detach()

    def split(x: Tensor, theta: Theta, own: bool) -> tuple[Tensor, Tensor, Tensor]:
        w, b = theta[weight], theta[bias] if own else None
        if kept == slice(None):
            parts = linear(x, w, b).chunk(3, -1)
        else:
            first = linear(x[:, kept], w[:width], b[:width] if own else None)
            parts = first, *linear(x, w[width:], b[width:] if own else None).chunk(2, -1)
        return tuple(part.unflatten(-1, (num_heads, -1)).transpose(1, 2) for part in parts)

    def push(moved: Tensor, tau: Theta) -> tuple[Tensor, ...]:
        own, through = split(value, tau, True), split(moved, {weight: fixed}, False)
        return tuple(a + b for a, b in zip(own, through, strict=True))

    return split(x, theta, True), push


def _activation(x: Tensor, module: nn.Module) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """GELU (exact) or QuickGELU."""
    value = x.detach()
    if isinstance(module, nn.GELU):
        return module(x), lambda moved: torch.ops.aten.gelu_backward(moved, value)

    @cache
    def slope() -> Tensor:
        gate = torch.sigmoid(1.702 * value)
        return gate * (1.0 + 1.702 * value * (1.0 - gate))

    return module(x), lambda moved: slope() * moved
