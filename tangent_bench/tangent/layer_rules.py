"""Forward-mode rules of the layers that transformers share: x ↦ y, and (ẋ, τ) ↦ ẏ at it.

    linear      ẏ = ẋ Wᵀ + x Ẇᵀ + ḃ
    layer norm  ẏ = γ ẋ̂ + γ̇ x̂ + β̇,  ẋ̂ = (ẋ − mean(ẋ) − x̂ mean(x̂ ẋ))/σ
    attention   P = softmax(S),  Ṗ = P ∘ (Ṡ − rowsum(P ∘ Ṡ)),  ẏ = Ṗ V + P V̇
    GELU        ẏ = (Φ(x) + x φ(x)) ẋ

The Jacobians of softmax and layer norm are symmetric, so that PyTorch's fused backward passes are
these very products. `vision` and the encoder of texts put them together. Shapes: B inputs,
L tokens, W width, H heads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from tangent_bench.tangent.products import linear

Theta = Mapping[str, Tensor]
Push = Callable[[Tensor, Theta], Tensor]  # (ẋ, τ) → ẏ


def dense(weight: str, bias: str, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    """x Wᵀ + b of the parameters with these names, [..., O] of x [..., I]."""
    value = x.detach()
    fixed = theta[weight].detach()

    def push(moved: Tensor, tau: Theta) -> Tensor:
        return linear(value, tau[weight], tau[bias]).add_(linear(moved, fixed))

    return linear(x, theta[weight], theta[bias]), push


def norm(gain: str, shift: str, eps: float, x: Tensor, theta: Theta) -> tuple[Tensor, Push]:
    """Layer norm γ x̂ + β of the parameters with these names; `eps` is added to the variance."""
    shape = list(theta[gain].shape)
    value = x.detach()
    gamma = theta[gain].detach()

    @cache
    def plain() -> tuple[Tensor, Tensor, Tensor]:
        return torch.ops.aten.native_layer_norm(value, shape, None, None, eps)

    def push(moved: Tensor, tau: Theta) -> Tensor:
        hat, mean, scale = plain()
        mask = [True, False, False]  # the derivative in x alone
        back, _, _ = torch.ops.aten.native_layer_norm_backward(
            moved, value, shape, mean, scale, None, None, mask
        )
        return back.mul_(gamma).addcmul_(hat, tau[gain]).add_(tau[shift])

    return layer_norm(x, shape, theta[gain], theta[shift], eps), push


Heads = tuple[Tensor, Tensor, Tensor]  # queries, keys and values, [B, H, L, W / H] each


def attend(
    heads: Heads, readable_B11L: Tensor | None = None
) -> tuple[Tensor, Callable[[Heads], Tensor]]:
    """softmax(Q Kᵀ/√(W/H)) V, [B, L, W]; its derivative takes those of queries, keys and values.

    Args:
        heads: queries, keys and values.
        readable_B11L: the tokens that are looked at; None: all of them.
    """
    q, k, v = heads
    q_fixed = q.detach()
    k_fixed = k.detach()
    v_fixed = v.detach()
    scale = q.shape[-1] ** -0.5

    @cache
    def shares() -> Tensor:
        scores = q_fixed @ k_fixed.mT * scale
        if readable_B11L is not None:
            scores = scores.masked_fill(~readable_B11L, -torch.inf)
        return scores.softmax(-1)

    def push(moved: Heads) -> Tensor:
        p = shares()
        dq, dk, dv = moved
        ds = (dq @ k_fixed.mT).add_(q_fixed @ dk.mT).mul_(scale)
        ds = ds.to(p.dtype)  # autocast leaves it in fewer bits
        dp = torch.ops.aten._softmax_backward_data(ds, p, -1, p.dtype)
        dy = (dp @ v_fixed).add_(p @ dv)
        return dy.transpose(1, 2).flatten(2)

    mixed = scaled_dot_product_attention(q, k, v, attn_mask=readable_B11L)
    return mixed.transpose(1, 2).flatten(2), push


def by_head(x_BLW: Tensor, num_heads: int) -> Tensor:
    """[B, L, W] → [B, H, L, W / H]."""
    return x_BLW.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def gelu(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """GELU (exact), and ẋ ↦ ẏ."""
    value = x.detach()
    return functional.gelu(x), lambda moved: torch.ops.aten.gelu_backward(moved, value)
