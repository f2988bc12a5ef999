"""Claims find their rows, pool as the summary does, and are judged with Holm's correction over a model's own."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import t

from tangent_bench import registry, rows
from tangent_bench.claims import BEYOND_SCALE, CLAIMS, EDITING, Claim
from tangent_bench.evidence import from_line, rise, weigh
from tangent_bench.figures import claims_table
from tangent_bench.rows import Row
from tangent_bench.seeds import generator
from tangent_bench.summary import Z, summarize
from tests import synthetic

GAP = next(c for c in CLAIMS if c.contrast == "value" and c.rows["metric"] == "single_task/accuracy")
LARGER = next(c for c in CLAIMS if c.contrast == "sizes" and c.rows["evaluation"] == "tangent")
FROM_RANDOM = next(c for c in CLAIMS if c.contrast == "difference" and c.sign == 1)
ALONG = next(c for c in CLAIMS if c.contrast == "along" and c.sign == 1)


def row(claim: Claim, value: float, half: float | None = 0.01, seed: int = 0, **changed: object) -> Row:
    """A row that answers to the claim."""
    about = {
        "model": "tiny",
        "init": "pretrained",
        "split": "test",
        "num_samples": 1000,
        "sources": "a+b",
        "task": "all",
    }
    bounds = {} if half is None else {"low": value - half, "high": value + half}
    return Row(**{**about, **claim.rows, **bounds, "value": value, "seed": seed, **changed})


def size(model: str, number: int) -> Row:
    where = {"experiment": "vector_geometry", "training": "standard", "evaluation": "none", "sources": "a", "task": ""}
    about = {"init": "pretrained", "split": "", "seed": 0, "metric": "norm", "value": 1.0}
    return Row(model=model, num_samples=number, **where, **about)


@cache
def run(*models: str):
    """A full synthetic run of two tasks."""
    return synthetic.make(models=models or ("tiny",), tasks=("mnist", "terrain"))


def only(made: list[Row], claim: Claim):
    found = weigh(rows.frame(made), [claim])
    assert len(found) == 1
    return found[0]


def test_claims_are_well_formed():
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert len(claim.text) <= 62 and claim.place and claim.threshold > 0
        assert claim.rows["experiment"] in registry.names("experiments")
    assert any("5.8" in text for text, _ in BEYOND_SCALE) and any("13.1" in text for text, _ in BEYOND_SCALE)


def test_claims_of_the_full_synthetic_run_find_one_row_each():
    found = weigh(run())
    tested = {line.claim.text for line in found}
    made = {"posthoc_comparison", "kernel_gap", "ntk_theory", "ntk_localization", "disentanglement_comparison"}
    expected = {c.rows["experiment"] for c in CLAIMS if c.contrast == "value"} & made
    assert {line.claim.rows["experiment"] for line in found} == expected and len(tested) == len(found) >= 15


def test_estimate_and_interval_are_those_of_the_row():
    line = only([row(GAP, -0.05, 0.02)], GAP)
    assert line.estimate.value == -0.05 and line.estimate.interval() == pytest.approx((-0.07, -0.03))
    assert line.verdict == "supported" and line.num_seeds == 1 and line.given.endswith("this seed")


@pytest.mark.parametrize(("value", "word"), [(0.05, "contradicted"), (-0.05, "supported"), (-0.015, "undecided")])
def test_sign_of_the_claim_counts(value, word):
    assert GAP.sign == -1 and only([row(GAP, value, 0.02)], GAP).verdict == word


def test_an_estimate_without_interval_is_undecided_and_in_no_family():
    made = [row(GAP, -0.05, None), row(ALONG, 0.0)]
    assert only(made, GAP).verdict == "undecided" and math.isnan(only(made, GAP).level)


def test_five_seeds_pool_as_the_summary_does():
    values = (-0.05, -0.06, -0.04, -0.055, -0.045)
    made = [row(GAP, v, 0.01, seed) for seed, v in enumerate(values)]
    line = only(made, GAP)
    error = math.sqrt(np.var(values, ddof=1) / 5 + (0.01 / Z) ** 2)
    assert line.estimate.below == pytest.approx(error) and line.estimate.degrees == 4
    assert line.estimate.p_value() == pytest.approx(2 * t.sf(0.05 / error, 4))
    assert line.given == GAP.given and only(made[:4], GAP).given.endswith("these seeds")
    summarized = summarize(rows.frame(made)).iloc[0]
    assert from_line(summarized).interval() == pytest.approx((summarized["low"], summarized["high"]))


def test_rows_of_other_baselines_methods_and_subsets_are_not_taken():
    other = next(c for c in CLAIMS if c.rows["metric"] == "task_addition/accuracy_tuned")
    made = [row(other, -0.05), row(other, 0.3, params_id="minus linear-tangent"), row(other, 0.3, method="ties")]
    assert only([*made, row(other, 0.4, sources="a")], other).estimate.value == -0.05


def test_difference_of_initialisations_adds_variances():
    made = [row(FROM_RANDOM, 0.30, 0.03), row(FROM_RANDOM, 0.05, 0.04, init="random")]
    line = only(made, FROM_RANDOM)
    assert line.estimate.value == pytest.approx(0.25) and line.verdict == "supported"
    assert line.estimate.interval() == pytest.approx((0.20, 0.30))
    assert weigh(rows.frame(made[:1]), [FROM_RANDOM]) == [] == weigh(rows.frame(made[1:]), [FROM_RANDOM])


def test_rise_along_pretraining_is_that_of_the_fitted_line():
    inits, values = ("step-1", "step-3", "step-11", "pretrained"), (0.0, 0.12, 0.15, 0.4)
    made = [row(ALONG, v, init=init) for init, v in zip(inits, values, strict=True)]
    line = only([row(ALONG, 0.9, init="random"), *made[::-1]], ALONG)
    slope = np.polyfit(range(4), values, 1)[0]
    assert line.estimate.value == pytest.approx(3 * slope)
    assert line.estimate.below == pytest.approx(0.01 / Z * np.linalg.norm(rise(4)))
    assert weigh(rows.frame([made[0], made[-1]]), [ALONG]) == [], "two points are no course"


def test_gap_that_shrinks_with_size_is_supported_and_its_reverse_contradicted():
    def made(small, large):
        return [row(LARGER, small), row(LARGER, large, model="big"), size("tiny", 10**6), size("big", 4 * 10**6)]

    line = only(made(-0.20, -0.10), LARGER)
    assert line.estimate.value == pytest.approx(0.10) and line.verdict == "supported" and line.model == ""
    assert "these pre-trainings" in line.given
    assert only(made(-0.10, -0.20), LARGER).verdict == "contradicted"
    assert weigh(rows.frame(made(-0.2, -0.1)[:1]), [LARGER]) == []


def test_pretraining_seeds_of_a_size_are_pooled_with_their_spread():
    small, large = (-0.20, -0.22, -0.18), (-0.10, -0.11, -0.12)
    made = []
    for number, values in ((10**6, small), (4 * 10**6, large)):
        for k, value in enumerate(values):
            made += [row(LARGER, value, model=f"m{number}-{k}"), size(f"m{number}-{k}", number)]
    line = only(made, LARGER)
    assert line.estimate.value == pytest.approx(0.09) and line.estimate.degrees == 2
    variance = sum(np.var(v, ddof=1) / 3 + (0.01 / Z) ** 2 for v in (small, large))
    assert line.estimate.below == pytest.approx(math.sqrt(variance)) and "pre-training" not in line.given


def test_each_model_is_a_family_and_what_is_the_same_for_all_stands_once():
    found = weigh(run("tiny", "ViT-B-32"))
    theory = [line for line in found if line.claim.once]
    assert len(theory) == 2 and {line.model for line in theory} == {""}
    single = [line for line in found if line.claim is GAP]
    assert [line.model for line in single] == ["tiny", "ViT-B-32"]
    smallest = min(line.level for line in found if line.model == "tiny")
    assert smallest == pytest.approx(0.05 / sum(line.model in ("tiny", "") for line in found))


def test_where_no_effect_exists_verdicts_of_support_are_rare():
    """150 models, each with seven paired claims whose effects are 0: Holm keeps the share with any support small."""
    rng, made = generator("test", "claims", "null"), []
    for k in range(150):
        for claim in EDITING:
            image = rng.normal(0, 0.01)  # the same test images for every seed
            seeds = image + rng.normal(0, 0.01, 5)
            made += [row(claim, v, 0.01 * Z, seed, model=f"model-{k}") for seed, v in enumerate(seeds)]
    found = weigh(rows.frame(made), EDITING)
    assert len(found) == 150 * len(EDITING)
    wrong = {line.model for line in found if line.verdict == "supported"}
    assert len(wrong) / 150 <= 0.05


def test_table_says_what_was_not_tested_and_why():
    cells = claims_table.build(run())
    verdicts = cells[cells["column"] == "Verdict"].set_index("row")["text"]
    assert verdicts[FROM_RANDOM.text] == "not tested in this run"
    assert (verdicts[[text for text, _ in BEYOND_SCALE]] == "not tested at this scale").all()
    assert verdicts.index[-len(BEYOND_SCALE) :].tolist() == [text for text, _ in BEYOND_SCALE]
    assert set(verdicts.index) >= {claim.text for claim in CLAIMS}
    brief = claims_table.build(run(), brief=True)
    assert set(brief["column"]) == {"Estimate [95 %]", "Verdict"} and not brief["text"].str.contains("not tested").any()


def test_csv_keeps_each_estimates_own_unit():
    import io

    from tangent_bench.figures import _render

    table = rows.pd.read_csv(io.StringIO(_render.csv(claims_table.build(run()))))
    table = table.set_index("row")
    slope = "A wide network keeps its tangent kernel (Jacot et al.)"
    assert table.loc[slope, ["Estimate [95 %]", "Estimate [95 %] unit"]].tolist() == [-0.9, "number"]
    assert table.loc[GAP.text, "Estimate [95 %]"] == pytest.approx(-12, abs=0.5)
