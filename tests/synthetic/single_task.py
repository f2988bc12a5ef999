"""Zero-shot, each vector on every task, and training on all tasks together."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import CONTROL, MODES, SINGLE, ZERO_SHOT, Maker


def rows(made: Maker) -> Iterator[Row]:
    row = made.of("single_task", ("none", "network"))
    zero = made.zero | {"all": ZERO_SHOT, CONTROL: 0.71}
    for split in ("val", "test"):
        for task in (*made.tasks, "all", CONTROL):
            yield row("accuracy", zero[task], sources="", task=task, split=split)
    for mode in MODES:
        row, top = made.of("single_task", mode), SINGLE["-".join(mode)]
        for source in made.tasks:
            yield from _vector(made, mode, source, top)
        mean = {"sources": "each", "task": "own", "coefficient": 1.0}
        yield row("accuracy", top + made.noise(), **mean)
        for task in (*made.tasks, "all"):
            at = {"sources": "multitask", "task": task, "coefficient": 1.0}
            yield row("accuracy", top - 0.04, **at)


def _vector(made: Maker, mode: tuple[str, str], source: str, top: float) -> Iterator[Row]:
    """One vector on its own task and on the others."""
    row, at = made.of("single_task", mode), {"sources": source, "coefficient": 1.0}
    own = min(0.99, top + made.noise(0.06))
    for split in ("val", "test"):
        yield row("accuracy", own, task=source, split=split, **at)
    for task in made.tasks:
        if task != source:
            yield row("accuracy", max(0.05, made.zero[task] + made.noise(0.1)), task=task, **at)
    best = float(not (source == "scripts" and mode[0] == "linear"))
    yield row("best_on_own_task", best, task=source, width=0, **at)
