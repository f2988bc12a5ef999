"""The encoder of texts against transformers' BertModel, and what it passes over."""

from __future__ import annotations

import pytest
import torch

from tangent_bench.language import loading
from tangent_bench.language.encoder import BertEncoder
from tangent_bench.language.tables import PADDING
from tangent_bench.language.tokens import WordPieces
from tangent_bench.tangent import linearize
from tests.language.small import SIZES, encoder, found_weights, tokens


def of_transformers(network: BertEncoder):
    """transformers' BertModel with the weights of a network; the pooler is another one."""
    from transformers import BertConfig, BertModel

    sizes = network.sizes
    config = BertConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.num_layers,
        num_attention_heads=sizes.num_heads,
        intermediate_size=sizes.hidden,
        max_position_embeddings=sizes.positions,
        type_vocab_size=sizes.kinds,
        layer_norm_eps=sizes.eps,
        attn_implementation="eager",
    )
    theirs = BertModel(config, add_pooling_layer=False).eval().requires_grad_(False)
    own = network.state_dict()
    theirs = theirs.to(next(iter(own.values())).dtype)
    found = theirs.load_state_dict(own, strict=False)
    assert not found.unexpected_keys
    assert set(found.missing_keys) <= {"embeddings.position_ids"}
    return theirs


def mean_of_tokens(theirs, tokens_BL):
    """As sentence-transformers pools: the mean over the attention mask."""
    mask_BL = (tokens_BL != PADDING).long()
    hidden = theirs(input_ids=tokens_BL, attention_mask=mask_BL).last_hidden_state
    mask_BL1 = mask_BL[..., None].to(hidden.dtype)
    return (hidden * mask_BL1).sum(1) / mask_BL1.sum(1)


@pytest.mark.slow  # the import of transformers alone takes seconds
def test_values_are_those_of_transformers():
    network = encoder()
    expected = mean_of_tokens(of_transformers(network), tokens())
    torch.testing.assert_close(network(tokens()), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
def test_the_public_weights_embed_as_transformers_does():
    place = found_weights()
    network = loading.load(place)
    read = WordPieces(place / "tokenizer.json")
    tokens_BL = read(["A man is eating food.", "Néon", "the quick brown fox jumps over a dog"])
    expected = mean_of_tokens(of_transformers(network), tokens_BL)
    found = network(tokens_BL)
    assert (found - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.slow
def test_the_public_weights_are_those_of_the_hub():
    from hashlib import sha256

    content = (found_weights() / loading.WEIGHTS).read_bytes()
    assert sha256(content).hexdigest() == loading.SHA256


@pytest.mark.slow
def test_the_public_encoder_knows_what_is_alike():
    place = found_weights()
    read = WordPieces(place / "tokenizer.json")
    pairs = read(["A man is eating food.", "Someone has a meal.", "The stock market fell."])
    near, same, far = torch.nn.functional.normalize(loading.load(place)(pairs), dim=-1)
    assert near @ same > 0.5 > 0.2 > near @ far


def test_padding_changes_nothing():
    network = encoder()
    tokens_BL = tokens()
    together = network(tokens_BL)
    for row, tokens_L in enumerate(tokens_BL):
        alone = tokens_L[tokens_L != PADDING][None]
        torch.testing.assert_close(network(alone)[0], together[row], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("train_tables", [False, True])
def test_tables_are_part_of_theta_only_if_they_are_trained(train_tables):
    theta0 = linearize.parameters(encoder(train_tables))
    tables = {name for name in theta0 if name.endswith("embeddings.weight")}
    assert len(tables) == (3 if train_tables else 0)
    assert len(theta0) == 2 + 16 * SIZES.num_layers + len(tables)


def test_theta_of_the_public_encoder_is_half_of_it():
    sizes = SIZES._replace(
        vocabulary=30522, positions=512, width=384, hidden=1536, num_layers=6, num_heads=12
    )
    with torch.device("meta"):
        network = BertEncoder(sizes)
    trained = sum(value.numel() for value in network.parameters())
    whole = sum(value.numel() for value in network.state_dict().values())
    assert trained == 10_647_552
    assert whole == trained + (30522 + 512 + 2) * 384


def test_tokens_that_do_not_fit_are_refused_in_words():
    network = encoder()
    with pytest.raises(ValueError, match=r"text of 13 tokens was given.*reads 12: shorten it"):
        network(torch.ones(1, 13, dtype=torch.int64))
    with pytest.raises(ValueError, match="expected integers"):
        network(torch.ones(1, 3))
    with pytest.raises(ValueError, match="expected integers"):
        linearize.encode(network, linearize.parameters(network), torch.ones(3, dtype=torch.int64))
