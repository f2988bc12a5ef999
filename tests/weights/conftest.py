"""The model whose weights lie in all kinds of files."""

from __future__ import annotations

import pytest

from tangent_bench import models
from tests import small


@pytest.fixture(scope="module")
def model(clip_folder):
    return small.clip_model(clip_folder)


@pytest.fixture(scope="module")
def network(model):
    return models.create(model, "random", 3)
