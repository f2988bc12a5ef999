"""A target that is forgotten along −α, and a control that suffers later."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import CONTROL, GRID, MODES, ZERO_SHOT, Maker


def rows(made: Maker) -> Iterator[Row]:
    for mode, depth in zip(MODES, (0.6, 0.75, 0.8), strict=True):
        row, at = made.of("task_negation", mode), {"method": "task_arithmetic"}
        for source in made.tasks:
            yield from _along(made, mode, source, depth)
            about = {"sources": source, **at}
            forgotten = made.zero[source] * (1 - depth / 2)
            yield row("accuracy_tuned", forgotten, task=source, coefficient=-0.5, **about)
            selected = {"task": source, "split": "val", "width": 0}
            yield row("selected_coefficient", -0.5, **selected, **about)
            kept = 0.68 + made.noise()
            yield row("accuracy_tuned", kept, task=CONTROL, coefficient=-0.5, **about)
        at["sources"] = "each"
        yield row("control_threshold", 0.95, task=CONTROL, split="val", width=0, **at)
        forgotten = ZERO_SHOT * (1 - depth / 2)
        yield row("accuracy_tuned", forgotten + made.noise(), task="own", **at)
        yield row("accuracy_tuned", 0.68 + made.noise(), task=CONTROL, **at)


def _along(made: Maker, mode: tuple[str, str], source: str, depth: float) -> Iterator[Row]:
    row = made.of("task_negation", mode)
    at = {"sources": source, "split": "val", "method": "task_arithmetic"}
    for alpha in GRID:
        at["coefficient"] = -alpha
        yield row("accuracy", made.zero[source] * (1 - depth * alpha), task=source, **at)
        yield row("accuracy", 0.71 - (1 - depth / 2) * 0.3 * alpha**2, task=CONTROL, **at)
