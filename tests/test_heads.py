"""Heads against a literal loop over classes and templates."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tangent_bench import models
from tangent_bench.tangent import heads
from tests import small

CLASSES = ("cat", "dog", "owl")
TEMPLATES = ("a photo of a {}", "the {}.", "{} at night")


class Texts:
    """A text tower of made-up embeddings of very different lengths."""

    logit_scale = torch.tensor(math.log(20.0), dtype=torch.float64)

    def __init__(self):
        self.seen = {}

    def tokenize(self, texts):
        numbers = []
        for text in texts:
            number = self.seen.setdefault(text, len(self.seen))
            numbers.append([number])
        return torch.tensor(numbers)

    def embedding(self, number):
        return small.normal("text", number, shape=(4,)) * (1 + 10 * (number % 3))

    def encode_text(self, tokens, normalize=False):
        rows = torch.stack([self.embedding(int(n)) for n in tokens[:, 0]])
        return rows / rows.norm(dim=1, keepdim=True) if normalize else rows


def literal(texts, classes, templates):
    rows = []
    for name in classes:
        total = np.zeros(4)
        for template in templates:
            e = texts.embedding(texts.seen[template.replace("{}", name)]).numpy()
            total = total + e / math.sqrt((e * e).sum())
        mean = total / len(templates)
        rows.append(20.0 * mean / math.sqrt((mean * mean).sum()))
    return np.stack(rows)


def test_head_is_the_literal_loop():
    texts = Texts()
    head = heads.build(texts, texts.tokenize, CLASSES, TEMPLATES)
    assert len(texts.seen) == 9 and head.shape == (3, 4) and not head.requires_grad
    np.testing.assert_allclose(head.numpy(), literal(texts, CLASSES, TEMPLATES), rtol=1e-12)
    np.testing.assert_allclose(head.norm(dim=1).numpy(), 20.0, rtol=1e-12)


def test_rows_follow_the_order_of_the_classes():
    texts = Texts()
    head = heads.build(texts, texts.tokenize, CLASSES, TEMPLATES)
    turned = heads.build(texts, texts.tokenize, CLASSES[::-1], TEMPLATES[::-1])
    torch.testing.assert_close(turned, head.flip(0))
    assert not torch.allclose(turned, head)


def test_logits_are_scaled_cosines():
    head = small.normal("head", shape=(3, 4))
    head = 20.0 * head / head.norm(dim=1, keepdim=True)
    embeddings = (
        small.normal("embeddings", shape=(5, 4))
        * torch.tensor([1e-3, 1.0, 5.0, 100.0, 1e4])[:, None]
    )
    found = heads.logits(embeddings, head)
    assert found.shape == (5, 3)
    for b in range(5):
        for k in range(3):
            e = embeddings[b].numpy()
            h = head[k].numpy()
            cosine = float((e * h).sum() / math.sqrt((e * e).sum() * (h * h).sum()))
            assert float(found[b, k]) == pytest.approx(20.0 * cosine, rel=1e-10)


def test_head_of_an_open_clip_model(clip_folder):
    model = small.clip_model(clip_folder)
    network = models.create(model, "random", 0)
    tokenize = models.tokenizer(model)
    head = heads.build(network, tokenize, CLASSES, TEMPLATES)
    for name, row in zip(CLASSES, head, strict=True):
        with torch.no_grad():
            one_by_one = [
                network.encode_text(tokenize([t.format(name)]))[0].double() for t in TEMPLATES
            ]
        mean = sum(e / e.norm() for e in one_by_one)
        expected = float(network.logit_scale.exp()) * mean / mean.norm()
        np.testing.assert_allclose(row.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
    assert float(head.norm(dim=1).mean()) == pytest.approx(1 / 0.07, rel=1e-4)


LONG = "chronic obstructive pulmonary disease with acute"


def test_classes_that_the_text_tower_cannot_tell_apart_are_refused(clip_folder):
    """The tiny model reads 24 tokens; the ends of the names lie behind them."""
    model = small.clip_model(clip_folder)
    network = models.create(model, "random", 0)
    names = ["cat", f"{LONG} exacerbation", f"{LONG} infection", f"{LONG}, unspecified"]
    with pytest.raises(ValueError, match="cannot tell the classes .*exacerbation.* shorten"):
        heads.build(network, models.tokenizer(model), names, ["a histopathology slide showing {}"])
    with pytest.raises(ValueError, match="'Cat' and 'cat' apart"):
        heads.build(network, models.tokenizer(model), ["Cat", "cat"], ["a {}"])
    missiles = heads.build(network, models.tokenizer(model), ["missile", "dog", "missile"], ["{}"])
    assert torch.equal(missiles[0], missiles[2]), "ImageNet's list has two names twice"


def test_a_prompt_that_is_cut_is_said_with_its_text(clip_folder, caplog):
    tokenize = models.tokenizer(small.clip_model(clip_folder))
    texts = ["a histopathology slide showing {}", "{}"]
    heads.say_cut(tokenize, ["cat", f"{LONG} exacerbation"], texts)
    assert "1 of 4 prompts are longer than the 24 tokens" in caplog.text
    assert f"'a histopathology slide showing {LONG} exacerbation'" in caplog.text
    caplog.clear()
    heads.say_cut(tokenize, ["cat", "dog"], texts)
    assert not caplog.text


@pytest.mark.parametrize("num_letters", range(18, 27))
def test_cut_prompts_are_those_with_more_tokens_than_places(clip_folder, num_letters):
    tokenize = models.tokenizer(small.clip_model(clip_folder))
    text = " ".join("a" * num_letters)  # a token each, between those of start and end
    assert heads.cut_prompts(tokenize, [text], ["{}"]) == ([text] if num_letters > 22 else [])
