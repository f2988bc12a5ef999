"""A cluster for a session, and the micro preset as this machine builds it by itself."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm import cluster as slurm
from tests.workflow import conftest as workflow
from tests.workflow.checkout import Checkout

micro = workflow.micro


@pytest.fixture(scope="session")
def cluster() -> Iterator[slurm.Cluster]:
    """A running Slurm. Skipped where it cannot be had, but `make test-slurm` sets REQUIRE_SLURM,
    and then it fails.
    """
    try:
        slurm.install()
    except RuntimeError as reason:
        if os.environ.get("REQUIRE_SLURM"):
            pytest.fail(f"make test-slurm needs a Slurm: {reason}.", pytrace=False)
        pytest.skip(str(reason))
    # not pytest's folder: the path of a socket has at most 107 characters
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    try:
        with slurm.running(folder) as found:
            yield found
        assert not slurm.processes(found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def submitting(cluster, tmp_path, monkeypatch) -> Iterator[Checkout]:
    """The sources with nothing built, where Snakemake finds the cluster."""
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    checkout = Checkout.of_sources(tmp_path / "checkout")
    yield checkout
    shutil.rmtree(checkout.root)
