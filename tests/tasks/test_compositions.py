"""The control's classes are chosen quickly: every start of Snakemake does it."""

from __future__ import annotations

from tangent_bench import registry


def test_choosing_classes_looks_for_each_family_once(monkeypatch):
    """Looking for it at each of 60,000 draws took six of the ten seconds that a dry run lasted."""
    task, names, asked = registry.load("tasks", "compositions"), registry.names, []
    monkeypatch.setattr(registry, "names", lambda folder: asked.append(folder) or names(folder))
    assert task.classes.__wrapped__() == task.classes()
    assert asked == ["corpus"] * len(task.QUOTAS)
