"""Networks that several test files differentiate."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from hypothesis import find
from hypothesis.strategies import text
from torch import Tensor, nn

from tangent_bench.tangent.linearize import parameters
from tests import small

pytest_plugins = ["tests.limits"]
collect_ignore = ["workflow/dry_run_preloaded.py"]  # imported by the server of dry runs alone
# The same sums on every machine; and a second thread only slows networks of this size down.
torch.set_num_threads(1)


class Case(NamedTuple):
    """A network with θ0, two directions and a few images, all float64."""

    network: nn.Module
    theta0: dict[str, Tensor]
    tau: dict[str, Tensor]
    sigma: dict[str, Tensor]
    images: Tensor


def _case(network: nn.Module, images_BCHW: Tensor) -> Case:
    theta0 = parameters(network)
    return Case(
        network,
        theta0,
        small.direction(theta0, "tau"),
        small.direction(theta0, "sigma"),
        images_BCHW,
    )


@pytest.fixture(scope="session", autouse=True)
def table_of_unicode() -> None:
    """Hypothesis makes and keeps one with its first text: seconds, that are no test's own."""
    find(text(), bool)


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clip")


@pytest.fixture(scope="session", params=["curved", "vit"])
def case(request, clip_folder) -> Case:
    """A small non-linear module, and a small vision transformer as open_clip builds it."""
    if request.param == "curved":
        return _case(small.Curved(), small.images(3, 3, 2, 2))
    return _case(small.vit(clip_folder), small.images(2, 3, 32, 32))


@pytest.fixture(scope="session")
def case32(clip_folder) -> Case:
    """The transformer in float32, as it is used."""
    case = _case(
        small.vit(clip_folder, torch.float32), small.images(5, 3, 32, 32, dtype=torch.float32)
    )
    assert all(v.dtype == torch.float32 for v in case.theta0.values())
    return case
