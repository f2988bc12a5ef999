"""How cost grows: time and peak memory of what the suite does again and again, against the size of the question.

Rows (training and evaluation "none", no source, no task, params_id = "<verb>/<factor>", coefficient = the factor's
value; verbs: `_verbs.VERBS`; one factor varies, the others stay at their base):
  seconds        of one core, for each round (coefficient2 = its number) and as median (coefficient2 empty)
  peak_bytes     that the verb adds at its peak, likewise; none where the system does not tell. A job, which keeps
                 what is freed in pieces, may hold more
and, without a coefficient:
  time_exponent, memory_exponent   s of value^s by least squares over all rounds, with an interval over rounds
  time_exponent_end                s between the two largest values, where fixed costs weigh least
  time_slope_over_offset           b/a of seconds = a + b T, for tasks

Expected: features ∝ images, ∝ (1 + 2T) + c in tasks, where f0's own pass through open_clip's modules takes as long as c
of ours, so that b/a = 2/(1 + c); everything that runs the network ∝ width² depth once products of matrices outweigh the
rest; a point of a grid costs the features a thousandth of what it costs the network.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachModel, Experiment, Study
from tangent_bench.experiments.ntk_theory import mean_and_interval, slopes

if TYPE_CHECKING:
    from tangent_bench.experiments._verbs import Verb

EXPERIMENT = Experiment(
    title="Growth of time and memory with tasks, coefficients, images, width and depth",
    scope=EachModel(),
    section="cost_growth",
    reference="Griewank, Walther, Evaluating Derivatives, 2nd edition, 2008, §3.2 (cost of tangents)",
)
FACTORS = ("tasks", "coefficients", "images", "width", "depth")
PAGE = 4096  # bytes
SHORTEST = 0.02  # seconds of a measurement; shorter calls are repeated


def run(study: Study) -> None:
    from tangent_bench.jobs import memory

    gc.collect()
    gc.freeze()  # the collections before each measurement of memory then pass over what importing torch left
    try:
        with memory.apart():  # first: what times leave behind would be in the way
            for params_id, values, verb, calls in _calls(study):
                if verb.memory:
                    _memory(study, params_id, values, calls)
        for params_id, values, verb, calls in _calls(study):
            seconds_VK = _seconds(calls, verb.times, study.settings["rounds"])
            _record(study, params_id, values, "seconds", seconds_VK)
            _laws(study, params_id, values, seconds_VK)
    finally:
        gc.unfreeze()


def _calls(study: Study) -> Iterator[tuple[str, list[int], Verb, list[Callable]]]:
    """Every verb with every factor that its cost depends on: its name, the factor's values, and a call for each."""
    from tangent_bench.experiments._verbs import VERBS, Size, Stage

    base, batch_size = Size(**study.settings["base"]), study.settings["batch_size"]
    for factor in FACTORS:
        values = sorted(study.settings["values"][factor])
        stages = [
            Stage(replace(base, **{factor: value}), batch_size, study.seed) for value in values
        ]
        for name, verb in VERBS.items():
            if factor in verb.factors:
                yield f"{name}/{factor}", values, verb, [verb.build(stage) for stage in stages]


def _seconds(calls: list[Callable], times: int, rounds: int) -> np.ndarray:
    """Seconds of one core that a verb takes, [V, K]; a call does it `times` times.

    A round goes through all values, so that what slows the machine for a while slows them alike.
    """
    # These first calls warm up libraries and memory as well.
    repeats = [max(1, round(SHORTEST / max(_clock(call, 1), 1e-6))) for call in calls]
    measured_KV = [
        [_clock(c, n) / times for c, n in zip(calls, repeats, strict=True)] for _ in range(rounds)
    ]
    return np.array(measured_KV).T


def _clock(call: Callable, repeats: int) -> float:
    """Processor time of a call: other work on the machine does not count, as far as it leaves the caches alone."""
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def _memory(study: Study, params_id: str, values: list[int], calls: list[Callable]) -> None:
    """Rows of memory, if this system tells it."""
    bytes_VK = _bytes(calls, study.settings["memory_rounds"])
    if bytes_VK is not None:
        _record(study, params_id, values, "peak_bytes", bytes_VK)
        _fit(study, params_id, "memory_exponent", slopes(values, bytes_VK))


def _bytes(calls: list[Callable], rounds: int) -> np.ndarray | None:
    """Bytes that a call adds at its peak, [V, K], or None where they cannot be counted."""
    from tangent_bench.jobs.memory import peak

    found_KV = [[peak(call) for call in calls] for _ in range(1 + rounds)][
        1:
    ]  # the first round warms libraries up
    if any(value is None for values in found_KV for value in values):
        return None
    return np.maximum(
        np.array(found_KV, dtype=float).T, PAGE
    )  # what fits into pages that are there adds none


def _record(
    study: Study, params_id: str, values: list[int], metric: str, found_VK: np.ndarray
) -> None:
    """A row for each value and round, and one for the median of the rounds."""
    for value, found_K in zip(values, found_VK, strict=True):
        for number, found in enumerate(found_K):
            _add(
                study,
                metric,
                found,
                1,
                coefficient=float(value),
                coefficient2=float(number),
                params_id=params_id,
            )
        _add(
            study,
            metric,
            np.median(found_K),
            len(found_K),
            coefficient=float(value),
            params_id=params_id,
        )


def _laws(study: Study, params_id: str, values: list[int], seconds_VK: np.ndarray) -> None:
    """What the seconds follow."""
    _fit(study, params_id, "time_exponent", slopes(values, seconds_VK))
    _fit(study, params_id, "time_exponent_end", slopes(values[-2:], seconds_VK[-2:]))
    if params_id.endswith("/tasks"):
        _fit(study, params_id, "time_slope_over_offset", slope_over_offset(values, seconds_VK))


def _fit(study: Study, params_id: str, metric: str, found_K: np.ndarray) -> None:
    """A row with the mean of what each round gives and its Student interval."""
    value, low, high = mean_and_interval(found_K)
    _add(study, metric, value, len(found_K), params_id=params_id)
    study.rows[-1] = replace(study.rows[-1], low=float(low), high=float(high))


def _add(study: Study, metric: str, value: float, num: int, **where: object) -> None:
    study.add(metric, value, sources="", task="", split="", num_samples=num, **where)


def slope_over_offset(values: list[int], seconds_VK: np.ndarray) -> np.ndarray:
    """b/a of seconds = a + b value, fitted to each round with residuals relative to the seconds, [K]."""
    design_V2 = np.stack([np.ones(len(values)), np.asarray(values, dtype=float)], 1)
    fitted = [
        np.linalg.lstsq(design_V2 / s_V[:, None], np.ones(len(values)), rcond=None)[0]
        for s_V in seconds_VK.T
    ]
    return np.array([slope / offset for offset, slope in fitted])
