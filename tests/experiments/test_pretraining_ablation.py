"""Initialisations at equal accuracy; values by hand and by an independent loop."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from tangent_bench.experiments import pretraining_ablation
from tangent_bench.seeds import generator
from tangent_bench.store import rows
from tests.experiments.known import NUM, one, pick, study

INITS = ("random", "step-10", "pretrained")
ALPHAS, PAIRS = np.arange(11) / 10, ("a+b", "b+c")
UNTOUCHED = dict(zip(INITS, (0.1, 0.1, 0.3), strict=True))
SLOPE = dict(zip(INITS, (0.4, 0.5, 0.6), strict=True))  # of own accuracy
ERROR = dict(zip(INITS, (1.2, 0.9, 0.5), strict=True))  # slope of ξ(α, α)
GAIN = dict(zip(INITS, (0.1, 0.2, 0.4), strict=True))
AT = {"training": "standard", "evaluation": "network", "sources": "each", "task": "all"}


def outcomes(inits=INITS, untouched=None):
    """Straight lines; noise that all initialisations share. `untouched` overrides (init, pair)."""
    shared, found = 0.05 * generator("test", "ablation").standard_normal(61), {}
    shared[0] = 0.0
    for init in inits:
        kept = {"relative_disentanglement_error": ERROR[init] / 2 + shared}
        for pair in PAIRS:
            start = (untouched or {}).get((init, pair), UNTOUCHED[init])
            for k, alpha in enumerate(ALPHAS):
                kept[f"diagonal/{pair}/{k}"] = (
                    ERROR[init] + (pair == "b+c") * 0.1
                ) * alpha + 0 * shared
                kept[f"own/{pair}/{k}"] = start + SLOPE[init] * alpha + 0 * shared
        found["disentanglement", init] = kept
        found["task_addition", init] = {"recovered_gain_tuned": GAIN[init] + shared}
    return found


def table(**changed):
    made = study("pretraining_ablation", None, init="all", others=outcomes(**changed))
    pretraining_ablation.run(made)
    return rows.frame(made.rows)


@pytest.mark.parametrize("init", INITS)
def test_initialisations_are_matched_at_the_accuracy_of_the_weakest_at_one(init):
    level = 0.1 + 0.4  # random at α = 1
    alpha = (level - UNTOUCHED[init]) / SLOPE[init]  # 1, 0.8, a third: between grid points
    found, where = table(), {"init": init, "params_id": "", **AT}
    assert one(found, metric="matched_accuracy", split="val", **where) == pytest.approx(level)
    assert one(found, metric="matched_coefficient", split="val", **where) == pytest.approx(alpha)
    expected = alpha * (ERROR[init] + 0.05)  # mean of the two pairs
    assert one(
        found, metric="matched_disentanglement_error", split="test", **where
    ) == pytest.approx(expected)
    assert one(found, metric="matched_pairs", split="val", **where) == 2.0


def test_agrees_with_an_independent_loop_over_replicates():
    noise, others = generator("test", "ablation curves"), outcomes()
    for init in INITS:
        for pair in PAIRS:
            climb = np.cumsum(noise.uniform(0.0, 0.12, (11, 61)), axis=0)
            for k in range(11):
                others["disentanglement", init][f"own/{pair}/{k}"] = 0.02 + climb[k]
                others["disentanglement", init][f"diagonal/{pair}/{k}"] = noise.uniform(
                    0.0, 2.0, 61
                )
    made = study("pretraining_ablation", None, init="all", others=others)
    pretraining_ablation.run(made)
    found = rows.frame(made.rows)
    for init in INITS:
        values = [np.mean([_error(others, init, pair, r) for pair in PAIRS]) for r in range(61)]
        row = pick(found, metric="matched_disentanglement_error", init=init, params_id="")
        assert row["value"].item() == pytest.approx(values[0])
        assert row["low"].item() == pytest.approx(np.quantile(values[1:], 0.025))
        assert row["high"].item() == pytest.approx(np.quantile(values[1:], 0.975))


def _error(others, init, pair, r):
    """ξ of one pair in one replicate, from rising curves by inverse interpolation."""
    own, error = (
        {
            i: [others["disentanglement", i][f"{kind}/{pair}/{k}"][r] for k in range(11)]
            for i in INITS
        }
        for kind in ("own", "diagonal")
    )
    level = min(own[i][10] for i in INITS)
    return np.interp(np.interp(level, own[init], ALPHAS), ALPHAS, error[init])


def test_a_pair_that_one_initialisation_solves_untouched_is_left_out_for_all(caplog):
    """Matched at α = 0 its ξ would be 0 for a trivial reason."""
    with caplog.at_level(logging.INFO):
        found = table(untouched={("pretrained", "b+c"): 0.51})
    assert "Left out" in caplog.text and "b+c" in caplog.text and "a+b" not in caplog.text
    for init in INITS:
        where = {"init": init, "params_id": "", **AT}
        alpha = (0.5 - UNTOUCHED[init]) / SLOPE[init]
        row = pick(found, metric="matched_disentanglement_error", split="test", **where)
        assert (
            row["value"].item() == pytest.approx(alpha * ERROR[init])
            and row["num_samples"].item() == 2 * 50
        )
        assert one(found, metric="matched_pairs", split="val", **where) == 1.0


@pytest.mark.parametrize(("untouched", "pairs"), [(0.5, 1.0), (0.499, 2.0)])
def test_at_the_level_untouched_is_left_out_and_just_below_is_not(untouched, pairs):
    found = table(untouched={("pretrained", "b+c"): untouched})
    assert set(pick(found, metric="matched_pairs")["value"]) == {pairs}


def test_the_pairs_of_the_estimate_are_those_of_all_replicates():
    """A replicate in which the trap closes keeps its pair; one in which it opens does not bring a
    pair back.
    """
    others = outcomes(untouched={("pretrained", "b+c"): 0.6})
    for k in range(11):
        others["disentanglement", "pretrained"][f"own/a+b/{k}"][1:11] += 0.3
        others["disentanglement", "pretrained"][f"own/b+c/{k}"][1:] -= 0.4
    made = study("pretraining_ablation", None, init="all", others=others)
    pretraining_ablation.run(made)
    row = pick(
        rows.frame(made.rows),
        metric="matched_disentanglement_error",
        init="pretrained",
        params_id="",
    )
    assert row["value"].item() == pytest.approx(0.5 * 0.2 / 0.6)
    assert row["low"].item() == pytest.approx(0.0), "a sixth of the replicates is at α = 0"


def test_without_any_pair_there_are_no_matched_rows_and_the_log_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        found = table(untouched={("pretrained", pair): 0.9 for pair in PAIRS})
    assert "No pair of tasks can be matched between random, step-10, pretrained" in caplog.text
    assert {m for m in found["metric"] if m.startswith("matched")} == {"matched_pairs"}
    assert set(pick(found, metric="matched_pairs")["value"]) == {0.0}
    assert set(pick(found, params_id="minus pretrained")["metric"]) == {
        "recovered_gain_tuned",
        "relative_disentanglement_error",
    }


@pytest.mark.parametrize("init", INITS[:2])
def test_differences_are_minus_the_pretrained_and_paired(init):
    part = pick(table(), init=init, params_id="minus pretrained")
    assert len(part) == 3 and ((part["high"] - part["low"]) < 1e-9).all(), (
        "the noise that all share cancels"
    )
    gain = pick(
        part, metric="recovered_gain_tuned", sources="a+b+c", method="task_arithmetic", split="test"
    )
    assert gain["value"].item() == pytest.approx(GAIN[init] - GAIN["pretrained"])
    assert gain["num_samples"].item() == 3 * NUM["test"]
    relative = one(part, metric="relative_disentanglement_error", split="test", **AT)
    assert relative == pytest.approx((ERROR[init] - ERROR["pretrained"]) / 2)
    alpha = {i: (0.5 - UNTOUCHED[i]) / SLOPE[i] for i in INITS}
    expected = alpha[init] * (ERROR[init] + 0.05) - alpha["pretrained"] * (
        ERROR["pretrained"] + 0.05
    )
    assert one(part, metric="matched_disentanglement_error", split="test", **AT) == pytest.approx(
        expected
    )


def test_the_pretrained_has_no_difference_to_itself_and_without_it_there_are_none():
    found = table()
    assert set(found["init"]) == set(INITS)
    assert set(pick(found, params_id="minus pretrained")["init"]) == set(INITS[:2])
    assert set(table(inits=INITS[:2])["params_id"]) == {""}


def test_under_own_heads_matched_rows_say_so():
    """The pre-trained is matched at another level there, and rows of both runs may stand in one
    table.
    """
    others = {
        (name, init.replace("step", "whole")): kept for (name, init), kept in outcomes().items()
    }
    made = study("pretraining_ablation", None, init="all", others=others)
    pretraining_ablation.run(made)
    found = rows.frame(made.rows)
    matched = found[
        found["metric"].str.startswith("matched_") & (found["params_id"] != "minus pretrained")
    ]
    assert len(matched) == 4 * 3 and set(matched["params_id"]) == {"own heads"}


def test_a_control_with_shuffled_captions_is_compared_but_not_matched():
    """Weak as it is, it must not set the level of the others."""
    others, plain = outcomes(), table()
    for name in ("disentanglement", "task_addition"):
        others[name, "shuffled-100"] = dict(others[name, "random"])
    for pair in PAIRS:
        for k in range(11):
            others["disentanglement", "shuffled-100"][f"own/{pair}/{k}"] = (
                0.05 + 0 * others["disentanglement", "random"][f"own/{pair}/{k}"]
            )
    made = study("pretraining_ablation", None, init="all", others=others)
    pretraining_ablation.run(made)
    found = rows.frame(made.rows)
    control = pick(found, init="shuffled-100")
    assert set(control["metric"]) == {"recovered_gain_tuned", "relative_disentanglement_error"}
    assert set(control["params_id"]) == {"minus pretrained"}
    pd.testing.assert_frame_equal(
        found[found["init"] != "shuffled-100"].reset_index(drop=True), plain
    )


def test_one_initialisation_is_refused():
    with pytest.raises(
        ValueError,
        match="'pretraining_ablation' compares initialisations.*only pretrained; name two",
    ):
        table(inits=INITS[2:])
