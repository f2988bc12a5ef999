"""The structured kernel beside the plain Jacobian, and its reach: ViT-B/32 on a CPU.

python -m tests.benchmarks.test_kernel 400    # seconds and gigabytes for so many images of 224 px
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import open_clip
import pytest
import torch

from tangent_bench.tangent import kernel
from tangent_bench.tangent.linearize import parameters
from tests.benchmarks.conftest import pictures

pytestmark = pytest.mark.alone


def tower(architecture: str):
    """An image tower with random float32 weights in eval(), and a random scalar readout [1, D]."""
    torch.manual_seed(0)
    network = open_clip.create_model(architecture).visual.eval().requires_grad_(False)
    return network, torch.randn(1, network.output_dim) / network.output_dim**0.5


def reach(num_images: int, architecture: str = "ViT-B-32-quickgelu") -> np.ndarray:
    """The kernel of random images and one scalar output; small batches, since their graph is beside
    what is kept.
    """
    network, readout_KD = tower(architecture)
    images_NCHW = torch.randn(num_images, 3, *network.image_size)
    return kernel.empirical(network, parameters(network), images_NCHW, readout_KD, batch_size=8)


def test_structured_kernel_of_the_tiny_model(ratio, tiny):
    """Kernel of 32 images and one output each: all rows of the Jacobian in memory, beside layer by
    layer.
    """
    images, readout = pictures(tiny, 32), kernel.random_readout(256, 1, "benchmark").float()
    plain, structured = ratio(
        lambda: kernel._plain(tiny.module, tiny.theta0, images, readout, None, 16).numpy(),
        lambda: kernel.empirical(tiny.module, tiny.theta0, images, readout),
        at_least=1.0,
        rounds=5,
    )
    np.testing.assert_allclose(structured, plain, rtol=1e-3, atol=1e-4 * plain.max())


@pytest.mark.slow
@pytest.mark.full
def test_kernel_of_vit_b_32():
    """Forty images in minutes, and two of them by whole Jacobians of 87 million numbers."""
    found = reach(40)
    network, readout_KD = tower("ViT-B-32-quickgelu")
    images_NCHW = torch.randn(40, 3, *network.image_size)[:2]
    expected = kernel._plain(network, parameters(network), images_NCHW, readout_KD, None, 1).numpy()
    np.testing.assert_allclose(found[:2, :2], expected, rtol=1e-3)
    assert np.array_equal(found, found.T) and np.linalg.eigvalsh(found).min() > -1e-5 * found.max()


if __name__ == "__main__":
    torch.set_num_threads(1)
    start, busy = time.time(), time.process_time()
    num, values = int(sys.argv[1]), reach(int(sys.argv[1]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{num} images: {time.time() - start:.0f} s by the clock, "
        f"{time.process_time() - busy:.0f} s of one core, "
    )
    print(
        f"peak {peak:.2f} GiB; largest kernel value {values.max():.3g}, trace "
        f"{np.trace(values):.4g}"
    )
