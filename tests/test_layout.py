"""Modes and paths are one to one with their coordinates."""

from __future__ import annotations

from itertools import product

import pytest

from tangent_bench.store import layout
from tangent_bench.store.layout import Mode


@pytest.mark.parametrize("training", ["none", "standard", "linear", "attention_only", "low-rank"])
@pytest.mark.parametrize("evaluation", ["network", "tangent", "none"])
def test_modes_read_back(training, evaluation):
    mode = Mode(training, evaluation)
    assert Mode.parse(str(mode)) == mode


@pytest.mark.parametrize(
    "text", ["standard", "standard-", "-network", "standard-net", "standard_network", ""]
)
def test_other_modes_are_refused(text):
    with pytest.raises(ValueError, match="is not understood; expected training-evaluation"):
        Mode.parse(text)


def test_no_two_artefacts_share_a_path():
    tasks, trainings, seeds = ("mnist", "icons"), ("standard", "linear"), (0, 1)
    paths = [layout.data(t, s) for t, s in product(tasks, ("train", "val", "test"))]
    texts = "pretrained", "whole-1", "whole-10"
    paths += [layout.head(m, i, t) for m, i, t in product(("tiny", "large"), texts, tasks)]
    paths += [layout.base("tiny", i, t) for i, t in product(("pretrained", "random"), tasks)]
    for make in (layout.vector, layout.features):
        paths += [
            make("tiny", "pretrained", *rest)
            for rest in product(trainings, (*tasks, layout.JOINT), seeds)
        ]
    paths += [
        layout.outcome(e, "tiny", i, Mode(t, v), s, suffix)
        for e, i, t, v, s, suffix in product(
            ("a", "b"),
            ("pretrained", layout.EVERY),
            trainings,
            ("network", "tangent"),
            seeds,
            ("csv", "safetensors"),
        )
    ]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("init", ["pretrained", "random", "step-10", "shuffled-100"])
def test_initialisations_share_the_heads_of_the_final_text_tower(init):
    assert layout.head("tiny", init, "mnist") == "heads/tiny/final/mnist.safetensors"
    assert layout.head("tiny", "whole-10", "mnist") == "heads/tiny/whole-10/mnist.safetensors"
