"""Finished results of made-up numbers, as rows and as folders."""

from __future__ import annotations

import gzip
import shutil

import pytest

from tangent_bench import runs
from tests import synthetic

FEW = ("mnist", "icons", "terrain")


@pytest.fixture(scope="package")
def made():
    return synthetic.make(tasks=FEW)


@pytest.fixture(scope="package")
def folder(made, tmp_path_factory):
    root = tmp_path_factory.mktemp("results") / "tiny"
    root.mkdir()
    synthetic.write(root, made)
    return root


@pytest.fixture(scope="package")
def run(folder):
    return runs.open(folder)


@pytest.fixture(scope="package")
def published(folder, tmp_path_factory):
    """What is published of the same run: packed rows alone."""
    root = tmp_path_factory.mktemp("published") / "tiny"
    root.mkdir()
    (root / "rows.csv.gz").write_bytes(gzip.compress((folder / "rows.csv").read_bytes()))
    return root


@pytest.fixture
def copied(folder, tmp_path):
    """A second folder with the same rows."""
    root = tmp_path / "again"
    shutil.copytree(folder, root)
    return root
