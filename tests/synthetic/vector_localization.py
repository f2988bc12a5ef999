"""Vectors that do less to other tasks' images than to their own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from statistics import fmean

from tangent_bench.store.rows import Row
from tests.synthetic.maker import MODES, Maker


def rows(made: Maker) -> Iterator[Row]:
    for mode, alpha in product(MODES, (0.2, 1.0)):
        steep = 1.0 + 0.3 * alpha * (mode[1] == "network")
        for task in made.tasks:
            yield from _on(made, mode, task, alpha, steep)
        row = made.of("vector_localization", mode)
        at = {"sources": "each", "coefficient": alpha, "width": 0.03}
        together = steep * 0.75 * (len(made.tasks) - 1) ** 0.5 + made.noise(0.1)
        yield row("others_over_own", together, task="all", **at)
        yield row("one_other_over_own", 0.75 + made.noise(0.1), task="all", **at)
        yield row("relative_change", 1.7 * alpha, task="own", **at)


def _on(made: Maker, mode: tuple[str, str], task: str, alpha: float, steep: float) -> Iterator[Row]:
    """What every vector does to the images of one task."""
    row, own = made.of("vector_localization", mode), alpha * (1.2 + made.zero[task])
    at = {"task": task, "coefficient": alpha}
    ratios = {
        source: 0.5 + 0.05 * number + made.zero[task] / 4
        for number, source in enumerate(made.tasks)
        if source != task
    }
    for source in made.tasks:
        about, ratio = {"sources": source, **at}, ratios.get(source, 1.0)
        yield row("relative_change", own * ratio, width=0.04 * alpha, **about)
        yield row("localization_ratio", ratio, width=0.05 * (source != task), **about)
    single = fmean(ratios.values())
    together, at["width"] = steep * single * len(ratios) ** 0.5, 0.05
    yield row("others_over_own", together, sources="+".join(ratios), **at)
    yield row("one_other_over_own", single, sources="each", **at)
