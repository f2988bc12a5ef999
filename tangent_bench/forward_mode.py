"""Several Jacobian products at once for open_clip's vision transformers: one primal pass carries T tangents.

Every rule takes a value x and tangents ẋ_1 … ẋ_T of it and of its parameters, and returns those of the result:

    linear      ẏ = ẋ Wᵀ + x Ẇᵀ + ḃ            (x Ẇᵀ of all T is one product)
    layer norm  x̂ = (x − μ)/σ,  ẏ = γ (ẋ − mean(ẋ) − x̂ mean(x̂ ẋ))/σ + γ̇ x̂ + β̇
    attention   P = softmax(S),  Ṗ = P ∘ (Ṡ − rowsum(P ∘ Ṡ))
    GELU        ẏ = (Φ(x) + x φ(x)) ẋ;  QuickGELU  ẏ = s (1 + 1.702 x (1 − s)) ẋ,  s = sigmoid(1.702 x)

Cost: 1 + 2T forward passes, against T (1 + 2) for T separate products. Shapes: B images, L tokens, W width, H heads, D
embedding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, layer_norm, linear

Dual = tuple[Tensor, Tensor]  # x of any shape, and its tangents [T, *x.shape]


def supports(network: nn.Module) -> bool:
    """Whether the rules below cover this module: open_clip's VisionTransformer as CLIP uses it."""
    try:
        from open_clip.transformer import QuickGELU, VisionTransformer
    except ImportError:
        return False
    if not isinstance(network, VisionTransformer) or network.attn_pool is not None or network.final_ln_after_pool:
        return False
    if network.pool_type != "tok" or network.output_tokens or network.proj is None or network.conv1.bias is not None:
        return False
    plain = (nn.Identity, nn.GELU, QuickGELU, nn.Linear, nn.LayerNorm, nn.MultiheadAttention)
    blocks = network.transformer.resblocks
    children = [m for b in blocks for m in (b.ls_1, b.ls_2, b.ln_1, b.ln_2, b.attn, *b.mlp)]
    exact = all(getattr(m, "approximate", "none") == "none" for m in children)
    return exact and all(isinstance(m, plain) for m in [*children, network.ln_pre, network.ln_post])


def stack(tangents: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """T vectors as one dict of tensors [T, ...]."""
    return {key: torch.stack([tangent[key] for tangent in tangents]) for key in tangents[0]}


def products(
    network: nn.Module, theta0: Mapping[str, Tensor], stacked: Mapping[str, Tensor], images_BCHW: Tensor
) -> Dual:
    """f(x; θ0) [B, D] and J(x; θ0) τ_t for all t, [T, B, D]; `network` must be one that `supports` accepts."""
    return _Pass(network, theta0, stacked).run(images_BCHW)


class _Pass:
    """One pass of a vision transformer with T tangents; names follow open_clip's modules."""

    def __init__(self, network: nn.Module, theta0: Mapping[str, Tensor], stacked: Mapping[str, Tensor]) -> None:
        self.network, self.theta, self.tau = network, theta0, stacked
        # Tangents are taken at fixed values: gradients in θ0 flow through f alone, which is all that Jᵀ g needs.
        self.fixed = {key: value.detach() for key, value in theta0.items()}

    def run(self, images_BCHW: Tensor) -> Dual:
        x = self.layer_norm(self.embed(images_BCHW), "ln_pre", self.network.ln_pre)
        for number, block in enumerate(self.network.transformer.resblocks):
            x = self.block(x, f"transformer.resblocks.{number}", block)
        first = x[0][:, 0], x[1][:, :, 0]
        y, dy = self.layer_norm(first, "ln_post", self.network.ln_post)
        proj, dproj = self.theta["proj"], self.tau["proj"]
        return y @ proj, dy @ proj.detach() + y.detach() @ dproj

    def embed(self, images_BCHW: Tensor) -> Dual:
        """Patches, class token and positions; images have no tangent."""
        names, stride = ("conv1.weight", "class_embedding", "positional_embedding"), self.network.conv1.stride
        num, size = len(self.tau["conv1.weight"]), len(images_BCHW)
        weight, token, positions = (self.theta[name] for name in names)
        patches = conv2d(images_BCHW, weight, stride=stride).flatten(2).transpose(1, 2)
        value = torch.cat([token.expand(size, 1, -1), patches], 1) + positions
        weight, token, positions = (self.tau[name] for name in names)
        patches = conv2d(images_BCHW, weight.flatten(0, 1), stride=stride).flatten(2).unflatten(1, (num, -1))
        patches = patches.permute(1, 0, 3, 2)  # [T, B, L - 1, W]
        tangents = torch.cat([token[:, None, None].expand(num, size, 1, -1), patches], 2) + positions[:, None]
        return value, tangents

    def block(self, x: Dual, name: str, module: nn.Module) -> Dual:
        a = self.attention(self.layer_norm(x, f"{name}.ln_1", module.ln_1), f"{name}.attn", module.attn.num_heads)
        x = x[0] + a[0], x[1] + a[1]
        h = self.linear(
            self.layer_norm(x, f"{name}.ln_2", module.ln_2), f"{name}.mlp.c_fc.weight", f"{name}.mlp.c_fc.bias"
        )
        h = activation(h, module.mlp.gelu)
        h = self.linear(h, f"{name}.mlp.c_proj.weight", f"{name}.mlp.c_proj.bias")
        return x[0] + h[0], x[1] + h[1]

    def linear(self, x: Dual, weight: str, bias: str) -> Dual:
        value, tangents = x
        num, width = len(tangents), self.theta[weight].shape[0]
        # One product for all T: [.., in] × [in, T · out].
        moved = linear(value.detach(), self.tau[weight].flatten(0, 1)).unflatten(-1, (num, width)).movedim(-2, 0)
        shift = self.tau[bias].view(num, *[1] * (value.ndim - 1), width)
        return linear(value, self.theta[weight], self.theta[bias]), linear(tangents, self.fixed[weight]) + moved + shift

    def layer_norm(self, x: Dual, name: str, module: nn.Module) -> Dual:
        value, tangents = x
        if isinstance(module, nn.Identity):
            return x
        weight, bias = f"{name}.weight", f"{name}.bias"
        result = layer_norm(value, module.normalized_shape, self.theta[weight], self.theta[bias], module.eps)
        value = value.detach()
        scale = (value.var(-1, unbiased=False, keepdim=True) + module.eps).rsqrt()
        hat = (value - value.mean(-1, keepdim=True)) * scale
        moved = tangents - tangents.mean(-1, keepdim=True) - hat * (tangents * hat).mean(-1, keepdim=True)
        shape = [len(tangents), *[1] * (value.ndim - 1), -1]
        own = hat * self.tau[weight].view(shape) + self.tau[bias].view(shape)
        return result, moved * scale * self.fixed[weight] + own

    def attention(self, x: Dual, name: str, num_heads: int) -> Dual:
        # Tokens before images, as in nn.MultiheadAttention: another order rounds otherwise, and f0 is to have its bits.
        x = x[0].transpose(-3, -2), x[1].transpose(-3, -2)
        qkv = self.linear(x, f"{name}.in_proj_weight", f"{name}.in_proj_bias")
        (q, k, v), (dq, dk, dv) = (_heads(part, num_heads) for part in qkv)
        root = q.shape[-1] ** -0.25  # on both factors, as PyTorch's math attention does, to the same bits
        p = ((q * root) @ (k * root).mT).softmax(-1)
        value = p @ v
        q, k, v, p = q.detach(), k.detach(), v.detach(), p.detach()
        ds = (dq @ k.mT + q @ dk.mT) * root**2
        dp = p * (ds - (p * ds).sum(-1, keepdim=True))
        mixed = value, dp @ v + p @ dv
        merged = tuple(m.movedim(-2, -4).flatten(-2) for m in mixed)  # [..., L, B, W]
        y, dy = self.linear(merged, f"{name}.out_proj.weight", f"{name}.out_proj.bias")
        return y.transpose(-3, -2), dy.transpose(-3, -2)


def _heads(qkv: Tensor, num_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """[..., L, B, 3 W] → three of [..., B, H, L, W / H]."""
    parts = qkv.unflatten(-1, (3, num_heads, -1)).movedim(-5, -2)  # [..., B, 3, H, L, W / H]
    return parts[..., 0, :, :, :], parts[..., 1, :, :, :], parts[..., 2, :, :, :]


def activation(x: Dual, module: nn.Module) -> Dual:
    """GELU (exact) or QuickGELU."""
    value, tangents = x
    at = value.detach()
    if isinstance(module, nn.GELU):
        density = torch.exp(-0.5 * at * at) / math.sqrt(2.0 * math.pi)
        slope = 0.5 * (1.0 + torch.erf(at / math.sqrt(2.0))) + at * density
    else:
        gate = torch.sigmoid(1.702 * at)
        slope = gate * (1.0 + 1.702 * at * (1.0 - gate))
    return module(value), slope * tangents
