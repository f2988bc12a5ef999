"""Frozen heads for texts: the classes' prompts, embedded by the same encoder at θ0.

    h_k = s · normalise( mean_templates normalise( f(template(class_k); θ0) ) )

This is `tangent.heads` with f in the place of a text tower; logits are s times cosines. The scale
s = 20 is the one at which the weights were trained (Reimers and Gurevych's ranking loss).
Shapes: N prompts, L tokens, D embedding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

SCALE = 20.0


class PromptEncoder:
    """The text side of a model whose other side is the same encoder.

    Args:
        network: an encoder of texts at θ0, from tokens [N, L] to embeddings [N, D].
        scale: factor of cosine similarities, positive.

    Raises:
        ValueError: the scale is not positive.
    """

    def __init__(self, network: nn.Module, scale: float = SCALE) -> None:
        if not scale > 0:
            raise ValueError(f"A scale of {scale} was given: expected one above 0.")
        self._network = network
        device = next(network.parameters()).device
        self.logit_scale = torch.tensor(math.log(scale), device=device)

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Embeddings [N, D] of tokens [N, L], of length 1 where `normalize`."""
        embeddings_ND = self._network(text)
        return _unit(embeddings_ND) if normalize else embeddings_ND


def _unit(embeddings_ND: Tensor) -> Tensor:
    return normalize(embeddings_ND, dim=-1)
