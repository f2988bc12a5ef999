"""How cost grows: time and peak memory of the suite's steps against the size of the question.

Rows (training and evaluation "none", no source, no task, params_id = "<verb>/<factor>", coefficient
= the factor's value; verbs: `_verbs.VERBS`; one factor varies, the others stay at their base):
  seconds        of one core, for each round (coefficient2 = its number) and as median (coefficient2
                 empty)
  peak_bytes     that the verb adds at its peak, likewise; none where the system does not tell. A
                 job, which keeps what is freed in pieces, may hold more
and, without a coefficient:
  time_exponent, memory_exponent   s of value^s by least squares over all rounds, with an interval
                                   over rounds: how well it repeats, not whether cost is a power
  time_exponent_end                s between the two largest values, where fixed costs weigh least
  time_slope_over_offset           b/a of seconds = a + b T, for tasks

Expected: features ∝ images, ∝ (1 + 2T) + c in tasks, where f0's own pass through open_clip's
modules takes as long as c of ours, so that b/a = 2/(1 + c); everything that runs the network ∝
width² depth once products of matrices outweigh the rest; a point of a grid costs the features a
thousandth of what it costs the network.
Shapes: V values of a factor, K rounds.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    reference=(
        "Griewank, Walther, Evaluating Derivatives, 2nd edition, 2008, §3.2 (cost of tangents)"
    ),
)
FACTORS = ("tasks", "coefficients", "images", "width", "depth")
PAGE = 4096  # bytes
SHORTEST = 0.02  # seconds of a measurement; shorter calls are repeated

Call = Callable[[], object]


@dataclass(frozen=True)
class Growth:
    """A verb along one of the factors that its cost depends on.

    Attributes:
        params_id: "<verb>/<factor>".
        values: of the factor.
        verb: what is measured.
        calls: one for each value.
    """

    params_id: str
    values: list[int]
    verb: Verb
    calls: list[Call]


def run(study: Study) -> None:
    from tangent_bench.jobs import memory

    gc.collect()
    # The collections before each measurement of memory then pass over what importing torch left.
    gc.freeze()
    try:
        with memory.apart():  # first: what times leave behind would be in the way
            for growth in _growths(study):
                if growth.verb.memory:
                    _memory(study, growth)
        for growth in _growths(study):
            rounds = study.settings["rounds"]
            seconds_VK = _seconds(growth.calls, growth.verb.times, rounds)
            _record(study, growth.params_id, growth.values, "seconds", seconds_VK)
            _laws(study, growth.params_id, growth.values, seconds_VK)
    finally:
        gc.unfreeze()


def _growths(study: Study) -> Iterator[Growth]:
    """Every verb with every factor that its cost depends on."""
    from tangent_bench.experiments._verbs import VERBS, Size, VerbStage

    base = Size(**study.settings["base"])
    batch_size = study.settings["batch_size"]
    for factor in FACTORS:
        values = sorted(study.settings["values"][factor])
        stages = []
        for value in values:
            size = replace(base, **{factor: value})
            stages.append(VerbStage(size, batch_size, study.seed))
        for name, verb in VERBS.items():
            if factor in verb.factors:
                calls = [verb.build(stage) for stage in stages]
                yield Growth(f"{name}/{factor}", values, verb, calls)


def _seconds(calls: Sequence[Call], times: int, rounds: int) -> np.ndarray:
    """Seconds of one core that a verb takes, [V, K].

    A round goes through all values, so that what slows the machine for a while slows them alike.

    Args:
        calls: one for each value.
        times: how often a call does what is measured.
        rounds: K.
    """
    # These first calls warm up libraries and memory as well.
    repeats = [max(1, round(SHORTEST / max(_clock(call, 1), 1e-6))) for call in calls]
    seconds_KV = []
    for _ in range(rounds):
        pairs = zip(calls, repeats, strict=True)
        seconds_KV.append([_clock(call, number) / times for call, number in pairs])
    return np.array(seconds_KV).T


def _clock(call: Call, repeats: int) -> float:
    """Processor time of a call.

    Other work on the machine does not count, as far as it leaves the caches alone.
    """
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def _memory(study: Study, growth: Growth) -> None:
    """Rows of memory, if this system tells it."""
    bytes_VK = _bytes(growth.calls, study.settings["memory_rounds"])
    if bytes_VK is not None:
        _record(study, growth.params_id, growth.values, "peak_bytes", bytes_VK)
        exponents_K = slopes(growth.values, bytes_VK)
        _fit(study, growth.params_id, "memory_exponent", exponents_K)


def _bytes(calls: Sequence[Call], rounds: int) -> np.ndarray | None:
    """Bytes that a call adds at its peak, [V, K], or None where they cannot be counted."""
    from tangent_bench.jobs.memory import peak

    peaks_KV = [[peak(call) for call in calls] for _ in range(1 + rounds)]
    measured_KV = peaks_KV[1:]  # the first round warms libraries up
    bytes_VK = np.array(measured_KV, dtype=float).T  # None is NaN
    if np.isnan(bytes_VK).any():
        return None
    return np.maximum(bytes_VK, PAGE)  # what fits into pages that are there adds none


def _record(
    study: Study, params_id: str, values: Sequence[int], metric: str, costs_VK: np.ndarray
) -> None:
    """A row for each value and round, and one for the median of the rounds."""
    for value, costs_K in zip(values, costs_VK, strict=True):
        for number, cost in enumerate(costs_K):
            _add(study, params_id, metric, cost, 1, value, number)
        _add(study, params_id, metric, np.median(costs_K), len(costs_K), value)


def _laws(study: Study, params_id: str, values: list[int], seconds_VK: np.ndarray) -> None:
    """Rows of the laws that the seconds follow."""
    _fit(study, params_id, "time_exponent", slopes(values, seconds_VK))
    _fit(study, params_id, "time_exponent_end", slopes(values[-2:], seconds_VK[-2:]))
    if params_id.endswith("/tasks"):
        ratio_K = slope_over_offset(values, seconds_VK)
        _fit(study, params_id, "time_slope_over_offset", ratio_K)


def _fit(study: Study, params_id: str, metric: str, fits_K: np.ndarray) -> None:
    """A row with the mean of what each round gives and its Student interval."""
    value, low, high = map(float, mean_and_interval(fits_K))
    _add(study, params_id, metric, value, len(fits_K))
    study.rows[-1] = replace(study.rows[-1], low=low, high=high)


def _add(
    study: Study,
    params_id: str,
    metric: str,
    value: float | np.floating,
    num_samples: int,
    factor: float | None = None,
    number: float | None = None,
) -> None:
    study.add(
        metric,
        float(value),
        sources="",
        task="",
        split="",
        num_samples=num_samples,
        coefficient=None if factor is None else float(factor),
        coefficient2=None if number is None else float(number),
        params_id=params_id,
    )


def slope_over_offset(values: Sequence[int], seconds_VK: np.ndarray) -> np.ndarray:
    """b/a of seconds = a + b value, fitted to each round with relative residuals, [K]."""
    ones_V = np.ones(len(values))
    design_V2 = np.stack([ones_V, np.asarray(values, dtype=float)], 1)
    ratios = []
    for seconds_V in seconds_VK.T:
        fit = np.linalg.lstsq(design_V2 / seconds_V[:, None], ones_V, rcond=None)
        offset, slope = fit[0]
        ratios.append(slope / offset)
    return np.array(ratios)
