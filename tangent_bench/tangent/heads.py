"""Frozen zero-shot heads: a class is the mean of its prompts' text embeddings.

    h_k = exp(s) · normalise( mean_templates normalise( text(template(class_k)) ) )

Radford et al. 2021, §3.1.4; bias 0. Shapes: K classes, D embedding, B images.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import normalize


class TextEncoder(Protocol):
    """The text side of an image–text model, as open_clip has it."""

    @property
    def logit_scale(self) -> Tensor:
        """Logarithm of the factor of cosine similarities."""
        ...

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Embeddings [N, D] of tokens [N, L], of length 1 where `normalize`."""
        ...


@torch.no_grad()
def build(
    network: TextEncoder,
    tokenize: Callable[[list[str]], Tensor],
    class_names: Sequence[str],
    templates: Sequence[str],
) -> Tensor:
    """The head, [K, D], on the network's device: rows scaled by exp(logit_scale).

    Args:
        network: image–text model of open_clip.
        tokenize: texts → tokens, int64 [texts, context length].
        class_names: one for each of the K rows.
        templates: prompts with a {} in place of the class.

    Raises:
        ValueError: two classes of different names have equal rows.
    """
    device = network.logit_scale.device
    rows = []
    for name in class_names:
        prompts = [template.format(name) for template in templates]
        texts_ND = network.encode_text(tokenize(prompts).to(device), normalize=True)
        rows.append(normalize(texts_ND.mean(0), dim=0))
    head_KD = torch.stack(rows) * network.logit_scale.exp()
    _require_distinct(head_KD, class_names)
    return head_KD


def _require_distinct(head_KD: Tensor, class_names: Sequence[str]) -> None:
    """Raise ValueError if classes of different names have equal rows.

    ImageNet's list has two names twice, on purpose.
    """
    names = {}
    for name, row in zip(class_names, head_KD.cpu(), strict=True):
        first = names.setdefault(row.numpy().tobytes(), name)
        if first != name:
            raise ValueError(
                f"The text tower cannot tell the classes {first!r} and {name!r} apart: their "
                f"prompts are the same to it, or differ only behind its last token; rename or "
                f"shorten class_names, or shorten templates."
            )


def cut_prompts(
    tokenize: Callable[..., Tensor], class_names: Sequence[str], templates: Sequence[str]
) -> list[str]:
    """The prompts that are longer than the text tower reads; its tokenizer cuts them in silence.

    Args:
        tokenize: texts and, if given, `context_length` → tokens, int64 [texts, context length].
        class_names: one for each class.
        templates: prompts with a {} in place of the class.
    """
    found = []
    padding = tokenize([""])[0, -1]
    for name in class_names:
        prompts = [template.format(name) for template in templates]
        for prompt, tokens_L in zip(prompts, tokenize(prompts), strict=True):
            if tokens_L[-1] != padding and _is_cut(tokenize, prompt, tokens_L):
                found.append(prompt)
    return found


def _is_cut(tokenize: Callable[..., Tensor], prompt: str, tokens_L: Tensor) -> bool:
    """Whether a prompt has more tokens than these.

    With room for one token more, the place of a cut text's end holds its next word.
    """
    length = len(tokens_L)
    longer = tokenize([prompt], context_length=length + 1)[0, :length]
    return not torch.equal(longer, tokens_L)


def say_cut(
    tokenize: Callable[..., Tensor], class_names: Sequence[str], templates: Sequence[str]
) -> None:
    """Warn in the log of prompts that are cut; the arguments are those of `cut_prompts`."""
    cut = cut_prompts(tokenize, class_names, templates)
    if cut:
        num_prompts = len(class_names) * len(templates)
        logging.warning(
            "%d of %d prompts are longer than the %d tokens that the text tower reads, and their "
            "ends are not read: %s",
            len(cut),
            num_prompts,
            tokenize([""]).shape[1],
            "; ".join(map(repr, cut[:5])) + ("; …" if len(cut) > 5 else ""),
        )


def logits(embeddings_BD: Tensor, head_KD: Tensor) -> Tensor:
    """Cosine similarities times the scale, [B, K]: the head normalises, not the encoder."""
    return normalize(embeddings_BD, dim=-1) @ head_KD.T
