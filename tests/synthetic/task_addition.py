"""Accuracies with a peak along α, what is reported at the selected one, and sums of fewer tasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from tangent_bench.store.rows import Row
from tests.synthetic.maker import GRID, MODES, SINGLE, ZERO_SHOT, Maker

PEAKS = {  # α*, and the accuracy of the sum there
    "standard-network": (0.3, 0.62),
    "standard-tangent": (0.45, 0.58),
    "linear-tangent": (0.55, 0.65),
}


def rows(made: Maker) -> Iterator[Row]:
    for mode in MODES:
        peak, top = PEAKS["-".join(mode)]
        peak = round(peak + 0.05 * (made.seed % 3), 2)
        yield from _along(made, mode, peak, top)
        yield from _tuned(made, mode, peak, top + made.noise())
        if mode[1] == "tangent":
            yield from _subsets(made, mode, peak, top)


def _along(made: Maker, mode: tuple[str, str], peak: float, top: float) -> Iterator[Row]:
    row = made.of("task_addition", mode)
    at = {"sources": "+".join(made.tasks), "method": "task_arithmetic"}
    places = [("val", alpha) for alpha in GRID] + [("test", 0.0), ("test", 1.0)]
    for split, alpha in places:
        mean = ZERO_SHOT + (top - ZERO_SHOT) * (1 - ((alpha - peak) / max(peak, 0.5)) ** 2)
        about = {"split": split, "coefficient": alpha, **at}
        for task in made.tasks:
            value = min(1.0, max(0.03, mean + made.zero[task] - ZERO_SHOT))
            yield row("accuracy", value, task=task, **about)
        yield row("accuracy", min(1.0, max(0.03, mean)), task="all", **about)
        yield row("normalized_accuracy", mean / 0.9, task="all", **about)
        yield row("recovered_gain", (mean - ZERO_SHOT) / 0.44, task="all", **about)


def _tuned(made: Maker, mode: tuple[str, str], peak: float, top: float) -> Iterator[Row]:
    row = made.of("task_addition", mode)
    at = {"sources": "+".join(made.tasks), "method": "task_arithmetic"}
    tuned = {"coefficient": peak, **at}
    for task in made.tasks:
        yield row("accuracy_tuned", min(1, top + made.noise(0.2)), task=task, **tuned)
    tuned["task"] = at["task"] = "all"
    yield row("normalized_accuracy_tuned", top / SINGLE["-".join(mode)], width=0.02, **tuned)
    yield row("recovered_gain_tuned", (top - ZERO_SHOT) / 0.4, width=0.04, **tuned)
    yield row("selected_coefficient", peak, split="val", width=0, **at)
    yield row("selected_at_edge", 0.0, split="val", width=0, **at)
    if mode[1] == "network":
        yield row("accuracy_tuned", top, **tuned)


def _subsets(made: Maker, mode: tuple[str, str], peak: float, top: float) -> Iterator[Row]:
    row, all_tasks = made.of("task_addition", mode), len(made.tasks)
    for num in range(1, all_tasks + 1):
        share = num / all_tasks
        for chosen in combinations(made.tasks, num):
            at = {
                "sources": "+".join(chosen),
                "method": "task_arithmetic",
                "coefficient": min(1.0, peak + 0.05 * (all_tasks - num)),
            }
            means = {"own": 0.9 - (0.9 - top) * share, "all": ZERO_SHOT + (top - ZERO_SHOT) * share}
            for task, value in means.items():
                value += made.noise(0.05) * (1 - share)
                yield row("accuracy_tuned", value, task=task, **at)
                if num < all_tasks or task == "own":
                    yield row("normalized_accuracy_tuned", value / 0.9, task=task, **at)
