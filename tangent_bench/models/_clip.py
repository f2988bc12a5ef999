"""Static types of open_clip's models: what the suite uses of them.

open_clip builds several classes (`CLIP`, `CustomTextCLIP`, ...) and sets attributes from outside;
`models.create` returns one of them as `Clip`. These classes are imported for type checking alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn


class ImageTower(nn.Module):
    """An image tower of open_clip.

    Attributes:
        image_size: side of its images, or height and width.
        image_mean: of each channel, in [0, 1].
        image_std: of each channel, in [0, 1].
    """

    image_size: int | Sequence[int]
    image_mean: Sequence[float]
    image_std: Sequence[float]


class Clip(nn.Module):
    """An image-text model of open_clip.

    Attributes:
        visual: the image tower.
        logit_scale: logarithm of the factor of cosine similarities.
        token_embedding, positional_embedding, transformer, ln_final, text_projection, attn_mask:
            the text tower of a `CLIP`, such as the embedded models are; other classes have it
            elsewhere.
    """

    visual: ImageTower
    logit_scale: nn.Parameter
    token_embedding: nn.Embedding
    positional_embedding: nn.Parameter
    transformer: nn.Module
    ln_final: nn.LayerNorm
    text_projection: nn.Parameter
    attn_mask: Tensor

    if TYPE_CHECKING:

        def encode_image(self, image: Tensor, normalize: bool = False) -> Tensor: ...

        def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor: ...
