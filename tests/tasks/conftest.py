"""What tests of real data sets must be kept from: data, caches and networks of the machine."""

from __future__ import annotations

import pytest


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """No data of the machine, no network, and caches of the libraries in the test's own folder."""
    import datasets
    import huggingface_hub.constants

    monkeypatch.delenv("TANGENT_BENCH_DATA", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
