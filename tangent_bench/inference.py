"""f(x; θ) of open_clip's vision transformers for predictions only: the same function as `linearize.encode`, faster.

Four things that predictions do not need are left out: the last block runs for the class token alone, attention is
fused, patches are multiplied instead of convolved, and products are oneDNN's, which uses all of a processor's vector
width where MKL does not (AMD). All of it rounds otherwise, by about 1e-6 of the embedding's length; `evaluation` asks
`linearize.encode` wherever that could decide. No derivative goes through it.

Shapes: B images, C, H, W; L tokens, D width of tokens, N heads.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

from tangent_bench import forward_mode


def supports(network: nn.Module) -> bool:
    """Whether `encode` covers this module: what `forward_mode` covers, with square patches side by side."""
    return forward_mode.supports(network) and network.conv1.stride == network.conv1.kernel_size


@torch.no_grad()
def encode(network: nn.Module, theta: Mapping[str, Tensor], images_BCHW: Tensor) -> Tensor:
    """f(x; θ): embeddings before normalisation; `network` must be one that `supports` accepts."""
    x = _norm(_embed(network, theta, images_BCHW), theta, "ln_pre", network.ln_pre)
    blocks = network.transformer.resblocks
    for number, block in enumerate(blocks):
        x = _block(x, theta, f"transformer.resblocks.{number}", block, only_first=number == len(blocks) - 1)
    return _norm(x[:, 0], theta, "ln_post", network.ln_post) @ theta["proj"]


def _embed(network: nn.Module, theta: Mapping[str, Tensor], images_BCHW: Tensor) -> Tensor:
    """Patches as one product, the class token before them, positions added."""
    weight, (high, wide) = theta["conv1.weight"], network.conv1.kernel_size
    patches = images_BCHW.unfold(2, high, high).unfold(3, wide, wide)  # [B, C, H / high, W / wide, high, wide]
    patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    token = theta["class_embedding"].expand(len(images_BCHW), 1, -1)
    return torch.cat([token, _linear(patches, weight.flatten(1), None)], 1) + theta["positional_embedding"]


def _block(x: Tensor, theta: Mapping[str, Tensor], name: str, module: nn.Module, only_first: bool) -> Tensor:
    """One residual block [B, L, D], or what it makes of the first token, [B, 1, D]."""
    y = _norm(x, theta, f"{name}.ln_1", module.ln_1)
    x = x[:, :1] if only_first else x
    x = x + _attention(y, theta, f"{name}.attn", module.attn.num_heads, only_first)
    y = _norm(x, theta, f"{name}.ln_2", module.ln_2)
    y = _linear(y, theta[f"{name}.mlp.c_fc.weight"], theta[f"{name}.mlp.c_fc.bias"], module.mlp.gelu)
    return x + _linear(y, theta[f"{name}.mlp.c_proj.weight"], theta[f"{name}.mlp.c_proj.bias"])


def _attention(y: Tensor, theta: Mapping[str, Tensor], name: str, num_heads: int, only_first: bool) -> Tensor:
    weight, bias, width = theta[f"{name}.in_proj_weight"], theta[f"{name}.in_proj_bias"], y.shape[-1]
    if only_first:
        query = _linear(y[:, :1], weight[:width], bias[:width])
        parts = query, *_linear(y, weight[width:], bias[width:]).chunk(2, -1)
    else:
        parts = _linear(y, weight, bias).chunk(3, -1)
    heads = (part.unflatten(-1, (num_heads, -1)).transpose(1, 2) for part in parts)  # [B, N, L, D / N]
    mixed = scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
    return _linear(mixed, theta[f"{name}.out_proj.weight"], theta[f"{name}.out_proj.bias"])


def _norm(x: Tensor, theta: Mapping[str, Tensor], name: str, module: nn.Module) -> Tensor:
    if isinstance(module, nn.Identity):
        return x
    return layer_norm(x, module.normalized_shape, theta[f"{name}.weight"], theta[f"{name}.bias"], module.eps)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: nn.Module | None = None) -> Tensor:
    """x Wᵀ + b, and the activation of it."""
    if x.dtype == torch.float32 and x.device.type == "cpu" and torch.backends.mkldnn.is_available():
        if isinstance(activation, nn.GELU):
            return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "none")
        y = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    else:
        y = linear(x, weight, bias)
    if isinstance(activation, nn.GELU):
        return gelu(y)
    return y if activation is None else activation(y)
