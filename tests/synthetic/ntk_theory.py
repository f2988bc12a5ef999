"""Power laws of the width, a mark for each of three initialisations."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import Maker

LAWS = {
    ("width_kernel_change", "train"): 0.4,
    ("width_linearization_distance", "train"): 0.07,
    ("width_linearization_distance", "test"): 0.13,
}


def rows(made: Maker) -> Iterator[Row]:
    row = made.of("ntk_theory")
    for (metric, split), size in LAWS.items():
        at = {"sources": "", "task": "", "split": split}
        for width in (32, 128, 512):
            law, there = size * 32 / width, {"coefficient": float(width), **at}
            yield row(metric, law, width=0.2 * law, **there)
            for number in range(3):
                value = law * (1 + made.noise(0.3))
                yield row(metric, value, coefficient2=float(number), width=0, **there)
        yield row(f"{metric}_slope", -0.9, width=0.07, **at)
