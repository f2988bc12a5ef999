"""Localization of eigenfunctions that were built to be localized, or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench.experiments import ntk_localization as localization
from tangent_bench.measuring.results import Labels
from tangent_bench.store import rows
from tangent_bench.tangent import kernel
from tests import small
from tests.experiments.known import CLASSES, SETTINGS, TASKS, Folder, labels, one, pick, study

SIZE = 12
ABOUT = {**SETTINGS["ntk_localization"], "null_draws": 40}
ONES = [np.ones((1, SIZE))] * 2
LABELS_NC = localization.label_functions(labels("a", "test"), SIZE)


def gram(*names, num=SIZE):
    x = small.normal(*names, shape=(num, num)).numpy()
    return x @ x.T


def of(kernel_NN, weights=ONES, **changed):
    basis = kernel.eigenfunctions(kernel_NN)[1]
    return localization.localization(basis, LABELS_NC, {**ABOUT, **changed}, weights)


def blocks(first, second):
    return np.block([[first, np.zeros((SIZE, SIZE))], [np.zeros((SIZE, SIZE)), second]])


def test_labels_are_centred_on_the_task_and_zero_on_the_control():
    assert LABELS_NC.shape == (2 * SIZE, CLASSES) and (LABELS_NC[SIZE:] == 0).all()
    np.testing.assert_allclose(LABELS_NC.sum(0), 0, atol=1e-12)
    truth = labels("a", "test").labels[:SIZE]
    assert (LABELS_NC[:SIZE].argmax(1) == truth).all()
    np.testing.assert_allclose(np.ptp(LABELS_NC[:SIZE], 1), 1)


def test_functions_of_two_worlds_apart_are_perfectly_localized():
    found = of(blocks(gram("task"), gram("control")))
    assert found.auroc.item() == 1.0 and found.off.item() < 1e-20
    assert found.on.item() == pytest.approx(found.num_eigenfunctions / SIZE)
    basis = kernel.eigenfunctions(blocks(gram("task"), gram("control")))[1]
    other = localization.localization(basis, LABELS_NC[::-1], ABOUT, ONES)
    assert other.auroc.item() == 0.0 and other.on.item() < 1e-20, (
        "labels on the second half: localized there"
    )


def test_complete_basis_is_localized_nowhere():
    found = of(gram("both", num=2 * SIZE), label_energy=1.0, choice="leading")
    assert found.num_eigenfunctions == 2 * SIZE
    assert found.on.item() == pytest.approx(1.0) and found.off.item() == pytest.approx(1.0)


def test_kernel_that_cannot_tell_the_two_apart_does_not_localize():
    """Every image of the task has a twin in the control: energies are pairwise equal."""
    same = np.block([[gram("task")] * 2] * 2) + np.kron(np.array([[1, -1], [-1, 1]]), gram("other"))
    found = of(same)
    assert found.auroc.item() == pytest.approx(0.5, abs=0.06) and found.on.item() == pytest.approx(
        found.off.item()
    )


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_smallest_set_that_holds_the_share_is_taken(share):
    basis = kernel.eigenfunctions(gram("both", num=2 * SIZE))[1]
    found = localization.localization(basis, LABELS_NC, {**ABOUT, "label_energy": share}, ONES)
    energy = np.array([sum((phi @ y) ** 2 for y in LABELS_NC.T) for phi in basis.T])
    assert energy.sum() == pytest.approx((LABELS_NC**2).sum())
    most = np.sort(energy)[::-1].cumsum() / energy.sum()
    num = found.num_eigenfunctions
    assert most[num - 1] >= share > most[num - 2] and 1 < num < 2 * SIZE
    use = np.argsort(-energy)[:num]
    assert found.on.item() == pytest.approx(sum((basis[:SIZE, use] ** 2).sum(1)) / SIZE)
    assert found.off.item() == pytest.approx(sum((basis[SIZE:, use] ** 2).sum(1)) / SIZE)
    first = localization.localization(
        basis, LABELS_NC, {**ABOUT, "label_energy": share, "choice": "leading"}, ONES
    )
    held = energy.cumsum() / energy.sum()
    assert held[first.num_eigenfunctions - 1] >= share > held[first.num_eigenfunctions - 2]
    assert first.num_eigenfunctions > num


def test_auroc_counts_pairs_and_resampling_repeats_images():
    energies = small.normal("energy", shape=(1, 8)).numpy()
    energies[0, 5] = energies[0, 2]  # a tie counts a half
    counts = [np.array([[1, 1, 1, 1], [2, 0, 1, 1]]), np.array([[1, 1, 1, 1], [0, 3, 0, 1]])]
    found = localization.measured(energies, 3, counts)
    for replicate in range(2):
        on = np.repeat(energies[0, :4], counts[0][replicate])
        off = np.repeat(energies[0, 4:], counts[1][replicate])
        wins = [(a > b) + 0.5 * (a == b) for a in on for b in off]
        assert found.auroc[replicate] == pytest.approx(np.mean(wins))
        assert found.on[replicate] == pytest.approx(on.mean()) and found.off[
            replicate
        ] == pytest.approx(off.mean())


def test_null_of_random_bases_knows_that_the_choice_favours_the_task():
    null = localization.haar("a", LABELS_NC, 6, ABOUT, ONES)
    blind = localization.haar("a", LABELS_NC, 6, {**ABOUT, "choice": "leading"}, ONES)
    assert null.auroc.item() > 0.6 and blind.auroc.item() == pytest.approx(0.5, abs=0.08)
    for found in (null, blind):
        assert found.on.item() + found.off.item() == pytest.approx(2 * 6 / (2 * SIZE)), (
            "energy sums to the number"
        )


def test_rows_are_those_of_the_kernels_on_task_and_control():
    made = study(
        "ntk_localization", mode="none-none", results=Folder(), settings={**ABOUT, "probes": None}
    )
    localization.run(made)
    table, folder = rows.frame(made.rows), Folder()
    assert set(table["task"]) == {*TASKS, "all"} and set(table["training"]) == set(
        table["evaluation"]
    ) == {"none"}
    images = torch.cat([folder.prepared(name, "test")[:SIZE].tensor() for name in ("b", "control")])
    for name, tower in (
        ("", folder.network),
        ("_null_random_init", folder.random_network(localization.RANDOM_SEED)),
    ):
        theta = kernel.empirical(tower.module, tower.theta0, images)
        assert one(table, metric=f"localization_auroc{name}", task="b") == pytest.approx(
            of(theta).auroc.item()
        )
    assert (pick(table, task="b")["num_samples"] == 2 * SIZE).all()
    assert (pick(table, task="all")["num_samples"] == 2 * SIZE * len(TASKS)).all()
    for null in ("haar", "random_init"):
        for task in (*TASKS, "all"):
            own, other, above = (
                one(table, metric=f"localization_auroc{name}", task=task)
                for name in ("", f"_null_{null}", f"_above_{null}")
            )
            assert above == pytest.approx(own - other, abs=1e-12)
    mean = np.mean([one(table, metric="local_energy_on", task=t) for t in TASKS])
    assert one(table, metric="local_energy_on", task="all") == pytest.approx(mean)
    assert pick(table, metric="num_eigenfunctions")["low"].isna().all()
    assert set(table["params_id"]) == {"theta0; embedding, all probes; label_energy 0.9"}


def test_reduction_is_over_the_embedding_or_the_logits_of_the_task():
    def readout(**changed):
        made = study(
            "ntk_localization", mode="none-none", results=Folder(), settings={**ABOUT, **changed}
        )
        return localization.readout(made, "b")

    head = Folder().head("b")
    assert readout(probes=None) is None and readout(probes=2).shape == (2, 6)
    np.testing.assert_array_equal(readout(probes=None, outputs="logits").numpy(), head)
    some = readout(probes=2, outputs="logits").numpy()
    inside = some @ np.linalg.pinv(
        head
    )  # the directions among the logits, orthonormal up to their scale
    np.testing.assert_allclose(inside @ inside.T, CLASSES / 2 * np.eye(2), atol=1e-4)
    assert not np.array_equal(
        readout(probes=2).numpy(),
        localization.readout(
            study("ntk_localization", mode="none-none", results=Folder(), settings=ABOUT), "a"
        ).numpy(),
    )


def test_labels_of_one_class_are_refused():
    single = Labels(np.zeros(40, np.int64), np.arange(40), 3, "digest")
    with pytest.raises(ValueError, match="one class.*num_images"):
        localization.localization(
            np.eye(2 * SIZE), localization.label_functions(single, SIZE), ABOUT, ONES
        )
