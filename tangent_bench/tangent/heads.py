"""Frozen zero-shot heads: a class is the mean of its prompts' text embeddings.

    h_k = exp(s) · normalise( mean_templates normalise( text(template(class_k)) ) )

Radford et al. 2021, §3.1.4; bias 0. Shapes: K classes, D embedding, B images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize


@torch.no_grad()
def build(
    network,
    tokenize: Callable[[list[str]], Tensor],
    class_names: Sequence[str],
    templates: Sequence[str],
) -> Tensor:
    """The head, [K, D], where the network is: rows scaled by exp(logit_scale)."""
    rows = []
    for name in class_names:
        tokens = tokenize([template.format(name) for template in templates]).to(
            network.logit_scale.device
        )
        texts_ND = network.encode_text(tokens, normalize=True)
        rows.append(normalize(texts_ND.mean(0), dim=0))
    return torch.stack(rows) * network.logit_scale.exp()


def logits(embeddings_BD: Tensor, head_KD: Tensor) -> Tensor:
    """Cosine similarities times the scale, [B, K]; the normalisation is part of the head, not of the encoder."""
    return normalize(embeddings_BD, dim=-1) @ head_KD.T
