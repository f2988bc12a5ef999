"""The gap to the linearization: zero for a network that is its own, Taylor's order for one that is
not.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tangent_bench.experiments import kernel_gap
from tangent_bench.measuring.results import Labels
from tangent_bench.store import rows
from tangent_bench.tangent import features
from tangent_bench.tangent.linearize import encode, encode_linearized, parameters
from tests import small
from tests.experiments.known import CLASSES, NUM, SETTINGS, TASKS, labels, one, pick, study

SMALL = SETTINGS["kernel_gap"] | {"ntk_directions": None, "regression_directions": None}


class Folder:
    """Results of a small network in float64."""

    def __init__(
        self, network, size: float = 0.1, classes: int = CLASSES, shift: float = 0.0
    ) -> None:
        self.network = SimpleNamespace(module=network, theta0=parameters(network))
        self.size, self.classes, self.shift = size, classes, shift

    def prepared(self, task, split):
        return small.Whole(small.normal("images", task, split, shape=(NUM[split], 3, 2, 2)))

    def head(self, task):
        return small.normal("head", task, shape=(self.classes, 5)).numpy() + self.shift

    def vector(self, training, source):
        return small.direction(self.network.theta0, training, source, size=self.size)

    def base(self, task, split):
        return features.base(
            self.network.module, self.network.theta0, self.prepared(task, split), 50
        )

    def change(self, training, task, split, source):
        tau = self.vector(training, source)
        return features.changes(
            self.network.module, self.network.theta0, [tau], self.prepared(task, split), 50
        )[0]


def made(folder, mode="standard-none", of=labels, **settings):
    """The study after the experiment ran on a folder."""
    found = study(
        "kernel_gap", None, mode=mode, results=folder, labels=of, settings=SMALL | settings
    )
    kernel_gap.run(found)
    return found


def table(*args, **settings):
    return rows.frame(made(*args, **settings).rows)


def outputs(folder, task, alpha, num):
    """f and f_lin at θ0 + ατ on the first test images, without experiment and features."""
    images, theta0 = folder.prepared(task, "test")[:num].tensor(), folder.network.theta0
    theta = small.moved(theta0, folder.vector("standard", task), alpha)
    network = folder.network.module
    return tuple(f.detach().numpy() for f in (
        encode(network, theta, images), encode_linearized(network, theta0, theta, images)
    ))  # fmt: skip


def test_network_that_is_linear_in_its_parameters_has_no_gap_and_no_drift():
    found = table(Folder(small.Straight(), size=0.5))
    assert pick(found, metric="output_error")["value"].max() < 1e-12
    assert pick(found, metric="output_angle")["value"].max() < 1e-10
    assert pick(found, metric="kernel_drift")["value"].max() < 1e-12
    assert pick(found, metric="kernel_alignment")["value"].to_numpy() == pytest.approx(
        np.ones(4), abs=1e-12
    )
    advantage = pick(found, metric="nonlinear_advantage")
    assert (advantage[["value", "low", "high"]] == 0).all(axis=None) and len(advantage) == len(
        TASKS
    ) + 1


def test_errors_fall_as_taylors_theorem_says():
    alphas = [0.01, 0.02, 0.04]
    found = pick(table(Folder(small.Curved()), path=alphas), sources="each", task="own")
    error, angle = (
        [one(found, metric=metric, coefficient=alpha) for alpha in alphas]
        for metric in ("output_error", "output_angle")
    )
    assert np.diff(np.log2(error)) == pytest.approx([1, 1], abs=0.05), "α² over α"
    assert np.diff(np.log2(angle)) == pytest.approx([2, 2], abs=0.05), "α² over 1"


def test_error_and_angle_against_direct_evaluation():
    folder = Folder(small.Curved(), size=0.4)
    found = table(folder, path=[0.5, 1.0], num_images=30)
    for alpha in (0.5, 1.0):
        f, linear = outputs(folder, "b", alpha, 30)
        start = outputs(folder, "b", 0.0, 30)[0]
        expected = np.sqrt(((f - linear) ** 2).sum() / ((f - start) ** 2).sum())
        where = {"sources": "b", "task": "b", "coefficient": alpha}
        assert one(found, metric="output_error", **where) == pytest.approx(expected, rel=1e-10)
        cosine = (f * linear).sum(1) / np.linalg.norm(f, axis=1) / np.linalg.norm(linear, axis=1)
        assert one(found, metric="output_angle", **where) == pytest.approx(
            np.degrees(np.arccos(cosine)).mean()
        )
    assert set(pick(found, metric="output_error", task="b")["num_samples"]) == {30}


def test_right_and_straight_angles():
    left, right = (
        np.array([[2.0, 0.0], [1.0, 1.0], [1.0, 0.0]]),
        np.array([[0.0, 3.0], [-2.0, -2.0], [1.0, 1e-9]]),
    )
    np.testing.assert_allclose(
        kernel_gap.angles(left, right), [90.0, 180.0, np.degrees(1e-9)], rtol=1e-7
    )


@pytest.mark.parametrize(("winner", "sign"), [(0, 1), (1, -1)])
def test_advantage_is_positive_where_the_network_is_right(winner, sign):
    folder = Folder(small.Curved(), size=0.6)
    predicted = {
        t: [(f @ folder.head(t).T).argmax(1) for f in outputs(folder, t, 1.0, NUM["test"])]
        for t in TASKS
    }

    def truth(task, split):
        about = labels(task, split)
        return (
            Labels(predicted[task][winner], about.blocks, CLASSES, "") if split == "test" else about
        )

    ran = made(folder, of=truth, num_images=200)
    found = rows.frame(ran.rows)
    share = np.mean(predicted["a"][0] == predicted["a"][1])
    names = ("network_accuracy", "tangent_accuracy")
    assert one(found, metric=names[winner], sources="a") == 1.0
    assert one(found, metric=names[1 - winner], sources="a") == pytest.approx(share)
    assert one(found, metric="nonlinear_advantage", sources="a") == pytest.approx(
        sign * (1 - share) * CLASSES / (CLASSES - 1)
    )
    network, tangent, advantage = (
        ran.replicates[f"{m}/a"] for m in (*names, "nonlinear_advantage")
    )
    np.testing.assert_allclose(advantage, (network - tangent) * CLASSES / (CLASSES - 1))
    row = pick(found, metric="nonlinear_advantage", sources="a").iloc[0]
    assert min(row["low"] * sign, row["high"] * sign) > 0, "the interval is on the winner's side"
    assert set(pick(found, metric=names[0])["evaluation"]) == {"network"}
    assert set(pick(found, metric=names[1])["evaluation"]) == {"tangent"}


def plain_kernel(folder, task, theta, num):
    """Θ of the logits less their mean, by the whole Jacobian."""
    head = torch.from_numpy(folder.head(task))
    images = folder.prepared(task, "test")[:num].tensor()

    def logits(parameters):
        found = encode(folder.network.module, parameters, images) @ head.T
        return found - found.mean(1, keepdim=True)

    parts = torch.func.jacrev(logits)(theta).values()
    jacobian = torch.cat([part.flatten(2) for part in parts], 2)
    return torch.einsum("nkp,mkp->nm", jacobian, jacobian).numpy()


def test_drift_and_alignment_against_plain_jacobians():
    folder = Folder(small.Curved(), size=0.5)
    found = table(folder, ntk_images=7)
    theta = small.moved(folder.network.theta0, folder.vector("standard", "c"))
    before, after = (plain_kernel(folder, "c", at, 7) for at in (folder.network.theta0, theta))
    expected = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert one(found, metric="kernel_drift", sources="c") == pytest.approx(expected, rel=1e-10)
    assert abs(expected - np.linalg.norm(after - before) / np.linalg.norm(after)) > 1e-3, (
        "θ0 is below the line"
    )
    a, b = (k - k.mean(0) - k.mean(1)[:, None] + k.mean() for k in (before, after))
    alignment = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    assert one(found, metric="kernel_alignment", sources="c") == pytest.approx(alignment, rel=1e-10)
    assert set(pick(found, metric="kernel_drift")["num_samples"]) == {7, 21}


def test_what_all_logits_share_changes_nothing():
    one_table, other = (table(Folder(small.Curved(), shift=shift)) for shift in (0.0, 3.0))
    np.testing.assert_allclose(one_table["value"], other["value"], rtol=1e-8)


@pytest.mark.full
def test_kernel_regression_of_two_classes_is_descent_on_the_linearized_network():
    """With two classes the centred logits are z and −z: one kernel for both is exact, and so is the
    equality.
    """
    folder, num, strength = Folder(small.Curved(), classes=2), 12, 0.1

    def two(task, split):
        own = labels(task, split)
        return Labels(own.labels % 2, own.blocks, 2, "")

    settings = SMALL | {"num_images": 9, "regression_images": num, "ridges": [strength]}
    ran = study(
        "kernel_gap", None, mode="standard-none", results=folder, labels=two, settings=settings
    )
    found, share, trained = kernel_gap.regressed(kernel_gap.Line(ran, "a"))
    assert (share, trained) == (pytest.approx(strength), num)
    images, test = (
        folder.prepared("a", "val")[:num].tensor(),
        folder.prepared("a", "test")[:9].tensor(),
    )
    readout = torch.from_numpy((folder.head("a")[0] - folder.head("a")[1]) / 2)
    expected = descended(folder, images, test, readout, two("a", "val").labels[:num], strength)
    np.testing.assert_allclose(found, np.stack([expected, -expected], 1), atol=1e-9)
    assert (
        np.abs(
            expected
            - (encode(folder.network.module, folder.network.theta0, test) @ readout).numpy()
        ).max()
        > 0.1
    )


def descended(folder, images, test, readout, truth, strength):
    """z of f_lin on test images after gradient descent under squared loss, with a pull to θ0, by
    autograd.
    """
    network, theta0 = folder.network.module, folder.network.theta0
    start = (encode(network, theta0, images) @ readout).detach()
    wanted = torch.from_numpy(np.where(truth == 0, 1.0, -1.0)) * start.square().mean().sqrt()
    jacobian = torch.func.jacrev(lambda theta: encode(network, theta, images) @ readout)(theta0)
    kernel = sum(part.flatten(1) @ part.flatten(1).T for part in jacobian.values())
    pull = strength * kernel.diagonal().mean()
    rate = 1.0 / (torch.linalg.eigvalsh(kernel)[-1] + pull)
    theta = {key: value.clone().requires_grad_(True) for key, value in theta0.items()}
    for _ in range(2500):
        loss = (
            encode_linearized(network, theta0, theta, images) @ readout - wanted
        ).square().sum() / 2
        loss = loss + pull / 2 * sum((theta[key] - theta0[key]).square().sum() for key in theta)
        for value, slope in zip(
            theta.values(), torch.autograd.grad(loss, theta.values()), strict=True
        ):
            value.data -= rate * slope
    return (encode_linearized(network, theta0, theta, test) @ readout).detach().numpy()


def test_kernel_regression_and_zero_shot_know_no_vector():
    standard, linear = (
        table(Folder(small.Curved()), mode) for mode in ("standard-none", "linear-none")
    )
    for metric in ("kernel_regression_accuracy", "kernel_regression_ridge", "zero_shot_accuracy"):
        assert (
            pick(standard, metric=metric)["value"].tolist()
            == pick(linear, metric=metric)["value"].tolist()
        )
    assert (
        pick(standard, metric="output_error")["value"].tolist()
        != pick(linear, metric="output_error")["value"].tolist()
    )
    assert set(pick(standard, metric="kernel_regression_accuracy")["params_id"]) == {
        "20 validation images"
    }


def test_means_run_over_tasks_and_keep_replicates():
    ran = made(Folder(small.Curved()))
    found = rows.frame(ran.rows)
    for metric, coefficient in (
        ("output_error", 0.5),
        ("kernel_drift", 1.0),
        ("network_accuracy", 1.0),
    ):
        each = [
            one(found, metric=metric, coefficient=coefficient, sources=t, task=t) for t in TASKS
        ]
        mean = one(found, metric=metric, coefficient=coefficient, sources="each", task="own")
        assert mean == pytest.approx(np.mean(each))
    own = ran.replicates["output_error@0.5/own"]
    np.testing.assert_allclose(
        own, np.mean([ran.replicates[f"output_error@0.5/{t}"] for t in TASKS], axis=0)
    )
    assert (
        pick(found, metric="output_error", sources="each", coefficient=0.5)["num_samples"].item()
        == 3 * 40
    )


def test_random_directions_stand_for_the_trace_on_average():
    """On one network the kernel of a few directions is another one, but of the same size."""
    folder = Folder(small.Curved())
    ran = study("kernel_gap", None, mode="standard-none", results=folder, settings=SMALL)
    line, images = kernel_gap.Line(ran, "a"), folder.prepared("a", "test")[:6].tensor()
    whole, same, few = (
        line.kernel(folder.network.theta0, images, num) for num in (None, CLASSES, CLASSES - 1)
    )
    assert np.array_equal(whole, same) and not np.allclose(whole, few)
    assert 0.5 < np.trace(few) / np.trace(whole) < 2.0


def test_vector_that_moves_nothing_is_refused():
    with pytest.raises(ValueError, match="'a' changes no output"):
        made(Folder(small.Curved(), size=0.0))
