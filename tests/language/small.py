"""A small encoder of texts, batches of tokens, and vectors, in float64."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tangent_bench import models
from tangent_bench.language.encoder import BertEncoder
from tangent_bench.language.tables import PADDING, BertSizes

SIZES = BertSizes(
    vocabulary=50,
    positions=12,
    kinds=2,
    width=24,
    hidden=40,
    num_layers=2,
    num_heads=3,
)


def encoder(train_tables: bool = False) -> BertEncoder:
    """With random weights, those of norms and biases too."""
    network = BertEncoder(SIZES, train_tables).double()
    generator = torch.Generator().manual_seed(3)
    for value in network.state_dict().values():
        value += 0.2 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
    return network.eval().requires_grad_(False)


def tokens() -> Tensor:
    """Five texts of different lengths, [5, 9]."""
    generator = torch.Generator().manual_seed(1)
    tokens_BL = torch.randint(1, SIZES.vocabulary, (5, 9), generator=generator)
    for row, length in enumerate((9, 3, 1, 7, 5)):
        tokens_BL[row, length:] = PADDING
    return tokens_BL


def random_like(theta: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {k: torch.randn(v.shape, generator=generator, dtype=v.dtype) for k, v in theta.items()}


def found_weights() -> Path:
    """The folder of the public weights; where they are not, the test is skipped."""
    file = models.weights_file(models.find("minilm"))
    if not file.is_file():
        pytest.skip("the weights of all-MiniLM-L6-v2 are not on this machine")
    return file.parent
