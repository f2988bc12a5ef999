"""Does our ranking of merging methods predict the printed ones of CLIP ViT-B/32?

Kendall's τ-b within one family of checkpoints:

    τ-b = Σ_{i<j} sgn(x_i − x_j) sgn(y_i − y_j) / √(Σ sgn²(x_i − x_j) · Σ sgn²(y_i − y_j))

Families never meet in one ranking: A is task_vectors' or clean runs, B tall_masks' of before
December 2024 (trained on test images of DTD), C FusionBench's. Where several sources print a
method, the median counts. Status: P read in the method's repository or paper, S printed by a third
party, M remembered.

The interval is over our images and seeds, for these methods and these prints; `chance` is over
orders of the methods.

Reference: Kendall 1945, The treatment of ties in ranking problems.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tangent_bench import suite
from tangent_bench.judging.components import LEAST_SEEDS
from tangent_bench.judging.verdicts import LEVEL
from tangent_bench.measuring import resampling
from tangent_bench.seeds import generator

FILE = suite.ROOT / "workflow/resources/method_rankings.csv"
FAMILIES = {"A": "task_vectors", "B": "tall_masks", "C": "FusionBench"}
STATUSES = "PSM"
COLUMNS = ["family", "method", "accuracy", "status", "source"]
# With fewer methods, chance gives even the same order in 1 of 12 cases or more (two-sided).
FEWEST = 5
LOW = 0.5  # three pairs of four in the same order


@dataclass(frozen=True)
class PrintedAccuracy:
    """A printed accuracy of a method in percent, at the coefficient of its source.

    It is the mean of the eight tasks.
    """

    family: str
    method: str
    accuracy: float
    status: str
    source: str


@dataclass(frozen=True)
class RankCorrelation:
    """τ-b with its percentile interval.

    Attributes:
        chance: two-sided p-value of τ if every order of the methods were as likely.
    """

    tau: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True)
class Agreement:
    """How our order of methods agrees with the printed one.

    Attributes:
        methods: those that both have, from the printed best to the worst.
        correlation: None with fewer than two methods, or where one side is all equal.
        num_seeds: number of our seeds; fewer than LEAST_SEEDS are not resampled.
        second_hand: number of methods that no source of status P prints.
    """

    family: str
    methods: tuple[str, ...]
    correlation: RankCorrelation | None
    num_seeds: int
    second_hand: int

    @property
    def sentence(self) -> str:
        """The number, and what it does not allow to say, for a caption."""
        printed = f"CLIP ViT-B/32 (family {self.family}, {FAMILIES[self.family]})"
        number = len(self.methods)
        correlation = self.correlation
        if correlation is None or number < FEWEST:
            return (
                f"{number} methods are too few to say whether this ranking predicts that on "
                f"{printed}."
            )
        fixed = ", conditional on these seeds" if self.num_seeds < LEAST_SEEDS else ""
        notes = [
            f"Kendall's τ-b with the ranking on {printed} is {correlation.tau:.2f} "
            f"[{correlation.low:.2f}, {correlation.high:.2f}] over {number} methods{fixed}."
        ]
        if correlation.tau < LOW or correlation.low <= 0 or correlation.chance > LEVEL:
            notes.append("This is low: the leaderboard does not predict CLIP.")
        if self.second_hand:
            notes.append(f"{self.second_hand} of the printed numbers are second-hand.")
        return " ".join(notes)


def read(path: Path = FILE) -> tuple[PrintedAccuracy, ...]:
    """Reads the printed numbers.

    Raises:
        ValueError: a line does not have the columns or values above, or repeats another.
    """
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if table.fieldnames != COLUMNS:
            raise ValueError(
                f"{path} has columns {table.fieldnames}, expected {COLUMNS}; repair its first line."
            )
        prints = tuple(_parse(line, f"{path}, line {table.line_num}") for line in table)
    keys = [(p.family, p.method, p.source) for p in prints]
    repeated = [" ".join(key) for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if repeated:
        raise ValueError(f"{path} has more than one line of {', '.join(repeated)}; keep one.")
    return prints


def _parse(line: Mapping[str, str], place: str) -> PrintedAccuracy:
    try:
        accuracy = float(line["accuracy"])
    except (TypeError, ValueError):
        raise ValueError(
            f"{place}: accuracy {line['accuracy']!r} is no number; give percent."
        ) from None
    known = line["family"] in FAMILIES and line["status"] in tuple(STATUSES)
    complete = line["method"] and line["source"]
    if not known or not complete or not 1 < accuracy <= 100:
        raise ValueError(
            f"{place} is {','.join(map(str, line.values()))}; expected a family of "
            f"{''.join(FAMILIES)}, a method, percent, a status of {STATUSES} and a source."
        )
    return PrintedAccuracy(line["family"], line["method"], accuracy, line["status"], line["source"])


def tau_b(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns Kendall's τ-b along the last axis, [...]; NaN where one side is all equal.

    >>> float(tau_b(np.array([1, 2, 3]), np.array([1, 3, 2])))  # two pairs agree, one does not
    0.33
    """
    signs_x = _pair_signs(x)
    signs_y = _pair_signs(y)
    untied = np.abs(signs_x).sum(-1) * np.abs(signs_y).sum(-1)
    return (signs_x * signs_y).sum(-1) / np.sqrt(np.where(untied > 0, untied, np.nan))


def _pair_signs(values: np.ndarray) -> np.ndarray:
    """Returns the sign of each pair's difference along the last axis."""
    first, second = np.triu_indices(np.shape(values)[-1], 1)
    numbers = np.asarray(values, float)
    return np.sign(numbers[..., first] - numbers[..., second])


def agreement(
    ours: Mapping[str, np.ndarray], family: str, prints: Iterable[PrintedAccuracy] | None = None
) -> Agreement:
    """Returns how our order of the methods agrees with the printed one of a family.

    Args:
        ours: accuracy by method, [S, 1 + R]: seeds, and the estimate with its image replicates.
            Every method has the same seeds and resampled images; a replicate also draws S seeds,
            the same for all methods.
        family: key of `FAMILIES`.
        prints: the printed accuracies; None: those of `FILE`.

    Raises:
        ValueError: the family is unknown; methods of different seeds or replicates.
    """
    if family not in FAMILIES:
        raise ValueError(f"Family {family!r} is not known; expected one of {', '.join(FAMILIES)}.")
    shapes = [np.shape(accuracy) for accuracy in ours.values()]
    if len(set(shapes)) > 1 or any(len(shape) != 2 for shape in shapes):
        raise ValueError(f"Accuracies are {shapes}; expected one shape [S, 1 + R].")
    sources: dict[str, list[PrintedAccuracy]] = {}
    for line in read() if prints is None else prints:
        if line.family == family and line.method in ours:
            sources.setdefault(line.method, []).append(line)
    printed = {method: _median(lines) for method, lines in sources.items()}
    methods = tuple(sorted(printed, key=lambda method: (-printed[method], method)))
    second_hand = sum(_is_second_hand(lines) for lines in sources.values())
    num_seeds = len(next(iter(ours.values()), ()))
    ours_MSR = np.array([ours[method] for method in methods])
    printed_M = np.array([printed[method] for method in methods])
    correlation = _correlation(ours_MSR, printed_M)
    return Agreement(family, methods, correlation, num_seeds, second_hand)


def _median(lines: Iterable[PrintedAccuracy]) -> float:
    return statistics.median(line.accuracy for line in lines)


def _is_second_hand(lines: Iterable[PrintedAccuracy]) -> bool:
    return all(line.status != "P" for line in lines)


def _correlation(ours_MSR: np.ndarray, printed_M: np.ndarray) -> RankCorrelation | None:
    """Returns τ, its interval, and how often chance alone gives as much."""
    if len(printed_M) < 2:
        return None
    mean_RM = _resampled(ours_MSR)
    tau_R = tau_b(mean_RM, printed_M)
    if np.isnan(tau_R[0]):
        return None
    # A replicate without any order agrees with none.
    low, high = resampling.interval(np.nan_to_num(tau_R))
    return RankCorrelation(float(tau_R[0]), low, high, _chance(mean_RM[0], printed_M))


def _chance(ours_M: np.ndarray, printed_M: np.ndarray) -> float:
    from scipy.stats import kendalltau

    result: Any = kendalltau(ours_M, printed_M)  # SciPy's own result class has no types
    return float(result.pvalue)


def _resampled(ours_MSR: np.ndarray) -> np.ndarray:
    """Returns means over seeds, [1 + R, M].

    From LEAST_SEEDS on, each replicate draws the seeds anew.
    """
    _, num_seeds, num_replicates = ours_MSR.shape
    counts_RS = np.ones((num_replicates, num_seeds))
    if num_seeds >= LEAST_SEEDS:
        rng = generator("rankings", "seeds", num_seeds, num_replicates)
        shares = np.full(num_seeds, 1.0 / num_seeds)
        counts_RS[1:] = rng.multinomial(num_seeds, shares, size=num_replicates - 1)
    # Equal accuracies of two methods must stay equal: the same products in the same order.
    return np.einsum("msr,rs->rm", ours_MSR, counts_RS) / num_seeds
