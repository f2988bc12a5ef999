"""Power laws of each factor, three rounds; the grid from features has no memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tangent_bench.store.rows import Row
from tests.synthetic.maker import Maker

SECONDS = {  # at the factor 4
    "features": 0.2,
    "grid": 4e-4,
    "network grid": 0.5,
    "standard step": 0.08,
    "linear step": 0.13,
}
FACTORS = {"tasks", "coefficients", "images", "width", "depth"}
WITHOUT = {
    "features": {"coefficients"},
    "grid": {"width", "depth"},
    "standard step": {"tasks", "coefficients"},
    "linear step": {"tasks", "coefficients"},
}


def rows(made: Maker) -> Iterator[Row]:
    row = made.of("cost_growth")
    for verb, seconds in SECONDS.items():
        for factor in sorted(FACTORS - WITHOUT.get(verb, set())):
            at = {"sources": "", "task": "", "split": "", "params_id": f"{verb}/{factor}"}
            yield from _rounds(made, "seconds", 0.9, seconds, at)
            yield row("time_exponent", 0.9, width=0.03, **at)
            if verb != "grid":
                yield from _rounds(made, "peak_bytes", 0.6, 8e7 * seconds**0.3, at)
                yield row("memory_exponent", 0.6, width=0.03, **at)
            if factor == "tasks":
                yield row("time_slope_over_offset", 1.1, width=0.1, **at)


def _rounds(
    made: Maker, metric: str, power: float, start: float, at: dict[str, Any]
) -> Iterator[Row]:
    """Three measurements at each value of the factor, and their mean, which has no number."""
    row = made.of("cost_growth")
    for value in (2, 4, 8, 16):
        for number in (0, 1, 2, None):
            found = start * (value / 4) ** power * (1 + made.noise(0.05) * (number is not None))
            about = {"coefficient": float(value), "coefficient2": number, "width": 0}
            yield row(metric, found, **about, **at)
