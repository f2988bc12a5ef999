"""Frozen zero-shot heads: a class is the mean of its prompts' text embeddings.

    h_k = exp(s) · normalise( mean_templates normalise( text(template(class_k)) ) )

Radford et al. 2021, §3.1.4; bias 0. Shapes: K classes, D embedding, B images.
"""

from __future__ import annotations

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
    """
    device = network.logit_scale.device
    rows = []
    for name in class_names:
        prompts = [template.format(name) for template in templates]
        texts_ND = network.encode_text(tokenize(prompts).to(device), normalize=True)
        rows.append(normalize(texts_ND.mean(0), dim=0))
    return torch.stack(rows) * network.logit_scale.exp()


def logits(embeddings_BD: Tensor, head_KD: Tensor) -> Tensor:
    """Cosine similarities times the scale, [B, K]: the head normalises, not the encoder."""
    return normalize(embeddings_BD, dim=-1) @ head_KD.T
