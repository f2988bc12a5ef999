"""A run to take models from, built once for a process."""

from __future__ import annotations

import shutil

import pytest

from tests.export.merged_run import Run, build


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Run:
    """Read it only; `run` is for writing."""
    return build(tmp_path_factory.mktemp("template"), tmp_path_factory.mktemp("model"))


@pytest.fixture
def run(template, tmp_path) -> Run:
    """A copy to write into."""
    root = tmp_path / "results"
    shutil.copytree(template.root, root)
    return template._replace(root=root)
