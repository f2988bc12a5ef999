"""Images as a network takes them, made from stored bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.images.image_store import ImageStore

if TYPE_CHECKING:
    from torch import Tensor


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
    return normalise(resized(images_NHWC, size, device), mean, std)


def resized(images_NHWC: np.ndarray | ImageStore, size: int, device: str = "cpu") -> Tensor:
    """uint8 images as squares, in [0, 1], float32 [N, C, size, size].

    Images of another size are resized (bicubic) and cropped at the centre. Those of a store may
    have shapes of their own.
    """
    import torch
    from torch.nn.functional import interpolate

    if isinstance(images_NHWC, ImageStore) and not images_NHWC.is_array:
        parts = [resized(image[None], size, device) for image in images_NHWC]
        return torch.cat(parts)
    images = torch.from_numpy(np.array(images_NHWC)).to(device).permute(0, 3, 1, 2).float()
    height, width = images.shape[-2:]
    if (height, width) != (size, size):
        factor = size / min(height, width)
        target = [round(height * factor), round(width * factor)]
        images = interpolate(images, target, mode="bicubic", antialias=True).clamp(0, 255)
        top = (target[0] - size) // 2
        left = (target[1] - size) // 2
        images = images[..., top : top + size, left : left + size]
    return images / 255.0


def normalise(images_NCHW: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x − mean) / std by channel, for images in [0, 1]."""
    mean_C11 = images_NCHW.new_tensor(list(mean)).view(-1, 1, 1)
    std_C11 = images_NCHW.new_tensor(list(std)).view(-1, 1, 1)
    return (images_NCHW - mean_C11) / std_C11
