"""Whole grids of coefficients: one pass and small products, beside a pass for each point."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench.measuring.evaluation import NetworkEvaluator, TangentEvaluator
from tangent_bench.measuring.selection import grid
from tangent_bench.tangent import features, products, vision
from tangent_bench.tangent.linearize import product
from tangent_bench.tangent.vectors import combine
from tests import small
from tests.benchmarks.conftest import pictures, vector

pytestmark = pytest.mark.alone
TASKS = [f"task {k}" for k in range(8)]
SOURCES = [*TASKS, "multitask"]
ALPHAS = grid(0.0, 1.0, 21)
CLASSES = 20


def head(tower) -> np.ndarray:
    return (
        small.normal("head", shape=(CLASSES, len(tower.theta0["proj"][0])))
        .numpy()
        .astype(np.float32)
    )


class OnePass:
    """Ours, from images to predictions: features of the sources once, then any points."""

    def __init__(self, tower, sources: list[str], images) -> None:
        self.tower, self.sources, self.images = tower, sources, images
        self.vectors = {source: vector(tower, source) for source in sources}

    def __call__(self, points) -> np.ndarray:
        base = features.base(self.tower.module, self.tower.theta0, self.images, 100)
        moved = features.changes(
            self.tower.module, self.tower.theta0, list(self.vectors.values()), self.images, 100
        )
        changes = dict(zip(self.sources, moved, strict=True))
        evaluator = TangentEvaluator(
            lambda t, s: base, lambda t, s, source: changes[source], lambda t: head(self.tower)
        )
        return evaluator.predict("task", "test", points)

    @torch.no_grad()
    def point_by_point(self, points) -> np.ndarray:
        """The naive way of every public code: a Jacobian product for each point."""
        out = []
        for point in points:
            moved = combine(
                [(c, self.vectors[s]) for s, c in point.items()]
                or [(0.0, self.vectors[self.sources[0]])]
            )
            parts = [
                sum(product(self.tower.module, self.tower.theta0, moved, batch))
                for batch in self.images.split(100)
            ]
            out.append((torch.cat(parts) @ torch.from_numpy(head(self.tower)).T).argmax(1).numpy())
        return np.stack(out)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Two predictions in a thousand may lie on a border that rounding decides."""
    assert (found == expected).mean() > 0.998


def test_addition_along_one_direction(ratio, tiny):
    one = OnePass(tiny, ["sum"], pictures(tiny, 200))
    points = [{"sum": float(c)} for c in ALPHAS]
    naive, ours = ratio(
        lambda: one.point_by_point(points), lambda: one(points), at_least=18, bound=21, rounds=5
    )
    same(ours, naive)


def questions(task: str | None) -> list[dict[str, float]]:
    """What the main job asks of one task's images on the tangent side; of the control's if there is
    no task.
    """
    added = [dict.fromkeys(TASKS, float(c)) for c in ALPHAS]
    if task is None:
        return [{}, *({source: -float(c)} for source in TASKS for c in ALPHAS)]
    return [
        {},
        {"multitask": 1.0},
        *({s: 1.0} for s in TASKS),
        *added,
        *({task: -float(c)} for c in ALPHAS),
    ]


def test_all_questions_of_the_main_job_about_a_task(ratio, tiny):
    beside_some_points(ratio, tiny, questions(TASKS[0]), every=5, at_least=8)


def test_all_questions_of_the_main_job_about_the_control(ratio, tiny):
    beside_some_points(ratio, tiny, questions(None), every=13, at_least=25)


def beside_some_points(ratio, tiny, points, every: int, at_least: float) -> None:
    """All points our way; the naive way takes the same time for each, and is run at some."""
    one, some = OnePass(tiny, SOURCES, pictures(tiny, 100)), points[::every]
    naive, ours = ratio(
        lambda: one.point_by_point(some),
        lambda: one(points),
        at_least=at_least,
        scale=len(points) / len(some),
        rounds=5,
    )
    same(ours[::every], naive)


def test_disentanglement_map_of_a_linear_mode(ratio, tiny):
    """25 × 25 points on 64 images; the naive way, a product for each point and image, on every
    125th point.
    """
    one, alphas = OnePass(tiny, TASKS[:2], pictures(tiny, 64)), grid(-3.0, 3.0, 25)
    points = [{TASKS[0]: float(a), TASKS[1]: float(b)} for a in alphas for b in alphas]
    some = points[::125]

    def image_by_image() -> np.ndarray:
        whole, parts = one.images, []
        for image in whole.split(1):
            one.images = image
            parts.append(one.point_by_point(some))
        one.images = whole
        return np.concatenate(parts, 1)

    naive, ours = ratio(
        image_by_image,
        lambda: one(points),
        at_least=200,
        scale=len(points) / len(some),
        bound=1000,
        rounds=3,
    )
    same(ours[::125], naive)


def test_disentanglement_map_of_the_network(ratio, tiny):
    """Both terms of an n × n map: joint and single passes at every point, beside singles once for
    each coefficient.

    Where the other coefficient is 0 the two are one model, and ours asks for nothing; so n (n − 1)
    + n passes a task beside 2 n²: half as many for any n, and 9 stand for the 25 of a real map.
    """
    images, (a, b), alphas = pictures(tiny, 16), TASKS[:2], [float(c) for c in grid(-3.0, 3.0, 9)]
    vectors = {source: vector(tiny, source) for source in (a, b)}
    evaluator = NetworkEvaluator(
        lambda theta, batch: vision.encode(tiny.module, theta, batch),
        tiny.theta0,
        vectors,
        lambda task: head(tiny),
        lambda task, split: images,
        100,
    )
    places = [(x, y) for x in alphas for y in alphas]

    def predict(points) -> np.ndarray:
        with products.fast():
            return evaluator.predict("task", "test", points)

    def everything() -> np.ndarray:
        parts = []
        for own, other in ((a, b), (b, a)):
            alone, both = (
                predict([{own: x} for x, _ in places]),
                predict([{own: x, other: y} for x, y in places]),
            )
            parts.append(alone != both)
        return np.stack(parts)

    def halves() -> np.ndarray:
        found = np.zeros((2, len(places), len(images)), dtype=bool)
        moved = [place for place in places if place[1] != 0.0]
        for part, own, other in zip(found, (a, b), (b, a), strict=True):
            alone = dict(zip(alphas, predict([{own: c} for c in alphas]), strict=True))
            both = predict([{own: x, other: y} for x, y in moved])
            part[[y != 0.0 for _, y in places]] = np.stack([alone[x] for x, _ in moved]) != both
        return found

    naive, ours = ratio(everything, halves, at_least=1.8, bound=2.0, rounds=5)
    assert np.array_equal(ours, naive)
