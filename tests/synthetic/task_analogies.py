"""One analogy, whose last task is the control."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import CONTROL, MODES, TASKS, Maker


def rows(made: Maker) -> Iterator[Row]:
    a, b, c = list(dict.fromkeys((*made.tasks, *TASKS)))[:3]
    for mode in MODES:
        row, at = made.of("task_analogies", mode), {"task": CONTROL, "coefficient": 0.4}
        for sources, value in {c: 0.5, b: 0.48, f"{c}+{b}": 0.55}.items():
            yield row("accuracy_tuned", value, sources=sources, **at)
        at["sources"] = f"{c}+{b}+{a}"
        value = 0.6 + made.noise()
        yield row("analogy_accuracy_tuned", value, **at)
        yield row("analogy_gain_tuned", value - 0.45, width=0.03, **at)
        yield row("analogy_advantage_tuned", value - 0.55, width=0.03, **at)
        for split, alpha in (("test", 0.0), ("val", 0.0), ("val", 1.0)):
            there = at | {"split": split, "coefficient": alpha}
            yield row("analogy_accuracy", 0.45 + 0.1 * alpha, **there)
