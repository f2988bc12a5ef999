"""Modes and paths are one to one with their coordinates."""

from __future__ import annotations

from itertools import product

import pytest

from tangent_bench import layout
from tangent_bench.layout import Mode


@pytest.mark.parametrize("training", ["none", "standard", "linear", "attention_only", "low-rank"])
@pytest.mark.parametrize("evaluation", ["network", "tangent", "none"])
def test_modes_read_back(training, evaluation):
    mode = Mode(training, evaluation)
    assert Mode.parse(str(mode)) == mode


@pytest.mark.parametrize("text", ["standard", "standard-", "-network", "standard-net", "standard_network", ""])
def test_other_modes_are_refused(text):
    with pytest.raises(ValueError, match="is not understood; expected training-evaluation"):
        Mode.parse(text)


def test_no_two_artefacts_share_a_path():
    tasks, trainings, seeds = ("mnist", "symbols"), ("standard", "linear"), (0, 1)
    paths = [layout.data(t, s) for t, s in product(tasks, ("train", "val", "test"))]
    paths += [f(m, t) for f in (layout.head,) for m, t in product(("tiny", "large"), tasks)]
    paths += [layout.base("tiny", i, t) for i, t in product(("pretrained", "random"), tasks)]
    for make in (layout.vector, layout.features):
        paths += [make("tiny", "pretrained", *rest) for rest in product(trainings, (*tasks, layout.JOINT), seeds)]
    paths += [
        layout.outcome(e, "tiny", "pretrained", Mode(t, v), s, suffix)
        for e, t, v, s, suffix in product(("a", "b"), trainings, ("network", "tangent"), seeds, ("csv", "safetensors"))
    ]
    assert len(set(paths)) == len(paths)
