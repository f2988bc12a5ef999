"""Does our ranking of merging methods predict the printed ones of CLIP ViT-B/32? Kendall's τ-b within one family.

    τ-b = Σ_{i<j} sgn(x_i − x_j) sgn(y_i − y_j) / √(Σ sgn²(x_i − x_j) · Σ sgn²(y_i − y_j))

Families of checkpoints never meet in one ranking: A task_vectors' or clean runs, B tall_masks' of before December 2024
(test images of DTD were trained on), C FusionBench's. Where several sources print a method, the median counts.
Status: P read in the method's repository or paper, S printed by a third party, M remembered.

The interval is over our images and seeds, for these methods and these prints; `chance` is over orders of the methods.

Reference: Kendall 1945, The treatment of ties in ranking problems.
"""

from __future__ import annotations

import csv
import statistics as averages
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tangent_bench import suite
from tangent_bench.judging.comparison import LEAST_SEEDS
from tangent_bench.judging.verdicts import LEVEL
from tangent_bench.measuring import resampling
from tangent_bench.seeds import generator

FILE = suite.ROOT / "workflow/resources/method_rankings.csv"
FAMILIES = {"A": "task_vectors", "B": "tall_masks", "C": "FusionBench"}
STATUSES = "PSM"
COLUMNS = ["family", "method", "accuracy", "status", "source"]
FEWEST = 5  # of fewer methods even the same order comes about by chance, in 1 of 12 cases or more (two-sided)
LOW = 0.5  # three pairs of four in the same order


@dataclass(frozen=True)
class Print:
    """A printed accuracy of a method, in percent, mean of the eight tasks, at the coefficient of its source."""

    family: str
    method: str
    accuracy: float
    status: str
    source: str


@dataclass(frozen=True)
class Agreement:
    """τ-b between our order of methods and the printed one.

    Attributes:
        methods: those that both have, from the printed best on.
        tau, low, high: the estimate, and its percentile interval; None with fewer than two methods, or where all of one
            side are equal.
        chance: two-sided p-value of τ if every order of the methods were as likely.
        num_seeds: of ours; fewer than LEAST_SEEDS are not resampled.
        second_hand: methods that no source of status P prints.
    """

    family: str
    methods: tuple[str, ...]
    tau: float | None
    low: float | None
    high: float | None
    chance: float | None
    num_seeds: int
    second_hand: int

    @property
    def sentence(self) -> str:
        """For a caption: the number, and what it does not allow to say."""
        where = f"CLIP ViT-B/32 (family {self.family}, {FAMILIES[self.family]})"
        if self.tau is None or len(self.methods) < FEWEST:
            return f"{len(self.methods)} methods are too few to say whether this ranking predicts that on {where}."
        fixed = ", conditional on these seeds" * (self.num_seeds < LEAST_SEEDS)
        notes = [
            f"Kendall's τ-b with the ranking on {where} is {self.tau:.2f} [{self.low:.2f}, {self.high:.2f}] over "
            f"{len(self.methods)} methods{fixed}."
        ]
        if self.tau < LOW or self.low <= 0 or self.chance > LEVEL:
            notes.append("This is low: the leaderboard does not predict CLIP.")
        if self.second_hand:
            notes.append(f"{self.second_hand} of the printed numbers are second-hand.")
        return " ".join(notes)


def read(path: Path = FILE) -> tuple[Print, ...]:
    """The printed numbers.

    Raises:
        ValueError: a line does not have the columns or values above, or says again what another says.
    """
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if table.fieldnames != COLUMNS:
            raise ValueError(
                f"{path} has columns {table.fieldnames}, expected {COLUMNS}; repair its first line."
            )
        prints = tuple(_print(line, f"{path}, line {table.line_num}") for line in table)
    seen = [(p.family, p.method, p.source) for p in prints]
    twice = [" ".join(key) for key in dict.fromkeys(seen) if seen.count(key) > 1]
    if twice:
        raise ValueError(f"{path} has more than one line of {', '.join(twice)}; keep one.")
    return prints


def _print(line: Mapping[str, str], where: str) -> Print:
    try:
        accuracy = float(line["accuracy"])
    except (TypeError, ValueError):
        raise ValueError(
            f"{where}: accuracy {line['accuracy']!r} is no number; give percent."
        ) from None
    known = (
        line["family"] in FAMILIES
        and line["status"] in tuple(STATUSES)
        and line["method"]
        and line["source"]
    )
    if not known or not 1 < accuracy <= 100:
        raise ValueError(
            f"{where} is {','.join(map(str, line.values()))}; expected a family of {''.join(FAMILIES)}, a method, "
            f"percent, a status of {STATUSES} and a source."
        )
    return Print(line["family"], line["method"], accuracy, line["status"], line["source"])


def tau_b(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's τ-b along the last axis, [...]; NaN where all of one side are equal.

    >>> float(tau_b(np.array([1, 2, 3]), np.array([1, 3, 2])))  # two pairs agree, one does not
    0.33
    """
    first, second = np.triu_indices(np.shape(x)[-1], 1)
    signs_x, signs_y = (
        np.sign(v[..., first] - v[..., second])
        for v in (np.asarray(x, float), np.asarray(y, float))
    )
    untied = np.abs(signs_x).sum(-1) * np.abs(signs_y).sum(-1)
    return (signs_x * signs_y).sum(-1) / np.sqrt(np.where(untied > 0, untied, np.nan))


def agreement(
    ours: Mapping[str, np.ndarray], family: str, prints: Iterable[Print] | None = None
) -> Agreement:
    """How our order of the methods agrees with the printed one of a family.

    Args:
        ours: accuracy by method, [S, 1 + R]: seeds, and the estimate with its image replicates. Every method has the
            same seeds and resampled images; a replicate also draws S seeds, the same for all methods.
        family: key of `FAMILIES`.
        prints: the printed accuracies; None: those of `FILE`.

    Raises:
        ValueError: no such family; methods of different seeds or replicates.
    """
    if family not in FAMILIES:
        raise ValueError(f"Family {family!r} is not known; expected one of {', '.join(FAMILIES)}.")
    if len({np.shape(v) for v in ours.values()}) > 1 or any(np.ndim(v) != 2 for v in ours.values()):
        raise ValueError(
            f"Accuracies are {[np.shape(v) for v in ours.values()]}; expected one shape [S, 1 + R]."
        )
    found: dict[str, list[Print]] = {}
    for line in read() if prints is None else prints:
        if line.family == family and line.method in ours:
            found.setdefault(line.method, []).append(line)
    printed = {
        method: averages.median(p.accuracy for p in lines) for method, lines in found.items()
    }
    methods = tuple(sorted(printed, key=lambda method: (-printed[method], method)))
    second = sum(all(p.status != "P" for p in lines) for lines in found.values())
    num_seeds = len(next(iter(ours.values()), ()))
    numbers = _tau(np.array([ours[m] for m in methods]), np.array([printed[m] for m in methods]))
    return Agreement(family, methods, *numbers, num_seeds, second)


def _tau(ours_MSR: np.ndarray, printed_M: np.ndarray) -> tuple[float | None, ...]:
    """τ, its interval, and how often chance alone gives as much."""
    from scipy.stats import kendalltau

    if len(printed_M) < 2:
        return None, None, None, None
    mean_RM = _resampled(ours_MSR)
    tau_R = tau_b(mean_RM, printed_M)
    if np.isnan(tau_R[0]):
        return None, None, None, None
    low, high = resampling.interval(
        np.nan_to_num(tau_R)
    )  # a replicate without any order agrees with none
    return float(tau_R[0]), low, high, float(kendalltau(mean_RM[0], printed_M).pvalue)


def _resampled(ours_MSR: np.ndarray) -> np.ndarray:
    """Means over seeds, [1 + R, M]; from LEAST_SEEDS on, over seeds drawn anew in each replicate."""
    _, num_seeds, count = ours_MSR.shape
    counts_RS = np.ones((count, num_seeds))
    if num_seeds >= LEAST_SEEDS:
        rng = generator("rankings", "seeds", num_seeds, count)
        counts_RS[1:] = rng.multinomial(
            num_seeds, np.full(num_seeds, 1.0 / num_seeds), size=count - 1
        )
    # Equal accuracies of two methods must stay equal: the same products in the same order.
    return np.einsum("msr,rs->rm", ours_MSR, counts_RS) / num_seeds
