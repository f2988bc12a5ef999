"""Images as a network takes them, made batch by batch from stored bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.images.image_store import ImageStore

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Pictures:
    """Images of a split for one network; `split` does what it does for a tensor.

    Attributes:
        pixels_NHWC: uint8, an array or a store.
        size: side in pixels of the network's input.
        mean: mean of each channel, in [0, 1].
        std: standard deviation of each channel, in [0, 1].
        device: device of the network.
    """

    pixels_NHWC: np.ndarray | ImageStore
    size: int
    mean: Sequence[float]
    std: Sequence[float]
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.pixels_NHWC)

    def __getitem__(self, part: slice) -> Pictures:
        return replace(self, pixels_NHWC=self.pixels_NHWC[part])

    def split(self, batch_size: int) -> Iterator[Tensor]:
        """Batches in order, each float32 [B, C, size, size] with B at most `batch_size`."""
        for first in range(0, len(self), batch_size):
            yield self[first : first + batch_size].tensor()

    def tensor(self) -> Tensor:
        """All images at once, float32 [N, C, size, size]."""
        return prepare_images(self.pixels_NHWC, self.size, self.mean, self.std, self.device)


def prepare_images(
    images_NHWC: np.ndarray | ImageStore,
    size: int,
    mean: Sequence[float],
    std: Sequence[float],
    device: str = "cpu",
) -> Tensor:
    """uint8 images as the encoder expects them, float32 [N, C, size, size].

    Images of another size are resized (bicubic) and cropped at the centre.
    """
    import torch
    from torch.nn.functional import interpolate

    images = torch.from_numpy(np.array(images_NHWC)).to(device).permute(0, 3, 1, 2).float()
    height, width = images.shape[-2:]
    if (height, width) != (size, size):
        factor = size / min(height, width)
        target = [round(height * factor), round(width * factor)]
        images = interpolate(images, target, mode="bicubic", antialias=True).clamp(0, 255)
        top = (target[0] - size) // 2
        left = (target[1] - size) // 2
        images = images[..., top : top + size, left : left + size]
    return normalise(images / 255.0, mean, std)


def normalise(images_NCHW: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x − mean) / std by channel, for images in [0, 1]."""
    mean_C11 = images_NCHW.new_tensor(list(mean)).view(-1, 1, 1)
    std_C11 = images_NCHW.new_tensor(list(std)).view(-1, 1, 1)
    return (images_NCHW - mean_C11) / std_C11
