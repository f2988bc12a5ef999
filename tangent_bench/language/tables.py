"""Tables of tokens as BERT's encoder reads them, and the sizes that it is built by.

Shapes: B texts, L tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

PADDING = 0  # the token that fills a text up to the longest of its batch


class BertSizes(NamedTuple):
    """What a network is built by.

    Attributes:
        vocabulary: number of tokens.
        positions: number of tokens that a text may have.
        kinds: number of kinds of tokens, of which texts have the first.
        width: of a token and of the embedding.
        hidden: width inside of an MLP.
        num_layers: number of blocks.
        num_heads: of each attention; they share the width.
        eps: what norms add to a variance.
    """

    vocabulary: int
    positions: int
    kinds: int
    width: int
    hidden: int
    num_layers: int
    num_heads: int
    eps: float = 1e-12


def require_readable(sizes: BertSizes, tokens_BL: Tensor) -> None:
    """Require tokens as a network of these `sizes` takes them.

    Raises:
        ValueError: the tokens are no table of integers, or a row has more than the network has
            positions.
    """
    if tokens_BL.ndim != 2 or tokens_BL.is_floating_point():
        raise ValueError(
            f"Tokens of shape {tuple(tokens_BL.shape)} and type {tokens_BL.dtype} were given: "
            "expected integers [texts, tokens], as WordPieces makes them."
        )
    if tokens_BL.shape[1] > sizes.positions:
        raise ValueError(
            f"A text of {tokens_BL.shape[1]} tokens was given, but the encoder reads "
            f"{sizes.positions}: shorten it."
        )


def readable(tokens_BL: Tensor) -> Tensor:
    """Whether attention may look at a token, [B, 1, 1, L]: not at padding."""
    return (tokens_BL != PADDING)[:, None, None]


def shares(tokens_BL: Tensor, dtype: torch.dtype) -> Tensor:
    """What each token counts for in the mean of its text, [B, L, 1]: 1/n of n tokens, or 0."""
    there_BL = (tokens_BL != PADDING).to(dtype)
    return (there_BL / there_BL.sum(1, keepdim=True))[..., None]


def trimmed(tokens_BL: Tensor) -> Tensor:
    """Tokens of a batch, [B, L], without the columns that only fill it up.

    The encoder makes the same of both, and less work of fewer columns.
    """
    longest = int((tokens_BL != PADDING).sum(1).max())
    return tokens_BL[:, :longest]
