"""Random resized crops, measured on pictures that show where they were cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench.finetuning.loop import augment
from tests import small

SIDE = 120


def ruler(num: int) -> np.ndarray:
    """Pictures whose red channel is twice the column, and green twice the row."""
    axis = (2 * np.arange(SIDE)).astype(np.uint8)
    one = np.stack([*np.meshgrid(axis, axis), np.full((SIDE, SIDE), 77)], axis=-1).astype(np.uint8)
    return np.stack([one] * num)


def extents(crops: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Width and height of each crop in pixels of the picture."""
    scaled = crops.numpy() * 255 / 2
    size = crops.shape[-1]
    width = (scaled[:, 0, :, -1] - scaled[:, 0, :, 0]).mean(1) * size / (size - 1)
    height = (scaled[:, 1, -1] - scaled[:, 1, 0]).mean(1) * size / (size - 1)
    return width, height


def test_shape_and_range():
    crops = augment(small.pixels(9, 32, "augment"), 24, 0.9, 0)
    assert crops.shape == (9, 3, 24, 24) and crops.dtype == torch.float32
    assert 0.0 <= float(crops.min()) < 0.1 and 0.9 < float(crops.max()) <= 1.0


def test_channels_and_axes_keep_their_places():
    crops = augment(ruler(4), 30, 0.9, 0)
    assert (crops[:, 0].diff(dim=-1) > 0).all(), "columns run to the right: no flip, no transpose"
    assert (crops[:, 1].diff(dim=-2) > 0).all(), "rows run downwards"
    np.testing.assert_allclose(crops[:, 2].numpy(), 77 / 255, atol=1e-6)


@pytest.mark.parametrize("crop_scale", [0.9, 0.5])
def test_area_lies_within_its_bounds_and_fills_them(crop_scale):
    width, height = extents(augment(ruler(300), 60, crop_scale, 1))
    area = width * height / SIDE**2
    assert area.min() > crop_scale - 0.03 and area.max() < 1.03
    assert area.min() < crop_scale + 0.05 and area.max() > 0.93
    # The larger the crop, the fewer shapes fit: only smaller crops are uniform in area.
    assert crop_scale - 0.02 < area.mean() < (1 + crop_scale) / 2 + 0.03
    assert (width / height).std() > 0.02


def test_every_picture_and_seed_has_a_crop_of_its_own():
    first = augment(ruler(6), 20, 0.9, 5)
    assert torch.equal(first, augment(ruler(6), 20, 0.9, 5))
    # Where no crop fits in ten attempts, torchvision takes the whole picture: a few are alike.
    assert len({crop.numpy().tobytes() for crop in (*first, *augment(ruler(6), 20, 0.9, 6))}) >= 9


def test_large_seeds_are_fine():
    augment(ruler(1), 20, 0.9, 2**62 - 1)
