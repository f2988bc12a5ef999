"""Heads of texts: the classes' prompts, embedded by the same encoder."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from tangent_bench.language.prompts import PromptEncoder
from tangent_bench.tangent import heads
from tests.language.small import SIZES, encoder

CLASSES = ("cat", "tree")
TEMPLATES = ("a {}", "one {} of many")


def tokenize(texts):
    """Letters as tokens, in place of word pieces."""
    tokens_BL = torch.zeros(len(texts), SIZES.positions, dtype=torch.int64)
    for row, text in enumerate(texts):
        letters = [1 + ord(letter) % (SIZES.vocabulary - 1) for letter in text[: SIZES.positions]]
        tokens_BL[row, : len(letters)] = torch.tensor(letters)
    return tokens_BL


def test_a_row_is_the_mean_of_its_prompts_embeddings():
    network = encoder()
    head_KD = heads.build(PromptEncoder(network, scale=30.0), tokenize, CLASSES, TEMPLATES)
    assert head_KD.shape == (2, SIZES.width)
    scales_K = torch.full((2,), 30.0, dtype=torch.float64)
    torch.testing.assert_close(head_KD.norm(dim=-1), scales_K, rtol=1e-6, atol=0)
    for row, name in zip(head_KD, CLASSES):
        prompts_ND = network(tokenize([template.format(name) for template in TEMPLATES]))
        expected = normalize(normalize(prompts_ND, dim=-1).mean(0), dim=0)
        torch.testing.assert_close(row, 30.0 * expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ValueError, match="expected one above 0"):
        PromptEncoder(encoder(), scale)
