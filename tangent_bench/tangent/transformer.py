"""The layers of open_clip's vision transformer, in the order in which images pass them.

This is the only place that knows the architecture: the forward and derivative rules (`vision`),
the gradients by layer (`layer_gradients`) and the blocks of the curvature (`curvature`) all follow
`layers`.

    images → patches → tokens → norm → blocks → class token → norm → projection
    block:  x + attention(norm(x)),  then  x + mlp(norm(x))

Names are those of open_clip's parameters. Shapes: I inputs and O outputs of a layer; L tokens,
W width of a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

if TYPE_CHECKING:
    from open_clip.transformer import VisionTransformer


class Matrix(NamedTuple):
    """s = W a + b, or the rows `first` to `last` of both; `turned` where W is stored as [I, O]."""

    weight: str
    bias: str | None = None
    first: int = 0
    last: int | None = None
    turned: bool = False

    @property
    def rows(self) -> slice:
        """Its part of the layer's outputs."""
        return slice(self.first, self.last)


class Patches(NamedTuple):
    """Images, cut into patches that do not overlap, each flattened and multiplied by `matrix`."""

    matrix: Matrix
    size: tuple[int, int]


class Tokens(NamedTuple):
    """The class token before the patches, and positions [L, W] added to all."""

    class_token: str
    positions: str


class Norm(NamedTuple):
    """Layer norm, γ x̂ + β."""

    gain: str
    shift: str
    module: nn.LayerNorm


class Attention(NamedTuple):
    """Self-attention; `of_class_token` in the last block, after which no other token is read.

    `queries` and `keys_and_values` are rows of one matrix, told apart because no gradient reaches
    the queries of the other tokens in the last block.
    """

    queries: Matrix
    keys_and_values: Matrix
    outward: Matrix
    num_heads: int
    of_class_token: bool


class Mlp(NamedTuple):
    """narrow(activation(wide(x)))."""

    wide: Matrix
    activation: nn.Module
    narrow: Matrix


class Residual(NamedTuple):
    """x plus what its layers make of x."""

    layers: tuple[Layer, ...]


class Block(NamedTuple):
    """The two residual parts that activation checkpointing runs again together."""

    layers: tuple[Residual, Residual]


class ClassToken(NamedTuple):
    """From here on the class token alone."""


class Projection(NamedTuple):
    """From the class token's width to that of the embedding."""

    matrix: Matrix


Layer = Patches | Tokens | Norm | Attention | Mlp | Residual | Block | ClassToken | Projection


def layers(network: VisionTransformer) -> Iterator[Layer]:
    """The layers of a network that `vision.supports` accepts, first to last."""
    yield Patches(Matrix("conv1.weight"), _pair(network.conv1.kernel_size))
    yield Tokens("class_embedding", "positional_embedding")
    yield from _norm("ln_pre", network.ln_pre)
    blocks = list(network.transformer.resblocks)
    for number, block in enumerate(blocks):
        yield _block(f"transformer.resblocks.{number}", block, number == len(blocks) - 1)
    yield ClassToken()
    yield from _norm("ln_post", network.ln_post)
    yield Projection(Matrix("proj", turned=True))


def _block(name: str, module: nn.Module, last: bool) -> Block:
    from open_clip.transformer import ResidualAttentionBlock

    assert isinstance(module, ResidualAttentionBlock)
    _, activation, _ = module.mlp
    attention = _attention(f"{name}.attn", module.attn, last)
    mlp = Mlp(_linear(f"{name}.mlp.c_fc"), activation, _linear(f"{name}.mlp.c_proj"))
    return Block(
        (
            Residual((*_norm(f"{name}.ln_1", module.ln_1), attention)),
            Residual((*_norm(f"{name}.ln_2", module.ln_2), mlp)),
        )
    )


def _attention(name: str, module: nn.MultiheadAttention, of_class_token: bool) -> Attention:
    weight = f"{name}.in_proj_weight"
    bias = f"{name}.in_proj_bias"
    width = module.embed_dim
    return Attention(
        queries=Matrix(weight, bias, last=width),
        keys_and_values=Matrix(weight, bias, first=width),
        outward=_linear(f"{name}.out_proj"),
        num_heads=module.num_heads,
        of_class_token=of_class_token,
    )


def _linear(name: str) -> Matrix:
    return Matrix(f"{name}.weight", f"{name}.bias")


def _norm(name: str, module: nn.Module) -> Iterator[Norm]:
    """No layer where open_clip has an identity in its place."""
    if not isinstance(module, nn.Identity):
        assert isinstance(module, nn.LayerNorm)
        yield Norm(f"{name}.weight", f"{name}.bias", module)


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    high, wide = size
    return high, wide
