"""Localization of vectors: a linear network whose answer is known, laws of scale and order, and a
curved network image by image.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench.experiments import vector_localization
from tangent_bench.measuring import localization, resampling
from tangent_bench.measuring.evaluation import NetworkEvaluator, TangentEvaluator
from tangent_bench.measuring.results import Labels
from tangent_bench.store import rows
from tangent_bench.tangent.linearize import encode, parameters
from tests import small
from tests.experiments.known import CLASSES, NUM, TASKS, labels, one, pick, study

SETTINGS = {"num_images": 150, "coefficients": [0.25, 1.0]}
LENGTHS = {"a": 3.0, "b": 1.0, "c": 0.4}  # of the vectors
# How strongly the images of a task (row) have the input that a vector (column) acts on.
LEAKS = {"a": (1.0, 0.5, 0.1), "b": (0.05, 1.0, 0.7), "c": (0.0, 0.3, 1.0)}
ONLY_OWN = {"a": (1.0, 0.0, 0.0), "b": (0.0, 1.0, 0.0), "c": (0.0, 0.0, 1.0)}


class Straight:
    """f(x; W) = W x on four inputs. W0 is orthogonal, so that ‖f0‖ = ‖x‖, and vector t is
    k_t u_t e_tᵀ with orthonormal u: ‖Δ_t(x)‖ = α k_t |x_t|, and squares add up in sums.
    """

    def __init__(self, leaks=LEAKS, lengths=LENGTHS) -> None:
        self.leaks, self.lengths = leaks, lengths
        self.start = np.linalg.qr(small.normal("W0", shape=(4, 4)).numpy())[0]
        self.sides = np.linalg.qr(small.normal("u", shape=(4, 4)).numpy())[0]

    def inputs(self, task, split="test"):
        strengths = np.array([*self.leaks[task], 0.6])
        return small.normal("x", task, split, shape=(NUM[split], 4)).numpy() * strengths

    def vector(self, task):
        number = TASKS.index(task)
        return self.lengths[task] * np.outer(self.sides[number], np.eye(4)[number])

    def network(self):
        return NetworkEvaluator(
            encoder=lambda theta, images: images @ theta["w"].T,
            theta0={"w": torch.from_numpy(self.start)},
            vectors={task: {"w": torch.from_numpy(self.vector(task))} for task in TASKS},
            head=lambda task: pytest.fail("no head is needed"),
            images=lambda task, split: torch.from_numpy(self.inputs(task, split)),
            batch_size=64,
        )

    def tangent(self):
        return TangentEvaluator(
            base=lambda task, split: self.inputs(task, split) @ self.start.T,
            change=lambda task, split, source: self.inputs(task, split) @ self.vector(source).T,
            head=lambda task: pytest.fail("no head is needed"),
        )

    def effect(self, source, task, alpha, num=150):
        """E[source, task] of each image: α k |x_source| / ‖x‖."""
        x = self.inputs(task)[:num]
        change = alpha * self.lengths[source] * np.abs(x[:, TASKS.index(source)])
        return change / np.sqrt((x**2).sum(1))

    def length(self, sources, task, alpha, num=150):
        """‖Σ Δ‖ of each image, by Pythagoras."""
        x = self.inputs(task)[:num]
        squares = [(self.lengths[s] * x[:, TASKS.index(s)]) ** 2 for s in sources]
        return alpha * np.sqrt(np.sum(squares, 0))


def made(evaluator, mode="standard-network", **changed):
    settings = SETTINGS | changed.pop("settings", {})
    found = study(
        "vector_localization", None, mode=mode, evaluator=evaluator, settings=settings, **changed
    )
    vector_localization.run(found)
    return found


def table(*args, **changed):
    return rows.frame(made(*args, **changed).rows)


def square(found, metric="localization_ratio", alpha=1.0):
    """(source, task) → value."""
    part = pick(found, metric=metric, coefficient=alpha)
    part = part[part["sources"].isin(TASKS)]
    return part.set_index(["sources", "task"])["value"].to_dict()


BOTH = pytest.mark.parametrize("side", ["network", "tangent"])


def of(side, world=None, **changed):
    world = world or Straight()
    mode = {"network": "standard-network", "tangent": "linear-tangent"}[side]
    return table(getattr(world, side)(), mode=mode, **changed)


@BOTH
def test_a_linear_network_has_the_localization_that_pythagoras_says(side):
    world, found = Straight(), of(side)
    for alpha in SETTINGS["coefficients"]:
        effects = {
            (s, t): world.effect(s, t, alpha).mean() for s in TASKS for t in TASKS
        }  # vector s, images t
        assert square(found, "relative_change", alpha) == pytest.approx(effects, rel=1e-12)
        ratios = {(s, t): effects[s, t] / effects[t, t] for s, t in effects}
        assert square(found, alpha=alpha) == pytest.approx(ratios, rel=1e-12)
        for task in TASKS:
            others = [name for name in TASKS if name != task]
            together = world.length(others, task, alpha).mean()
            at = {"task": task, "coefficient": alpha}
            assert one(
                found, metric="others_over_own", sources="+".join(others), **at
            ) == pytest.approx(together / world.length([task], task, alpha).mean(), rel=1e-12)
            assert one(found, metric="one_other_over_own", sources="each", **at) == pytest.approx(
                np.mean([ratios[name, task] for name in others]), rel=1e-12
            )


def test_rows_of_the_matrix_are_vectors_and_columns_are_images():
    """No image of c has the input that vector a acts on, but those of a have the one of c."""
    found = square(of("network"))
    assert found["a", "c"] == 0.0 and found["c", "a"] > 0.005
    assert all(found[task, task] == 1.0 for task in TASKS)


@BOTH
def test_vectors_that_act_on_their_own_images_alone_are_perfectly_localized(side):
    found = of(side, Straight(ONLY_OWN))
    expected = {(s, t): float(s == t) for s in TASKS for t in TASKS}
    assert square(found) == expected
    for metric in vector_localization.RATIOS:
        part = pick(found, metric=metric)
        assert len(part) == 2 * 4 and (part[["value", "low", "high"]] == 0).all(axis=None)
    assert (pick(found, metric="relative_change", task="own")["value"] > 0).all()


def test_in_the_tangent_space_ratios_do_not_depend_on_the_coefficient():
    settings = {"coefficients": [0.01, 0.25, 7.0]}
    found = of("tangent", settings=settings)
    for metric in ("localization_ratio", *vector_localization.RATIOS):
        part = pick(found, metric=metric)
        wide = part.pivot(index=["sources", "task"], columns="coefficient")
        for column in ("value", "low", "high"):
            np.testing.assert_allclose(wide[column], wide[column][[0.25] * 3], rtol=1e-9)
    changes = pick(found, metric="relative_change").pivot(
        index=["sources", "task"], columns="coefficient", values="value"
    )
    np.testing.assert_allclose(changes, np.outer(changes[0.25], [0.04, 1, 28]), rtol=1e-12)
    assert len(changes) == 3 * 3 + 1


class Curved:
    """A network of two layers in float64, and features of it."""

    def __init__(self, size=0.3) -> None:
        self.module = small.Curved()
        self.theta0 = parameters(self.module)
        self.vectors = {t: small.direction(self.theta0, t, size=size) for t in TASKS}

    def images(self, task, split="test"):
        return small.normal("images", task, split, shape=(NUM[split], 3, 2, 2))

    def evaluator(self):
        return NetworkEvaluator(
            encoder=lambda theta, images: encode(self.module, theta, images),
            theta0=self.theta0,
            vectors=self.vectors,
            head=lambda task: pytest.fail("no head is needed"),
            images=self.images,
            batch_size=64,
        )

    def expansion(self):
        """f_lin by central differences: nothing of the suite's products."""

        def change(task, split, source):
            forward, back = (
                encode(
                    self.module,
                    small.moved(self.theta0, self.vectors[source], step),
                    self.images(task, split),
                )
                for step in (1e-4, -1e-4)
            )
            return ((forward - back) / 2e-4).numpy()

        return TangentEvaluator(
            base=lambda task, split: self.at({}, task).numpy(),
            change=change,
            head=lambda task: pytest.fail("no head is needed"),
        )

    def at(self, point, task, num=NUM["test"]):
        theta = dict(self.theta0)
        for source, coefficient in point.items():
            theta = small.moved(theta, self.vectors[source], coefficient)
        return torch.stack(
            [encode(self.module, theta, image[None])[0] for image in self.images(task)[:num]]
        )


def test_the_networks_sum_is_that_of_the_vectors_and_not_of_their_changes():
    world = Curved()
    found = table(world.evaluator(), settings={"num_images": 40})
    start = world.at({}, "b", 40)
    own, others, summed = (
        world.at(point, "b", 40) - start for point in ({"b": 1.0}, {"a": 1.0, "c": 1.0}, {"a": 1.0})
    )
    summed = summed + world.at({"c": 1.0}, "b", 40) - start
    at = {"metric": "others_over_own", "task": "b", "coefficient": 1.0}
    value = one(found, sources="a+c", **at)
    assert value == pytest.approx(float(others.norm(dim=1).mean() / own.norm(dim=1).mean()))
    assert abs(value - float(summed.norm(dim=1).mean() / own.norm(dim=1).mean())) > 1e-3
    change = float((own.norm(dim=1) / start.norm(dim=1)).mean())
    assert square(found, "relative_change")["b", "b"] == pytest.approx(change)


def test_the_network_becomes_its_expansion_as_the_coefficient_falls():
    """By Taylor's theorem the ratios differ by a term of first order."""
    world = Curved()
    alphas = [0.005, 0.01, 0.02]
    found = table(world.evaluator(), settings={"coefficients": alphas})
    linear = table(world.expansion(), mode="standard-tangent")
    for metric in vector_localization.RATIOS:
        where = {"metric": metric, "sources": "each", "task": "all"}
        limit = one(linear, coefficient=1.0, **where)
        off = [abs(one(found, coefficient=alpha, **where) - limit) for alpha in alphas]
        assert off[0] < 0.01 * limit
        assert np.diff(np.log2(off)) == pytest.approx([1, 1], abs=0.15)


def test_another_order_of_the_tasks_permutes_the_matrix():
    first = made(Straight().network())
    second = made(Straight().network(), tasks=("c", "a", "b"))
    columns = ["sources", "task", "metric", "coefficient", "value", "low", "high", "num_samples"]
    tables = []
    for found in (first, second):
        part = rows.frame(found.rows)[columns]
        names = part["sources"].str.split("+").map(lambda names: "+".join(sorted(names)))
        tables.append(part.assign(sources=names).set_index(columns[:4]).sort_index())
    assert tables[0].index.equals(tables[1].index)
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-9)
    assert first.rows[0].sources == "a" and second.rows[0].sources == "c"


def test_means_run_over_tasks_and_replicates_are_kept():
    ran = made(Straight().network())
    found = rows.frame(ran.rows)
    for metric in vector_localization.RATIOS:
        for alpha in SETTINGS["coefficients"]:
            kept = [ran.replicates[f"{metric}@{alpha}/{task}"] for task in TASKS]
            mean_R = ran.replicates[f"{metric}@{alpha}/all"]
            np.testing.assert_allclose(mean_R, np.mean(kept, axis=0))
            row = pick(found, metric=metric, coefficient=alpha, sources="each", task="all").iloc[0]
            low, high = resampling.interval(mean_R)
            assert (row["value"], row["low"], row["high"]) == (mean_R[0], low, high)
            assert row["num_samples"] == 3 * 150
    own = np.mean([square(found, "relative_change")[task, task] for task in TASKS])
    where = {"metric": "relative_change", "sources": "each", "task": "own", "coefficient": 1.0}
    assert one(found, **where) == pytest.approx(own)
    assert len(ran.replicates) == 2 * 2 * 4


def test_replicates_resample_whole_units_of_the_images_that_were_looked_at():
    """Four crops of a photograph are drawn together, in numerator and denominator alike."""

    def crops(task, split):
        order = np.arange(NUM[split])
        return Labels(order % CLASSES, order // 4, CLASSES, "")

    world = Straight()
    ran = made(world.network(), labels=crops)
    weights = resampling.weights(np.arange(150) // 4, 60, "b", "test").astype(np.float64)
    assert (weights[:, 0] == weights[:, 3]).all() and (weights[1:, 0] != weights[1:, 4]).any()
    others, own = (
        weights @ world.length(names, "b", 1.0) / weights.sum(1) for names in (["a", "c"], ["b"])
    )
    np.testing.assert_allclose(ran.replicates["others_over_own@1.0/b"], others / own)
    single = [world.effect(name, "b", 1.0) for name in ("a", "c")]
    ratios = [(weights @ e) / (weights @ world.effect("b", "b", 1.0)) for e in single]
    np.testing.assert_allclose(ran.replicates["one_other_over_own@1.0/b"], np.mean(ratios, axis=0))


def test_only_the_first_images_of_a_task_are_looked_at():
    class Watched(Straight):
        def inputs(self, task, split="test"):
            found = super().inputs(task, split)
            found[30:] = np.nan
            return found

    for side in ("network", "tangent"):
        found = of(side, Watched(), settings={"num_images": 30})
        assert found["value"].notna().all()
        assert set(pick(found, task="a")["num_samples"]) == {30}
    whole = of("network", settings={"num_images": 10_000})
    assert set(pick(whole, task="a")["num_samples"]) == {NUM["test"]}


def test_more_of_a_vector_is_more_of_its_row_and_less_of_its_column():
    """Another length of vector a scales R[a, ·] and divides R[·, a]; its diagonal stays 1."""
    long = Straight(lengths=LENGTHS | {"a": 10 * LENGTHS["a"]})
    before, after = square(of("tangent")), square(of("tangent", long))
    for source, task in before:
        factor = {(True, False): 10.0, (False, True): 0.1}.get((source == "a", task == "a"), 1.0)
        assert after[source, task] == pytest.approx(factor * before[source, task])


@pytest.mark.parametrize("num_tasks", [2, 5, 9])
def test_vectors_that_ignore_the_images_have_the_reference(num_tasks):
    """Changes of length 1 in random directions of a wide space; all in one direction: T − 1."""
    names = [f"t{number}" for number in range(num_tasks)]

    def evaluator(aligned):
        def change(task, split, source):
            names = () if aligned else (task, source)
            direction = small.normal("d", *names, shape=(20, 4000))
            return (direction / direction.norm(dim=1, keepdim=True)).numpy()

        return TangentEvaluator(
            base=lambda task, split: small.normal("f0", task, shape=(20, 4000)).numpy(),
            change=change,
            head=lambda task: pytest.fail("no head is needed"),
        )

    settings = {"coefficients": [1.0], "num_images": 20}
    for aligned, expected in ((False, localization.of_unrelated(num_tasks)), (True, num_tasks - 1)):
        about = {"tasks": tuple(names), "mode": "linear-tangent", "settings": settings}
        found = table(evaluator(aligned), **about)
        where = {"sources": "each", "task": "all"}
        assert one(found, metric="others_over_own", **where) == pytest.approx(expected, rel=0.02)
        assert one(found, metric="one_other_over_own", **where) == pytest.approx(1.0, rel=1e-9)


@BOTH
def test_a_vector_that_changes_nothing_is_refused_by_name(side):
    world = Straight(lengths=LENGTHS | {"b": 0.0})
    with pytest.raises(ValueError, match="vector of 'b' changes no embedding of its own task"):
        of(side, world)


def test_embeddings_without_length_are_refused():
    world = Straight()
    world.start = np.zeros((4, 4))
    with pytest.raises(ValueError, match="150 of 150 embeddings at θ0 are zero"):
        of("tangent", world)


def test_embeddings_of_other_images_are_refused():
    with pytest.raises(ValueError, match=r"shapes \(3, 2\) and \(4, 2\)"):
        localization.lengths(np.zeros((3, 2)), np.zeros((4, 2)))


def test_a_run_of_one_task_is_refused_before_it_starts():
    with pytest.raises(ValueError, match="`tasks` has 'mnist' alone"):
        vector_localization.require({"tasks": ["mnist"]})
    vector_localization.require({"tasks": ["mnist", "terrain"]})


def test_intervals_are_of_no_width_where_all_images_are_the_same():
    class Same(Straight):
        def inputs(self, task, split="test"):
            return np.repeat(super().inputs(task, split)[:1], NUM[split], axis=0)

    found = of("network", Same())
    np.testing.assert_allclose(found["low"], found["high"], rtol=1e-9)
    assert labels("a", "test").blocks.tolist() == list(range(NUM["test"]))
