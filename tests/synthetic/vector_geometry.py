"""Lengths of vectors, and cosines between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

from tangent_bench.store.rows import Row
from tests.synthetic.maker import Maker


def rows(made: Maker) -> Iterator[Row]:
    at = {"task": "", "split": "", "width": 0}
    for training, size in (("standard", 1.1), ("linear", 1.6)):
        row = made.of("vector_geometry", (training, "none"))
        lengths = {task: size + made.noise(0.3) for task in made.tasks}
        for task, length in lengths.items():
            yield row("norm", length, sources=task, **at)
        for task, length in lengths.items():
            yield row("relative_norm", length / 40, sources=task, **at)
        for a, b in combinations_with_replacement(made.tasks, 2):
            cosine = 1.0 if a == b else made.noise(0.12)
            yield row("cosine", cosine, sources=f"{a}+{b}", **at)
