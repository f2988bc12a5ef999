"""Images as a network takes them, made batch by batch: what is stored are bytes, in memory or in a mapped file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.images.image_store import Store

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Pictures:
    """Images of a split for one network; `split` as of a tensor.

    Attributes:
        pixels_NHWC: uint8, an array or a store.
        size: side of what the network takes, in pixels.
        mean, std: of each channel, in [0, 1].
        device: where the network is.
    """

    pixels_NHWC: np.ndarray | Store
    size: int
    mean: Sequence[float]
    std: Sequence[float]
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.pixels_NHWC)

    def __getitem__(self, part: slice) -> Pictures:
        return replace(self, pixels_NHWC=self.pixels_NHWC[part])

    def split(self, batch_size: int) -> Iterator[Tensor]:
        """Batches in order, float32 [B, C, size, size] each."""
        for first in range(0, len(self), batch_size):
            yield self[first : first + batch_size].tensor()

    def tensor(self) -> Tensor:
        """All of them at once, float32 [N, C, size, size]."""
        return prepare_images(self.pixels_NHWC, self.size, self.mean, self.std, self.device)


def prepare_images(
    images_NHWC: np.ndarray | Store,
    size: int,
    mean: Sequence[float],
    std: Sequence[float],
    device: str = "cpu",
) -> Tensor:
    """uint8 images as the encoder expects them, float32 [N, C, size, size]: bicubic resize and centre crop if
    needed.
    """
    import torch
    from torch.nn.functional import interpolate

    images = torch.from_numpy(np.array(images_NHWC)).to(device).permute(0, 3, 1, 2).float()
    height, width = images.shape[-2:]
    if (height, width) != (size, size):
        factor = size / min(height, width)
        target = [round(height * factor), round(width * factor)]
        images = interpolate(images, target, mode="bicubic", antialias=True).clamp(0, 255)
        top, left = (target[0] - size) // 2, (target[1] - size) // 2
        images = images[..., top : top + size, left : left + size]
    return normalise(images / 255.0, mean, std)


def normalise(images_NCHW: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x − mean) / std by channel, of images in [0, 1]."""
    mean_C11, std_C11 = (
        images_NCHW.new_tensor(list(values)).view(-1, 1, 1) for values in (mean, std)
    )
    return (images_NCHW - mean_C11) / std_C11
