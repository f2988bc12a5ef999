"""Norms and cosines of made-up vectors by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from tangent_bench.experiments import vector_geometry
from tangent_bench.store import rows
from tests.experiments.known import one, pick, study

TAU = {
    "a": {"w": torch.tensor([3.0, 0.0]), "v": torch.tensor([4.0])},
    "b": {"w": torch.tensor([0.0, 2.0]), "v": torch.tensor([0.0])},
    "c": {"w": torch.tensor([-3.0, 0.0]), "v": torch.tensor([-4.0])},
}
THETA0 = {"w": torch.tensor([6.0, 0.0]), "v": torch.tensor([8.0])}


def table(vectors=TAU):
    results = SimpleNamespace(
        vector=lambda training, task: vectors[task], network=SimpleNamespace(theta0=THETA0)
    )
    made = study("vector_geometry", None, mode="linear-none", results=results)
    vector_geometry.run(made)
    return rows.frame(made.rows)


def test_norms_by_hand():
    found = table()
    assert [one(found, metric="norm", sources=t) for t in "abc"] == [5.0, 2.0, 5.0]
    assert [one(found, metric="relative_norm", sources=t) for t in "abc"] == [0.5, 0.2, 0.5]


def test_cosines_of_every_pair_once():
    found = table()
    expected = {"a+a": 1.0, "a+b": 0.0, "a+c": -1.0, "b+b": 1.0, "b+c": 0.0, "c+c": 1.0}
    cosines = pick(found, metric="cosine").set_index("sources")["value"].to_dict()
    assert cosines == pytest.approx(expected)
    assert (
        set(found["num_samples"]) == {3}
        and set(found["evaluation"]) == {"none"}
        and set(found["training"]) == {"linear"}
    )


def test_vector_of_a_model_that_was_not_trained_is_refused():
    zero = {k: torch.zeros_like(v) for k, v in THETA0.items()}
    with pytest.raises(ValueError, match="zero vector"):
        table({**TAU, "b": zero})
