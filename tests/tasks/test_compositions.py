"""The control's classes take a second to choose: no start of Snakemake does it."""

from __future__ import annotations

import importlib

import pytest

from tangent_bench import corpus, registry


def test_classes_are_chosen_when_they_are_asked_for(monkeypatch):
    task = registry.load("tasks", "compositions")
    expected = task.TASK

    def fail(name: str):
        raise AssertionError(f"family {name} was asked for a class")

    with monkeypatch.context() as patch:
        patch.setattr(corpus, "family", fail)
        importlib.reload(task)
        assert not hasattr(task, "ORIGIN")
        with pytest.raises(AssertionError, match="was asked for a class"):
            _ = task.TASK
    chosen_again = task.TASK
    assert chosen_again == expected


def test_each_family_is_looked_for_once_for_all_its_draws(monkeypatch):
    """Looking for it at each of 60,000 draws took six of the ten seconds of a dry run."""
    task = registry.load("tasks", "compositions")
    family = corpus.family
    names = []

    def counted(name: str):
        names.append(name)
        return family(name)

    monkeypatch.setattr(corpus, "family", counted)
    assert task.classes.__wrapped__() == task.classes()
    assert set(names) == set(task.QUOTAS) and len(names) <= 2 * len(task.QUOTAS)
