"""Differences of the other modes to non-linear fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import CONTROL, MODES, Maker


def rows(made: Maker) -> Iterator[Row]:
    every = "+".join(made.tasks)
    at = {"params_id": "minus standard-network", "method": "task_arithmetic", "width": 0.012}
    for mode, single, added, negated in (
        (MODES[1], -0.12, -0.04, 0.001),
        (MODES[2], -0.04, 0.03, -0.03),
    ):
        row = made.of("posthoc_comparison", mode)
        for metric, value, sources, task in (
            ("single_task/accuracy", single, "each", "own"),
            ("task_addition/accuracy_tuned", added, every, "all"),
            ("task_negation/target_accuracy_tuned", negated, "each", "own"),
            ("task_negation/control_accuracy_tuned", 0.002, "each", CONTROL),
        ):
            yield row(metric, value + made.noise(0.002), sources=sources, task=task, **at)
