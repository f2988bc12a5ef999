"""BERT's encoder with mean pooling: f(x; θ), the embedding of a text before normalisation.

    x = norm(word + position + kind)
    block:  x ← norm(x + attention(x)),  then  x ← norm(x + mlp(x))
    f = mean of x over the tokens of the text

Norms come after the sums, where open_clip's transformers have them before. Parameters have the
names of transformers' BertModel. Its pooler is left out, since the mean does not pass through it.
There is no dropout: the suite fine-tunes without, as the paper does.

Devlin et al., "BERT", NAACL 2019. Shapes: B texts, L tokens, W width, H heads.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, gelu, scaled_dot_product_attention

from tangent_bench.language import rules
from tangent_bench.language.tables import BertSizes, readable, require_readable, shares
from tangent_bench.tangent import layer_taps
from tangent_bench.tangent.layer_rules import by_head
from tangent_bench.tangent.written import Passes


class BertEncoder(nn.Module):
    """Tokens [B, L], int64, → embeddings [B, W]; `PADDING` is not read.

    The tables of words, positions and kinds are not fine-tuned unless `train_tables`: they are
    buffers then, and no part of θ. They hold half of the weights, of which a task reads few rows.
    """

    def __init__(self, sizes: BertSizes, train_tables: bool = False) -> None:
        super().__init__()
        self.sizes = sizes
        self.trains_tables = train_tables
        self.embeddings = Embeddings(sizes, train_tables)
        self.encoder = Blocks(sizes)

    def forward(self, tokens_BL: Tensor) -> Tensor:
        """Embeddings [B, W] before normalisation.

        Raises:
            ValueError: the tokens are no such table, or more than the network has positions.
        """
        require_readable(self.sizes, tokens_BL)
        x_BLW = self.embeddings(tokens_BL)
        readable_B11L = readable(tokens_BL)
        for block in self.encoder.layer:
            x_BLW = block(x_BLW, readable_B11L)
        return (x_BLW * shares(tokens_BL, x_BLW.dtype)).sum(1)

    def written(self) -> Passes:
        """Its passes by `rules`, for `tangent.written`."""
        return Passes(
            encode=partial(rules.encode, self),
            product=partial(rules.product, self),
            linearize=partial(rules.linearize, self),
            taps=None if self.trains_tables else partial(layer_taps.taps, self, self._places()),
        )

    def _places(self) -> layer_taps.Places:
        """The modules that have all of θ, unless tables are part of it."""
        return {**layer_taps.linear_layers(self), **layer_taps.norms(self)}


class EmbeddingTable(nn.Module):
    """Rows to look up: a parameter if they are trained, otherwise a buffer."""

    weight: Tensor

    def __init__(self, num_rows: int, width: int, trained: bool) -> None:
        super().__init__()
        rows = torch.randn(num_rows, width) * 0.02
        if trained:
            self.weight = nn.Parameter(rows)
        else:
            self.register_buffer("weight", rows)


class Embeddings(nn.Module):
    """The sum of a word's, a position's and the first kind's row, normalised."""

    def __init__(self, sizes: BertSizes, trained: bool) -> None:
        super().__init__()
        self.word_embeddings = EmbeddingTable(sizes.vocabulary, sizes.width, trained)
        self.position_embeddings = EmbeddingTable(sizes.positions, sizes.width, trained)
        self.token_type_embeddings = EmbeddingTable(sizes.kinds, sizes.width, trained)
        self.LayerNorm = nn.LayerNorm(sizes.width, eps=sizes.eps)

    def forward(self, tokens_BL: Tensor) -> Tensor:
        """Tokens [B, L] → [B, L, W]."""
        words_BLW = embedding(tokens_BL, self.word_embeddings.weight)
        positions_LW = self.position_embeddings.weight[: tokens_BL.shape[1]]
        return self.LayerNorm(words_BLW + positions_LW + self.token_type_embeddings.weight[0])


class Blocks(nn.Module):
    """The blocks, under the name that BertModel gives them."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.layer = nn.ModuleList(PostNormBlock(sizes) for _ in range(sizes.num_layers))


class PostNormBlock(nn.Module):
    """Attention and MLP, each followed by a norm of its sum with what entered it."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.attention = AttentionPart(sizes)
        self.intermediate = Wide(sizes)
        self.output = NormedSum(sizes.hidden, sizes)

    def forward(self, x_BLW: Tensor, readable_B11L: Tensor) -> Tensor:
        """[B, L, W] → [B, L, W]."""
        x_BLW = self.attention(x_BLW, readable_B11L)
        return self.output(gelu(self.intermediate.dense(x_BLW)), x_BLW)


class AttentionPart(nn.Module):
    """norm(x + attention(x))."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.self = SelfAttention(sizes)
        self.output = NormedSum(sizes.width, sizes)

    def forward(self, x_BLW: Tensor, readable_B11L: Tensor) -> Tensor:
        """[B, L, W] → [B, L, W]."""
        return self.output(self.self(x_BLW, readable_B11L), x_BLW)


class SelfAttention(nn.Module):
    """softmax(Q Kᵀ/√(W/H)) V by head, over the tokens that are no padding."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.num_heads = sizes.num_heads
        self.query = nn.Linear(sizes.width, sizes.width)
        self.key = nn.Linear(sizes.width, sizes.width)
        self.value = nn.Linear(sizes.width, sizes.width)

    def forward(self, x_BLW: Tensor, readable_B11L: Tensor) -> Tensor:
        """[B, L, W] → [B, L, W]."""
        q = by_head(self.query(x_BLW), self.num_heads)
        k = by_head(self.key(x_BLW), self.num_heads)
        v = by_head(self.value(x_BLW), self.num_heads)
        y_BHLV = scaled_dot_product_attention(q, k, v, attn_mask=readable_B11L)
        return y_BHLV.transpose(1, 2).flatten(2)


class Wide(nn.Module):
    """The first matrix of an MLP, under the name that BertModel gives it."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.dense = nn.Linear(sizes.width, sizes.hidden)


class NormedSum(nn.Module):
    """norm(x + dense(y)) of what entered a part, x, and what it made of it, y."""

    def __init__(self, num_inputs: int, sizes: BertSizes) -> None:
        super().__init__()
        self.dense = nn.Linear(num_inputs, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, eps=sizes.eps)

    def forward(self, y_BLI: Tensor, x_BLW: Tensor) -> Tensor:
        """[B, L, I] and [B, L, W] → [B, L, W]."""
        return self.LayerNorm(x_BLW + self.dense(y_BLI))
