"""Disentanglement maps ξ(α_a, α_b) of pairs of tasks, both terms apart, and what they come to in the search range.

Two grids: "wide" is drawn, "unit" is the range in which α is searched. The points at which task addition could choose
are on a third, its diagonal. A point that several of them share is predicted once, and the single-task half once for
each α, not for each point of a map.
Shapes: P points, N images, A coefficients, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy, Study
from tangent_bench.measuring import disentanglement, resampling
from tangent_bench.measuring.selection import grid

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Disentanglement maps",
    scope=EachMode(),
    section="disentanglement",
    relative_time=2.5,
    reference="Ortiz-Jimenez et al. 2023, §4 and Fig. 3",
)
GRIDS = ("wide", "unit")
log = logging.getLogger(__name__)

Pair = tuple[str, str]
Place = tuple[float, float]  # the coefficient of the evaluated task's own vector, and of the other


def run(study: ModeStudy) -> None:
    maps = {name: grid(**study.settings[name]) + 0.0 for name in GRIDS}  # + 0.0: no −0
    halves = _Halves(study, maps)
    scalars = []
    for a, b in pairs(study):
        terms = halves.terms(a, b), halves.terms(b, a)
        for name, alphas in maps.items():
            _map_rows(study, (a, b), terms, name, alphas)
        scalars.append(_scalars(study, (a, b), terms, halves, maps["unit"]))
        _diagonal(study, (a, b), terms, halves)
    mean = {metric: np.mean([found[metric] for found in scalars], axis=0) for metric in scalars[0]}
    _scalar_rows(study, "each", mean, size(study, *pairs(study)))
    study.replicates |= mean


def pairs(study: Study) -> list[Pair]:
    """The pairs of the config, or neighbours in the list of tasks: (1, 2), (3, 4), ..., an odd last one with the one
    before it.

    Raises:
        ValueError: an entry is no pair of two different tasks of this run, or stands there twice, or there is one task.
    """
    asked, tasks = [tuple(pair) for pair in study.settings["pairs"]], study.tasks
    for pair in asked:
        if len(set(pair)) != 2 or len(pair) != 2 or not set(pair) <= set(tasks):
            raise ValueError(
                f"disentanglement.pairs holds {list(pair)}; expected two different tasks of {', '.join(tasks)}."
            )
    if len({frozenset(pair) for pair in asked}) < len(asked):
        raise ValueError("disentanglement.pairs names a pair twice; name each once, in any order.")
    if len(tasks) < 2:
        raise ValueError(
            f"Disentanglement is between two tasks, but `tasks` has {len(tasks)}; add one."
        )
    return asked or neighbours(tasks)


def neighbours(tasks: Sequence[str]) -> list[Pair]:
    """Pairs of neighbours in the list of tasks; an odd last one goes with the one before it.

    >>> neighbours(["a", "b", "c"])
    [('a', 'b'), ('b', 'c')]
    """
    pairs = list(zip(tasks[::2], tasks[1::2], strict=False))
    return [*pairs, (tasks[-2], tasks[-1])] if len(tasks) % 2 else pairs


def size(study: Study, *of: Pair, split: str = "test") -> int:
    """Number of images of the tasks of these pairs that are used: the first `num_images` of each."""
    tasks = {task for pair in of for task in pair}
    return sum(
        min(study.settings["num_images"], len(study.labels(task, split).labels)) for task in tasks
    )


class _Halves:
    """Predictions on the images of one task, and the terms of ξ that follow; asks the evaluator for no point twice."""

    def __init__(self, study: ModeStudy, maps: dict[str, np.ndarray]) -> None:
        self.study, self.maps = study, maps
        self.alphas = sorted(
            {0.0, *(float(c) for alphas in (*maps.values(), study.coefficients) for c in alphas)}
        )
        self._alone: dict[tuple[str, str], dict[float, np.ndarray]] = {}

    def predict(self, task: str, split: str, points: list[dict]) -> np.ndarray:
        return self.study.evaluator.predict(
            task, split, points, limit=self.study.settings["num_images"]
        )

    def weights(self, task: str, split: str) -> np.ndarray:
        """Bootstrap counts of the images used; blocks are those that the limit leaves, so that they stay whole."""
        blocks = self.study.labels(task, split).blocks[: self.study.settings["num_images"]]
        return resampling.weights(blocks, self.study.num_replicates, task, split)

    def alone(self, task: str, split: str) -> dict[float, np.ndarray]:
        """α → predictions at θ0 + α τ_task; on validation at the coefficients of addition only."""
        if (task, split) not in self._alone:
            alphas = self.alphas if split == "test" else [float(c) for c in self.study.coefficients]
            found = self.predict(task, split, [{task: c} if c else {} for c in alphas])
            self._alone[task, split] = dict(zip(alphas, found, strict=True))
        return self._alone[task, split]

    def terms(self, own: str, other: str) -> dict[Place, np.ndarray]:
        """(α_own, α_other) → the term of `own`, [R], at every point that is needed."""
        alone, weights_RN = self.alone(own, "test"), self.weights(own, "test")
        places = sorted(
            {p for alphas in self.maps.values() for p in _square(alphas)} | self._diagonal()
        )
        # Without the other vector there is nothing to compare: the term is 0, and no prediction is needed.
        moved = [place for place in places if place[1] != 0.0]
        both_PN = self.predict(own, "test", [_point(own, other, place) for place in moved])
        log.info("%s with %s: %d points of weight space", own, other, len(moved))
        term_RP = disentanglement.term(np.stack([alone[c] for c, _ in moved]), both_PN, weights_RN)
        still = np.zeros(len(weights_RN))
        return dict.fromkeys(places, still) | dict(zip(moved, term_RP.T, strict=True))

    def _diagonal(self) -> set[Place]:
        return {(float(c), float(c)) for c in self.study.coefficients}

    def change(self, task: str, alphas: Iterable[float]) -> np.ndarray:
        """Share of the task's images whose prediction its own vector changes, mean over α, [R]."""
        alone = self.alone(task, "test")
        moved_PN = np.stack([alone[float(c)] for c in alphas])
        still_PN = np.broadcast_to(alone[0.0], moved_PN.shape)
        return disentanglement.term(still_PN, moved_PN, self.weights(task, "test")).mean(1)

    def accuracy(self, task: str) -> np.ndarray:
        """Validation accuracy along the task's own vector, [R, A]."""
        labels = self.study.labels(task, "val").labels[: self.study.settings["num_images"]]
        correct_PN = np.stack(list(self.alone(task, "val").values())) == labels
        return resampling.accuracy(correct_PN, self.weights(task, "val"))


def _square(alphas: np.ndarray) -> Iterable[Place]:
    return product(alphas.tolist(), repeat=2)


def _point(own: str, other: str, place: Place) -> dict[str, float]:
    return {source: c for source, c in zip((own, other), place, strict=True) if c != 0.0}


def _map_rows(
    study: ModeStudy, pair: Pair, terms: tuple[dict, dict], name: str, alphas: np.ndarray
) -> None:
    """A row for each term at each point; coefficient is that of the pair's first task, coefficient2 of the second."""
    for task, found, order in zip(pair, terms, (1, -1), strict=True):
        common = {"sources": "+".join(pair), "task": task, "split": "test", "params_id": name}
        number = size(study, (task, task))
        for place in _square(alphas):
            value = found[place[::order]][0]
            where = {
                "coefficient": place[0],
                "coefficient2": place[1],
                "num_samples": number,
                **common,
            }
            study.add("disentanglement_term", float(value), **where)


def _scalars(
    study: ModeStudy, pair: Pair, terms: tuple[dict, dict], halves: _Halves, alphas: np.ndarray
) -> dict:
    """What the pair comes to over the unit grid, [R] each, as rows too."""
    mean = disentanglement.error(
        *(np.mean([found[p] for p in _square(alphas)], axis=0) for found in terms)
    )
    change = sum(halves.change(task, alphas) for task in pair)
    half_an_image = 0.5 / size(study, pair)
    found = {
        "mean_disentanglement_error": mean,
        "mean_prediction_change": change,
        "relative_disentanglement_error": disentanglement.relative_error(
            mean, change, half_an_image
        ),
    }
    _scalar_rows(study, "+".join(pair), found, size(study, pair))
    return found


def _scalar_rows(study: ModeStudy, sources: str, found: dict[str, np.ndarray], number: int) -> None:
    for metric, values in found.items():
        study.add(metric, values, sources=sources, task="all", split="test", num_samples=number)


def _diagonal(study: ModeStudy, pair: Pair, terms: tuple[dict, dict], halves: _Halves) -> None:
    """For comparisons between modes: ξ(α, α) on test and the pair's own-vector accuracy on validation, at the
    coefficients of addition.
    """
    own_RA = np.mean([halves.accuracy(task) for task in pair], axis=0)
    for k, c in enumerate(study.coefficients):
        place = (float(c), float(c))
        study.replicates[f"diagonal/{'+'.join(pair)}/{k}"] = disentanglement.error(
            *(found[place] for found in terms)
        )
        study.replicates[f"own/{'+'.join(pair)}/{k}"] = own_RA[:, k]


def cost(asking: Asking) -> None:
    """Counts the points of both grids and of the diagonal for both tasks of every pair.

    Each task alone is looked at once.
    """
    limit = asking.settings["num_images"]
    compared = [(first, second) for first, second in asking.settings["pairs"]]
    compared = compared or neighbours(asking.tasks)
    maps = [grid(**asking.settings[name]).tolist() for name in GRIDS]
    diagonal = grid(**asking.config["coefficients"]).tolist()
    places = {(alpha, alpha) for alpha in diagonal}
    alone = {0.0, *diagonal}
    for alphas in maps:
        places.update(product(alphas, repeat=2))
        alone.update(alphas)
    moved = sum(other != 0.0 for _, other in places)
    swapped = [(second, first) for first, second in compared]
    for own, other in [*compared, *swapped]:
        asking.predict(own, "test", moved, 2, [own, other], limit)
    for task in {task for pair in compared for task in pair}:
        asking.predict(task, "test", len(alone), 1, [task], limit)
        asking.predict(task, "val", len(diagonal), 1, [task], limit)
