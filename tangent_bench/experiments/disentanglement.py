"""Disentanglement maps ξ(α_a, α_b) of pairs of tasks, both terms apart, and their means.

There are two grids: "wide" is drawn, "unit" is the range in which α is searched. The points at
which task addition could choose are on a third, its diagonal. A point that several of them share is
predicted once, and the single-task half once for each α, not for each point of a map.
Shapes: P points, N images, A coefficients, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, product
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments import EachMode, Experiment, ModeStudy, Study
from tangent_bench.measuring import disentanglement, resampling
from tangent_bench.measuring.evaluation import Point
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
Term = Mapping[Place, np.ndarray]  # [R] at each place


def run(study: ModeStudy) -> None:
    maps = {name: grid(**study.settings[name]) + 0.0 for name in GRIDS}  # + 0.0: no −0
    halves = _Halves(study, maps)
    scalars = []
    for pair in pairs(study):
        first, second = pair
        terms = (halves.terms(first, second), halves.terms(second, first))
        for name, alphas in maps.items():
            _map_rows(study, pair, terms, name, alphas)
        scalars.append(_scalars(study, pair, terms, halves, maps["unit"]))
        _diagonal(study, pair, terms, halves)
    means = {}
    for metric in scalars[0]:
        means[metric] = np.mean([of_pair[metric] for of_pair in scalars], axis=0)
    _scalar_rows(study, "each", means, size(study, *pairs(study)))
    study.replicates |= means


def pairs(study: Study) -> list[Pair]:
    """The pairs of the config, or neighbours in the list of tasks: (1, 2), (3, 4), ...

    Raises:
        ValueError: an entry is not a pair of two different tasks of this run, or stands there
            twice, or there is only one task.
    """
    return _compared(study.tasks, study.settings["pairs"])


def require(config: Mapping) -> None:
    """Raises ValueError if a config has no pairs, before anything is trained."""
    _compared(config["tasks"], config["disentanglement"]["pairs"])


def _compared(tasks: Sequence[str], asked: Sequence[Sequence[str]]) -> list[Pair]:
    if len(tasks) < 2:
        raise ValueError(
            f"Disentanglement is between two tasks, but `tasks` has {', '.join(map(repr, tasks))} "
            "alone; add one, or take the experiments about it out."
        )
    named: list[Pair] = []
    for pair in asked:
        if len(set(pair)) != 2 or len(pair) != 2 or not set(pair) <= set(tasks):
            raise ValueError(
                f"disentanglement.pairs holds {list(pair)}; expected two different tasks of "
                f"{', '.join(tasks)}."
            )
        named.append((pair[0], pair[1]))
    if len({frozenset(pair) for pair in named}) < len(named):
        raise ValueError("disentanglement.pairs names a pair twice; name each once, in any order.")
    return named or neighbours(tasks)


def neighbours(tasks: Sequence[str]) -> list[Pair]:
    """Pairs of neighbours in the list of tasks; an odd last one goes with the one before it.

    >>> neighbours(["a", "b", "c"])
    [('a', 'b'), ('b', 'c')]
    """
    pairs = list(zip(tasks[::2], tasks[1::2], strict=False))
    return [*pairs, (tasks[-2], tasks[-1])] if len(tasks) % 2 else pairs


def size(study: Study, *pairs: Pair, split: str = "test") -> int:
    """Number of images used of the tasks of these pairs: the first `num_images` of each."""
    limit = study.settings["num_images"]
    tasks = set(chain.from_iterable(pairs))
    return sum(min(limit, study.size(split, task)) for task in tasks)


class _Halves:
    """Predictions on the images of one task, and the terms of ξ that follow.

    It asks the evaluator for no point twice.
    """

    def __init__(self, study: ModeStudy, maps: Mapping[str, np.ndarray]) -> None:
        self.study = study
        self.maps = maps
        self.limit: int = study.settings["num_images"]
        self.diagonal: list[float] = study.coefficients.tolist()
        alphas = {0.0, *self.diagonal}
        for grid_A in maps.values():
            alphas.update(grid_A.tolist())
        self.alphas = sorted(alphas)
        self._alone: dict[tuple[str, str], dict[float, np.ndarray]] = {}

    def predict(self, task: str, split: str, points: Sequence[Point]) -> np.ndarray:
        return self.study.evaluator.predict(task, split, points, limit=self.limit)

    def weights(self, task: str, split: str) -> np.ndarray:
        """Bootstrap counts of the images used; blocks that the limit cuts stay whole."""
        blocks_N = self.study.labels(task, split).blocks[: self.limit]
        return resampling.weights(blocks_N, self.study.num_replicates, task, split)

    def alone(self, task: str, split: str) -> dict[float, np.ndarray]:
        """α → predictions at θ0 + α τ_task; on validation at the coefficients of addition only."""
        if (task, split) not in self._alone:
            alphas = self.alphas if split == "test" else self.diagonal
            points = [{task: alpha} if alpha else {} for alpha in alphas]
            predictions_PN = self.predict(task, split, points)
            self._alone[task, split] = dict(zip(alphas, predictions_PN, strict=True))
        return self._alone[task, split]

    def terms(self, own: str, other: str) -> dict[Place, np.ndarray]:
        """(α_own, α_other) → the term of `own`, [R], at every point that is needed."""
        alone = self.alone(own, "test")
        weights_RN = self.weights(own, "test")
        places = self._places()
        # Without the other vector the term is 0, and no prediction is needed.
        moved = [place for place in places if place[1] != 0.0]
        both_PN = self.predict(own, "test", [_point(own, other, place) for place in moved])
        log.info("%s with %s: %d points of weight space", own, other, len(moved))
        alone_PN = np.stack([alone[alpha] for alpha, _ in moved])
        term_RP = disentanglement.term(alone_PN, both_PN, weights_RN)
        still_R = np.zeros(len(weights_RN))
        return dict.fromkeys(places, still_R) | dict(zip(moved, term_RP.T, strict=True))

    def _places(self) -> list[Place]:
        """The points of all grids."""
        places = set(zip(self.diagonal, self.diagonal, strict=True))
        for alphas in self.maps.values():
            places.update(_square(alphas))
        return sorted(places)

    def change(self, task: str, alphas: np.ndarray) -> np.ndarray:
        """Share of the task's images whose prediction its own vector changes, mean over α, [R]."""
        alone = self.alone(task, "test")
        moved_PN = np.stack([alone[float(alpha)] for alpha in alphas])
        still_PN = np.broadcast_to(alone[0.0], moved_PN.shape)
        return disentanglement.term(still_PN, moved_PN, self.weights(task, "test")).mean(1)

    def accuracy(self, task: str) -> np.ndarray:
        """Validation accuracy along the task's own vector, [R, A]."""
        labels_N = self.study.labels(task, "val").labels[: self.limit]
        correct_PN = np.stack(list(self.alone(task, "val").values())) == labels_N
        return resampling.accuracy(correct_PN, self.weights(task, "val"))


def _square(alphas: np.ndarray) -> Iterable[Place]:
    return product(alphas.tolist(), repeat=2)


def _point(own: str, other: str, place: Place) -> Point:
    point = {}
    for source, alpha in zip((own, other), place, strict=True):
        if alpha != 0.0:
            point[source] = alpha
    return point


def _map_rows(
    study: ModeStudy, pair: Pair, terms: tuple[Term, Term], name: str, alphas: np.ndarray
) -> None:
    """A row for each term at each point.

    `coefficient` is that of the pair's first task, `coefficient2` that of the second.
    """
    for task, term in zip(pair, terms, strict=True):
        num_samples = size(study, (task, task))
        for first, second in _square(alphas):
            place = (first, second) if task == pair[0] else (second, first)
            study.add(
                "disentanglement_term",
                float(term[place][0]),
                sources="+".join(pair),
                task=task,
                split="test",
                num_samples=num_samples,
                coefficient=first,
                coefficient2=second,
                params_id=name,
            )


def _scalars(
    study: ModeStudy, pair: Pair, terms: tuple[Term, Term], halves: _Halves, alphas: np.ndarray
) -> dict[str, np.ndarray]:
    """Means of the pair over the unit grid, [R] each, as rows too."""
    places = list(_square(alphas))
    mean_R = disentanglement.error(_mean(terms[0], places), _mean(terms[1], places))
    first, second = pair
    change_R = halves.change(first, alphas) + halves.change(second, alphas)
    num_samples = size(study, pair)
    half_an_image = 0.5 / num_samples
    scalars = {
        "mean_disentanglement_error": mean_R,
        "mean_prediction_change": change_R,
        "relative_disentanglement_error": disentanglement.relative_error(
            mean_R, change_R, half_an_image
        ),
    }
    _scalar_rows(study, "+".join(pair), scalars, num_samples)
    return scalars


def _mean(term: Term, places: Sequence[Place]) -> np.ndarray:
    return np.mean([term[place] for place in places], axis=0)


def _scalar_rows(
    study: ModeStudy, sources: str, scalars: Mapping[str, np.ndarray], num_samples: int
) -> None:
    for metric, values_R in scalars.items():
        study.add(
            metric, values_R, sources=sources, task="all", split="test", num_samples=num_samples
        )


def _diagonal(study: ModeStudy, pair: Pair, terms: tuple[Term, Term], halves: _Halves) -> None:
    """Keeps, for comparisons between modes, what lies at the coefficients of addition.

    It is ξ(α, α) on test, and the pair's own-vector accuracy on validation.
    """
    name = "+".join(pair)
    first, second = terms
    own_RA = np.mean([halves.accuracy(task) for task in pair], axis=0)
    for number, alpha in enumerate(halves.diagonal):
        place = (alpha, alpha)
        error_R = disentanglement.error(first[place], second[place])
        study.replicates[f"diagonal/{name}/{number}"] = error_R
        study.replicates[f"own/{name}/{number}"] = own_RA[:, number]


def cost(asking: Asking) -> None:
    """Counts the points of both grids and of the diagonal for both tasks of every pair.

    Each task alone is looked at once.
    """
    limit = asking.settings["num_images"]
    compared = asking.settings["pairs"] or neighbours(asking.tasks)
    diagonal = grid(**asking.config["coefficients"]).tolist()
    places = set(zip(diagonal, diagonal, strict=True))
    alone = {0.0, *diagonal}
    for name in GRIDS:
        alphas = grid(**asking.settings[name])
        places.update(_square(alphas))
        alone.update(alphas.tolist())
    moved = sum(other != 0.0 for _, other in places)
    for pair in compared:
        for task in pair:
            asking.predict(task, "test", moved, 2, pair, limit)
    for task in set(chain.from_iterable(compared)):
        asking.predict(task, "test", len(alone), 1, [task], limit)
        asking.predict(task, "val", len(diagonal), 1, [task], limit)
