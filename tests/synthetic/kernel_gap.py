"""How far the network is from its linearization along each vector."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import Maker


def rows(made: Maker) -> Iterator[Row]:
    for training, sign in (("standard", 1.0), ("linear", -1.0)):
        for task in (*made.tasks, "own"):
            yield from _along(made, training, task, sign)


def _along(made: Maker, training: str, task: str, sign: float) -> Iterator[Row]:
    """One vector, or the mean over vectors on their own tasks, which has no noise."""
    scale = 0.0 if task == "own" else 1.0
    row, of_network, of_tangent = (
        made.of("kernel_gap", (training, evaluation))
        for evaluation in ("none", "network", "tangent")
    )
    at = {"sources": "each" if task == "own" else task, "task": task}
    end = {"coefficient": 1.0, **at}

    def around(value: float, size: float) -> float:
        return value + made.noise(size) * scale

    yield of_network("network_accuracy", around(0.7 + 0.15 * sign, 0.1), **end)
    yield of_tangent("tangent_accuracy", around(0.75 - 0.05 * sign, 0.1), **end)
    yield row("zero_shot_accuracy", 0.4, coefficient=0.0, **at)
    yield row("nonlinear_advantage", around(0.2 * sign, 0.1), width=0.05, **end)
    for alpha in (0.05, 0.1, 0.25, 0.5, 0.75, 1.0):
        there = {"coefficient": alpha, **at}
        yield row("output_error", alpha * around(1.2 - 0.2 * sign, 0.3), width=0.02, **there)
        yield row("output_angle", 35.0 * alpha**2, width=0.5, **there)
    yield row("kernel_drift", around(0.6 - 0.1 * sign, 0.2), width=0, **end)
    yield row("kernel_alignment", 0.87, width=0, **end)
    learned = {"coefficient": None, "params_id": "256 validation images"}
    yield row("kernel_regression_accuracy", around(0.63, 0.2), **learned, **at)
