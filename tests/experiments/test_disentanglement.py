"""Laws of the maps: entangled and disentangled models, swaps, axes; and ξ from features against
f_lin itself.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from tangent_bench.experiments import disentanglement
from tangent_bench.measuring import resampling
from tangent_bench.measuring.evaluation import NetworkEvaluator, TangentEvaluator
from tangent_bench.measuring.results import Labels
from tangent_bench.measuring.selection import grid
from tangent_bench.store import rows
from tangent_bench.tangent.linearize import encode, encode_linearized
from tests import small
from tests.experiments.known import NUM, SETTINGS, TASKS, Folder, Known, labels, one, pick, study

IMAGES, WIDE, UNIT = 50, grid(-3.0, 3.0, 5), grid(0.0, 1.0, 3)


def made(evaluator, **changed):
    settings = {**SETTINGS["disentanglement"], **changed.pop("settings", {})}
    found = study("disentanglement", None, evaluator=evaluator, settings=settings, **changed)
    disentanglement.run(found)
    return found, rows.frame(found.rows)


def features(own: float, other: float, control: float = 0.0) -> TangentEvaluator:
    """f_lin whose vectors move the images of their own task by random amounts of size `own`, others
    by `other`.
    """

    def base(task, split):
        return small.normal("f0", task, split, shape=(NUM[split], 6)).float().numpy()

    def change(task, split, source):
        size = own if source == task else other
        return size * small.normal("Jτ", task, split, source, shape=(NUM[split], 6)).float().numpy()

    return TangentEvaluator(
        base, change, lambda task: small.normal("head", task, shape=(5, 6)).float().numpy()
    )


def error(table, pair="a+b", name="wide"):
    """ξ by (α_a, α_b), the sum of both terms."""
    part = pick(table, metric="disentanglement_term", sources=pair, params_id=name)
    assert set(Counter(part["task"]).values()) == {len({"wide": WIDE, "unit": UNIT}[name]) ** 2}
    return part.groupby(["coefficient", "coefficient2"])["value"].sum()


@pytest.fixture(scope="module")
def entangled():
    return made(features(1.0, 1.2), mode="linear-tangent")


def test_vectors_that_only_touch_their_own_task_are_disentangled(entangled):
    found = made(features(1.0, 0.0), mode="linear-tangent")[1]
    assert (pick(found, metric="disentanglement_term")["value"] == 0).all()
    for metric in ("mean", "relative"):
        values = pick(found, metric=f"{metric}_disentanglement_error")
        assert len(values) == 3 and (values[["value", "low", "high"]] == 0).all(axis=None)
    assert (pick(found, metric="mean_prediction_change")["value"] > 0).all(), (
        "they do change their own task"
    )
    xi = error(entangled[1])
    assert (xi.drop((0.0, 0.0)) > 0.1).all(), "vectors that touch the other task are not"


def test_error_vanishes_at_zero_and_lies_between_0_and_2(entangled):
    for name in ("wide", "unit"):
        xi = error(entangled[1], name=name)
        assert xi[0.0, 0.0] == 0.0 and xi.between(0, 2).all()
        assert xi.max() > 1 or name == "unit", "a sum of both tasks' shares, not their mean"


def test_a_term_vanishes_where_the_other_coefficient_is_zero(entangled):
    part = pick(entangled[1], metric="disentanglement_term", sources="a+b")
    for task, other in (("a", "coefficient2"), ("b", "coefficient")):
        found = part[part["task"] == task]
        assert (found.loc[found[other] == 0, "value"] == 0).all()
        assert (found.loc[found[other] != 0, "value"] > 0).all()


def test_error_is_symmetric_under_swapping_tasks_with_their_coefficients(entangled):
    swapped = made(
        features(1.0, 1.2), mode="linear-tangent", settings={"pairs": [["b", "a"], ["c", "b"]]}
    )[1]
    for name in ("wide", "unit"):
        first, second = error(entangled[1], "a+b", name), error(swapped, "b+a", name)
        assert first.to_dict() == {place[::-1]: value for place, value in second.items()}
        assert first.to_dict() != second.to_dict(), "coefficients belong to tasks"
    for metric in ("mean_disentanglement_error", "relative_disentanglement_error"):
        where = {"metric": metric, "task": "all"}
        assert one(entangled[1], sources="a+b", **where) == one(swapped, sources="b+a", **where)
        assert one(entangled[1], sources="each", **where) == pytest.approx(
            one(swapped, sources="each", **where)
        )


def test_coefficients_go_to_their_own_vectors():
    """Only τ_b disturbs anything, and only where its coefficient is above 1."""

    class One(Known):
        def predict(self, task, split, points, limit=None):
            moved = [task == "a" and point.get("b", 0.0) > 1 for point in points]
            return np.array(moved, np.uint16)[:, None].repeat(min(limit, NUM[split]), axis=1)

    xi = error(made(One(None))[1])
    assert {place for place, value in xi.items() if value} == {
        (a, b) for a in WIDE for b in WIDE if b > 1
    }
    assert set(xi) == {0.0, 1.0}


def test_no_point_is_predicted_twice_and_no_image_beyond_the_limit():
    class Watched(Known):
        def predict(self, task, split, points, limit=None):
            assert limit == IMAGES and not any(0.0 in point.values() for point in points)
            return super().predict(task, split, points, limit)

    evaluator = Watched(lambda task, split, point: 0.5)
    made(evaluator, settings={"pairs": [["a", "b"], ["c", "a"]]})
    assert max(Counter(evaluator.asked).values()) == 1
    asked = Counter((task, split, len(point)) for task, split, point in evaluator.asked)
    # α of addition (11), both grids (5 and 3) share 0, ½ and 1; alone on test, and on validation
    # those of addition
    assert (
        asked["c", "test", 1] == 14 + 6
        and asked["c", "val", 1] == 10
        and asked["c", "test", 0] == 1
    )
    assert asked["c", "test", 2] == 4 * 4 + 2 * 2 + 10 - 2


def test_scalars_are_means_over_the_unit_grid_with_replicates(entangled):
    study_, found = entangled
    evaluator, where = study_.evaluator, {"task": "all", "split": "test"}
    for sources, tasks in (("a+b", "ab"), ("b+c", "bc")):
        terms, change = [], []
        for own, other in (tasks, tasks[::-1]):
            weights = resampling.weights(np.arange(IMAGES), 60, own, "test").astype(float)
            points = [{own: x, other: y} for x in UNIT for y in UNIT]
            alone = evaluator.predict(own, "test", [{own: p[own]} for p in points], IMAGES)
            differ = alone != evaluator.predict(own, "test", points, IMAGES)
            terms.append((weights @ differ.T / weights.sum(1)[:, None]).mean(1))
            moved = evaluator.predict(own, "test", [{own: x} for x in UNIT], IMAGES)
            moved = moved != evaluator.predict(own, "test", [{}], IMAGES)
            change.append((weights @ moved.T / weights.sum(1)[:, None]).mean(1))
        mean, change = sum(terms), sum(change)
        for metric, value in (
            ("mean_disentanglement_error", mean),
            ("relative_disentanglement_error", mean / change),
        ):
            row = pick(found, metric=metric, sources=sources, **where)
            assert row["value"].item() == pytest.approx(value[0])
            assert (row["low"].item(), row["high"].item()) == pytest.approx(
                resampling.interval(value)
            )
            assert row["num_samples"].item() == 2 * IMAGES
        xi = error(found, sources, "unit")
        assert one(found, metric="mean_disentanglement_error", sources=sources) == pytest.approx(
            xi.mean()
        )
    each = [one(found, metric="mean_disentanglement_error", sources=s) for s in ("a+b", "b+c")]
    assert one(found, metric="mean_disentanglement_error", sources="each") == pytest.approx(
        np.mean(each)
    )
    assert (
        pick(found, metric="mean_disentanglement_error", sources="each")["num_samples"].item()
        == 3 * IMAGES
    )


def test_replicates_hold_the_diagonal_of_addition_and_the_own_accuracy(entangled):
    study_, _ = entangled
    for k, c in enumerate(study_.coefficients):
        total = 0.0
        for own, other in ("ab", "ba"):
            alone, both = study_.evaluator.predict(
                own, "test", [{own: c}, {own: c, other: c}], IMAGES
            )
            total += (alone != both).mean()
        assert study_.replicates[f"diagonal/a+b/{k}"][0] == pytest.approx(total)
        hits = [
            study_.evaluator.predict(t, "val", [{t: c}]) == labels(t, "val").labels for t in "ab"
        ]
        assert study_.replicates[f"own/a+b/{k}"][0] == pytest.approx(np.mean(hits))


def test_blocks_are_resampled_whole_after_the_limit():
    def blocked(task, split):
        found = labels(task, split)
        return Labels(
            found.labels, np.arange(len(found.labels)) // 25, found.num_classes, found.digest
        )

    class Half(Known):
        """The other vector changes every image of the first block and none of the second."""

        def predict(self, task, split, points, limit=None):
            first = np.arange(min(limit, NUM[split])) < 25
            return np.stack([first * any(s != task for s in point) for point in points]).astype(
                np.uint16
            )

    found, _ = made(Half(None), labels=blocked)
    share = found.replicates["diagonal/a+b/10"] / 2
    assert set(np.round(4 * share, 6)) == {0, 1, 2, 3, 4}, (
        "two tasks, of whose two blocks 0, 1 or 2 are drawn"
    )


def test_pairs_are_neighbours_or_those_of_the_config():
    def pairs(asked, tasks=TASKS):
        settings = {**SETTINGS["disentanglement"], "pairs": asked}
        return disentanglement.pairs(study("disentanglement", tasks=tasks, settings=settings))

    assert pairs([], "abcd") == [("a", "b"), ("c", "d")] and pairs([]) == [("a", "b"), ("b", "c")]
    assert pairs([["c", "a"]]) == [("c", "a")]
    for asked, said in (
        ([["a", "x"]], "'x'.*a, b, c"),
        ([["a", "a"]], "two different"),
        ([["a", "b"], ["b", "a"]], "twice"),
    ):
        with pytest.raises(ValueError, match=said):
            pairs(asked)
    with pytest.raises(ValueError, match="two tasks"):
        pairs([], ("a",))


class Direct:
    """Predictions one image set and point at a time, by cosines with the head; and how sure they
    are.
    """

    def __init__(self, encoder, folder: Folder, training: str) -> None:
        self.encoder, self.folder, self.training, self.margins = encoder, folder, training, {}

    def predict(self, task, split, points, limit=None):
        theta0, head = self.folder.network.theta0, torch.from_numpy(self.folder.head(task))
        images, chosen = self.folder.prepared(task, split)[:limit].tensor(), []
        for point in points:
            theta = dict(theta0)
            for source, c in point.items():
                theta = {
                    k: theta[k] + c * v
                    for k, v in self.folder.vector(self.training, source).items()
                }
            with torch.no_grad():
                logits = self.encoder(theta, images) @ head.T
            top = logits.topk(2, dim=1)
            scale = logits.abs().amax(1)
            self.margins[task, split, tuple(sorted(point.items()))] = (
                (top.values[:, 0] - top.values[:, 1]) / scale
            ).numpy()
            chosen.append(top.indices[:, 0].numpy())
        return np.stack(chosen).astype(np.uint16)


def test_error_from_features_is_that_of_the_linearized_network():
    """Image by image, but for ties to 1e-6."""
    folder, small_grid = Folder(), {"first": -30.0, "last": 30.0, "count": 3}
    tower = folder.network
    direct = Direct(
        lambda t, x: encode_linearized(tower.module, tower.theta0, t, x), folder, "linear"
    )
    tangent = TangentEvaluator(
        folder.base, lambda t, s, source: folder.change("linear", t, s, source), folder.head
    )
    settings = {"pairs": [["a", "b"]], "num_images": 30, "wide": small_grid}
    both = {}
    for name, evaluator in (("direct", direct), ("features", tangent)):
        both[name] = made(
            evaluator, mode="linear-tangent", settings=settings, coefficients=grid(0.0, 1.0, 3)
        )[1]
    ties = 0
    for (task, split, point), margins in direct.margins.items():
        again = [e.predict(task, split, [dict(point)], limit=30)[0] for e in (direct, tangent)]
        assert (again[0] == again[1])[margins > 1e-6].all(), (task, point)
        ties += int((margins <= 1e-6).sum())
    assert len(direct.margins) > 30 and ties == 0
    assert both["direct"].equals(both["features"])
    assert pick(both["direct"], metric="disentanglement_term")["value"].max() > 0.2, (
        "something happens"
    )


def test_tangent_and_network_agree_for_a_network_that_is_linear_in_its_parameters():
    network = small.Straight()
    theta0 = {k: v.clone() for k, v in network.named_parameters()}
    vectors = {t: small.direction(theta0, t, size=0.5) for t in TASKS}
    images = {(t, s): small.normal("x", t, s, shape=(NUM[s], 3, 2, 2)) for t in TASKS for s in NUM}
    heads = {t: small.normal("head", t, shape=(4, 5)).numpy() for t in TASKS}

    def change(task, split, source):
        return (
            images[task, split].flatten(1) @ vectors[source]["only.weight"].T
            + vectors[source]["only.bias"]
        ).numpy()

    network_side = NetworkEvaluator(
        lambda theta, x: encode(network, theta, x),
        theta0,
        vectors,
        heads.get,
        lambda t, s: images[t, s],
        64,
    )
    tangent_side = TangentEvaluator(
        lambda t, s: encode(network, theta0, images[t, s]).numpy(), change, heads.get
    )
    first, second = (made(e, mode="linear-tangent")[1] for e in (network_side, tangent_side))
    assert first.equals(second)
    assert error(first).max() > 0.5


def test_the_papers_grid_without_zero_works_too():
    settings = {"pairs": [["a", "b"]], "wide": {"first": -3.0, "last": 3.0, "count": 20}}
    part = pick(
        made(features(1.0, 1.2), settings=settings)[1],
        metric="disentanglement_term",
        params_id="wide",
    )
    assert len(part) == 2 * 400 and not set(part["coefficient"]) & {0.0, 1.0, -1.0}
    assert part["value"].mean() > 0.1
