"""Ratios of two times, measured side by side in one run: absolute times belong to a machine, ratios
much less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import pytest
import torch

from tangent_bench import models
from tangent_bench.jobs import provenance
from tangent_bench.models._tower import Tower, image_tower
from tests import small

ROUNDS = 7
# rounds, at most, where a ratio is judged and not published: most of the time is the naive way's
GATE = 3
# of what is to be reached must be left before the gate in `make test` closes: other machines, busy
# cores
SLACK = 0.75

provenance.keep_memory()  # as in every job


@pytest.fixture
def ratio(benchmark, pytestconfig):
    """time(above) / time(below), medians over rounds in turn, with the results of both for a check.

    pytest-benchmark times `below`; `above` is timed by hand before each of its rounds. With
    `--benchmark-disable` both run once and nothing is judged but the results. `scale` is how many
    times `above` would run in the full question.
    """

    def measure(
        above: Callable,
        below: Callable,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        scale: float = 1.0,
        bound: float | None = None,
        rounds: int = ROUNDS,
    ) -> tuple:
        times, results = [], []
        rounds = rounds if pytestconfig.getoption("benchmark_only") else min(rounds, GATE)

        def run_above() -> None:
            start = time.perf_counter()
            result = above()
            times.append(time.perf_counter() - start)
            results[:] = [result]

        if benchmark.enabled:
            above()
        found = benchmark.pedantic(
            below,
            setup=run_above,
            rounds=rounds,
            iterations=1,
            warmup_rounds=1 if benchmark.enabled else 0,
        )
        if benchmark.enabled:
            value = scale * median(times) / benchmark.stats.stats.median
            reach = at_least if at_most is None else at_most
            benchmark.extra_info |= {
                "ratio": value,
                "reach": reach,
                "bound": bound,
                "most": at_most is not None,
            }
            assert value >= SLACK * at_least if at_most is None else value <= at_most / SLACK
        return results[0], found

    return measure


@pytest.fixture(scope="session")
def tiny() -> Tower:
    """The embedded architecture with random weights."""
    return image_tower(models.find("tiny"), "random", 0)


def vector(tower: Tower, *names: object, size: float = 0.01) -> dict[str, torch.Tensor]:
    """A direction in the tower's parameters, drawn from names."""
    return {
        key: size * small.normal(*names, key, shape=t.shape).to(t.dtype)
        for key, t in tower.theta0.items()
    }


def pictures(tower: Tower, num: int) -> torch.Tensor:
    """Normalised images, float32 [num, 3, size, size]."""
    return small.images(num, 3, tower.size, tower.size, dtype=torch.float32)
