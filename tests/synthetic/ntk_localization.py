"""Eigenfunctions that sit on their task's images more than both nulls."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import Maker

FOUND = {
    "localization_auroc": 0.75,
    "localization_auroc_null_haar": 0.6,
    "local_energy_off": 0.4,
    "localization_auroc_null_random_init": 0.65,
    "local_energy_on": 0.55,
    "num_eigenfunctions": 90.0,
    "localization_auroc_above_haar": 0.15,
    "localization_auroc_above_random_init": 0.1,
}


def rows(made: Maker) -> Iterator[Row]:
    row = made.of("ntk_localization")
    at = {"sources": "", "params_id": "theta0; embedding, 8 probes; label_energy 0.9"}
    for task in (*made.tasks, "all"):
        for metric, value in FOUND.items():
            noise, width = made.noise(0.05), 0.04
            if metric.startswith("num"):
                noise, width = 0, 0
            yield row(metric, value + noise, task=task, width=width, **at)
