"""Maps on coarse grids: light along the axes and where both coefficients are positive."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tangent_bench.store.rows import Row
from tests.synthetic.maker import MODES, Maker

GRIDS = {"wide": range(-3, 4), "unit": (0.0, 0.5, 1.0)}


def rows(made: Maker) -> Iterator[Row]:
    pairs = [*zip(made.tasks[::2], made.tasks[1::2], strict=False)]
    if len(made.tasks) % 2:
        pairs.append(made.tasks[-2:])
    for mode, scale in zip(MODES, (0.5, 0.6, 0.4), strict=True):
        row = made.of("disentanglement", mode)
        for pair, (grid, places) in product(pairs, GRIDS.items()):
            for x, y in product(places, repeat=2):
                harm = scale * (1 - 0.5 * (x > 0 and y > 0))
                at = {"sources": "+".join(pair), "params_id": grid, "width": 0}
                at |= {"coefficient": float(x), "coefficient2": float(y)}
                for task, other in zip(pair, (y, x), strict=True):
                    yield row("disentanglement_term", harm * min(1, abs(other)), task=task, **at)
        for metric, value in (("mean", scale), ("relative", 2 * scale)):
            for sources in ("each", *map("+".join, pairs)):
                at = {"sources": sources, "task": "all"}
                yield row(f"{metric}_disentanglement_error", value + made.noise(), **at)
