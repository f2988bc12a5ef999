"""Modes beside each other: selected coefficients, equal accuracy, paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.experiments import disentanglement_comparison
from tangent_bench.seeds import generator
from tangent_bench.store import rows
from tangent_bench.store.layout import Mode
from tests.experiments.known import one, pick, study

MODES = ("standard-network", "standard-tangent", "linear-tangent")
ALPHAS, PAIRS = np.arange(11) / 10, ("a+b", "b+c")
SLOPE = dict(zip(MODES, (0.8, 0.4, 0.5), strict=True))  # of own accuracy, from 0.1
ERROR = dict(zip(MODES, (1.0, 0.6, 0.2), strict=True))  # slope of ξ(α, α)
SELECTED = dict(zip(MODES, (3, 6, 10), strict=True))


def outcomes(modes=MODES):
    shared, found = 0.05 * generator("test", "ξ shared").standard_normal(61), {}
    shared[0] = 0.0
    for text in modes:
        mode, kept = Mode.parse(text), {}
        for pair in PAIRS:
            for k, alpha in enumerate(ALPHAS):
                kept[f"diagonal/{pair}/{k}"] = ERROR[text] * alpha + shared
                kept[f"own/{pair}/{k}"] = 0.1 + SLOPE[text] * alpha + 0 * shared
        for metric in ("mean", "relative"):
            kept[f"{metric}_disentanglement_error"] = ERROR[text] + shared
        found["disentanglement", mode] = kept
        found["task_addition", mode] = {"selected_index": np.full(61, float(SELECTED[text]))}
    return found


def table(**changed):
    made = study("disentanglement_comparison", None, mode="all-none", others=outcomes(**changed))
    disentanglement_comparison.run(made)
    return rows.frame(made.rows)


def at(text: str, split: str = "test") -> dict:
    training, evaluation = text.split("-")
    return {
        "training": training,
        "evaluation": evaluation,
        "sources": "each",
        "task": "all",
        "split": split,
    }


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_is_read_where_its_own_addition_chose(mode):
    where = {"metric": "disentanglement_error_tuned", "params_id": "", **at(mode)}
    assert one(table(), **where) == pytest.approx(ERROR[mode] * ALPHAS[SELECTED[mode]])


@pytest.mark.parametrize("mode", MODES)
def test_modes_are_matched_at_the_accuracy_of_the_weakest_at_one(mode):
    found, where = table(), {"params_id": "", **at(mode)}
    level = 0.1 + 0.4  # post-hoc at α = 1
    alpha = (level - 0.1) / SLOPE[mode]  # between grid points for linear
    chosen = where | {"split": "val"}
    assert one(found, metric="matched_accuracy", **chosen) == pytest.approx(level)
    assert one(found, metric="matched_coefficient", **chosen) == pytest.approx(alpha)
    assert one(found, metric="matched_disentanglement_error", **where) == pytest.approx(
        ERROR[mode] * alpha
    )


def test_without_the_weakest_mode_the_level_is_higher():
    where = {"metric": "matched_accuracy", "params_id": "", **at("linear-tangent", "val")}
    assert one(table(modes=MODES[::2]), **where) == pytest.approx(0.1 + 0.5)


def test_differences_are_mode_minus_baseline_paired_and_against_posthoc_too():
    found = table()
    names = {"mean_disentanglement_error", "relative_disentanglement_error"}
    names |= {"disentanglement_error_tuned", "matched_disentanglement_error"}
    for mode, baseline in ((MODES[1], MODES[0]), (MODES[2], MODES[0]), (MODES[2], MODES[1])):
        part = pick(found, params_id=f"minus {baseline}", **at(mode))
        assert set(part["metric"]) == names
        over_range = pick(part, metric="mean_disentanglement_error")
        assert over_range["value"].item() == pytest.approx(ERROR[mode] - ERROR[baseline])
        assert ((part["high"] - part["low"]) < 1e-9).all(), (
            "the noise that both modes share cancels"
        )
        selected = (ERROR[m] * ALPHAS[SELECTED[m]] for m in (mode, baseline))
        assert one(part, metric="disentanglement_error_tuned") == pytest.approx(
            np.subtract(*selected)
        )
    assert set(found["params_id"]) == {"", f"minus {MODES[0]}", f"minus {MODES[1]}"}
    assert pick(found, params_id=f"minus {MODES[1]}")["training"].unique().tolist() == ["linear"]


def test_replicates_select_and_match_for_themselves():
    others = outcomes()
    mode = Mode.parse("linear-tangent")
    others["task_addition", mode]["selected_index"][1:] = np.arange(60) % 11
    for k in range(11):
        others["disentanglement", mode][f"own/a+b/{k}"][1:31] = 0.1 + 1.0 * ALPHAS[k]
    made = study("disentanglement_comparison", None, mode="all-none", others=others)
    disentanglement_comparison.run(made)
    found = pick(rows.frame(made.rows), params_id="")
    found = found[found["training"] == "linear"]
    tuned = pick(found, metric="disentanglement_error_tuned")
    assert tuned["value"].item() == pytest.approx(0.2) and tuned["low"].item() < 0.05
    matched = pick(found, metric="matched_coefficient")
    assert matched["value"].item() == pytest.approx(0.8) and matched["low"].item() == pytest.approx(
        (0.4 + 0.8) / 2
    )


def test_one_mode_has_values_and_no_differences():
    found = table(modes=["linear-tangent"])
    assert set(found["params_id"]) == {""} and "matched_disentanglement_error" in set(
        found["metric"]
    )
