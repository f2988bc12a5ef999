"""What a run from the pre-trained initialisation alone would have: no differences."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import MODES, Maker


def rows(made: Maker) -> Iterator[Row]:
    at = {"sources": "each", "task": "all"}
    for mode in MODES:
        row, around = made.of("pretraining_ablation", mode), {"width": 0.03, **at}
        yield row("matched_disentanglement_error", 0.3 + made.noise(), **around)
        yield row("matched_coefficient", 0.4 + made.noise(), split="val", **around)
        yield row("matched_accuracy", 0.6 + made.noise(), split="val", **around)
        yield row("matched_pairs", 2.0, split="val", width=0, **at)
