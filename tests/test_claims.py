"""Claims find their rows, pool as the summary does, and are judged with Holm's correction over a
model's own.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import t

from tangent_bench import registry
from tangent_bench.figures import claims_table
from tangent_bench.judging.claims import BEYOND_SCALE, CLAIMS, EDITING, Claim
from tangent_bench.judging.evidence import from_line, pooled, rise, weigh
from tangent_bench.judging.families import Family
from tangent_bench.judging.pooling import Z, pool, summarize
from tangent_bench.judging.verdicts import Estimate
from tangent_bench.seeds import generator
from tangent_bench.store import rows
from tangent_bench.store.rows import Row
from tests import synthetic

GAP = next(
    c for c in CLAIMS if c.contrast == "value" and c.rows["metric"] == "single_task/accuracy"
)
LARGER = next(c for c in CLAIMS if c.contrast == "sizes" and c.rows["evaluation"] == "tangent")
FROM_RANDOM = next(c for c in CLAIMS if c.contrast == "difference" and c.sign == 1)
ALONG = next(c for c in CLAIMS if c.contrast == "along" and c.sign == 1)
OWN_HEADS = next(c for c in CLAIMS if c.course == "whole")
EQUAL = next(
    c
    for c in CLAIMS
    if c.contrast == "difference" and c.rows["experiment"] == "pretraining_ablation"
)
SHUFFLED = next(c for c in CLAIMS if c.against == {"init": "shuffled-100"})


def row(
    claim: Claim, value: float, half: float | None = 0.01, seed: int = 0, **changed: object
) -> Row:
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
    where = {
        "experiment": "vector_geometry",
        "training": "standard",
        "evaluation": "none",
        "sources": "a",
        "task": "",
    }
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
    assert any("5.8" in text for text, _ in BEYOND_SCALE) and any(
        "13.1" in text for text, _ in BEYOND_SCALE
    )


def test_claims_of_the_full_synthetic_run_find_one_row_each():
    found = weigh(run())
    tested = {line.claim.text for line in found}
    made = {
        "posthoc_comparison",
        "kernel_gap",
        "ntk_theory",
        "ntk_localization",
        "disentanglement_comparison",
    }
    expected = {c.rows["experiment"] for c in CLAIMS if c.contrast == "value"} & made
    assert {line.claim.rows["experiment"] for line in found} == expected and len(tested) == len(
        found
    ) >= 15


def test_estimate_and_interval_are_those_of_the_row():
    line = only([row(GAP, -0.05, 0.02)], GAP)
    assert line.estimate.value == -0.05 and line.estimate.interval() == pytest.approx(
        (-0.07, -0.03)
    )
    assert line.verdict == "supported" and line.num_seeds == 1 and line.given.endswith("this seed")


@pytest.mark.parametrize(
    ("value", "word"), [(0.05, "contradicted"), (-0.05, "supported"), (-0.015, "undecided")]
)
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
    assert line.given == "these tasks, this pre-training" and only(made[:4], GAP).given.endswith(
        "these seeds"
    )


@pytest.mark.parametrize("num", [1, 3, 5])
def test_interval_is_that_of_the_summary_uneven_as_it_may_be(num):
    made = [
        row(GAP, -0.05 - 0.01 * k, None, k, low=-0.08 - 0.01 * k, high=-0.049 - 0.01 * k)
        for k in range(num)
    ]
    summarized = summarize(rows.frame(made)).iloc[0]
    found = from_line(pool(rows.frame(made)).iloc[0])
    assert found.estimate.interval() == pytest.approx((summarized["low"], summarized["high"]))
    assert found.images.interval() == pytest.approx(
        (found.estimate.value - 0.03, found.estimate.value + 0.001)
    )


def test_rows_of_other_baselines_methods_and_subsets_are_not_taken():
    other = next(c for c in CLAIMS if c.rows["metric"] == "task_addition/accuracy_tuned")
    made = [
        row(other, -0.05),
        row(other, 0.3, params_id="minus linear-tangent"),
        row(other, 0.3, method="ties"),
    ]
    assert only([*made, row(other, 0.4, sources="a")], other).estimate.value == -0.05


def test_difference_of_initialisations_adds_variances():
    made = [row(FROM_RANDOM, 0.30, 0.03), row(FROM_RANDOM, 0.05, 0.04, init="random")]
    line = only(made, FROM_RANDOM)
    assert line.estimate.value == pytest.approx(0.25) and line.verdict == "supported"
    assert line.estimate.interval() == pytest.approx((0.20, 0.30))
    assert (
        weigh(rows.frame(made[:1]), [FROM_RANDOM])
        == []
        == weigh(rows.frame(made[1:]), [FROM_RANDOM])
    )


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
        return [
            row(LARGER, small),
            row(LARGER, large, model="big"),
            size("tiny", 10**6),
            size("big", 4 * 10**6),
        ]

    line = only(made(-0.20, -0.10), LARGER)
    assert (
        line.estimate.value == pytest.approx(0.10)
        and line.verdict == "supported"
        and line.family is None
    )
    assert line.given == "these tasks, this pre-training, this seed"
    assert only(made(-0.10, -0.20), LARGER).verdict == "contradicted"
    assert weigh(rows.frame(made(-0.2, -0.1)[:1]), [LARGER]) == []
    assert (
        weigh(
            rows.frame([*made(-0.2, -0.1), row(LARGER, 0.0, model="too"), size("too", 10**6)]),
            [LARGER],
        )
        == []
    )


def sized(small: dict[int, float], large: dict[int, float], claim: Claim = LARGER) -> list[Row]:
    """Rows of rebuilt models of two sizes, by pre-training seed."""
    made = []
    for base, number, values in (("tiny", 10**6, small), ("wide", 4 * 10**6, large)):
        for k, value in values.items():
            made += [row(claim, value, model=f"{base}-pre{k}"), size(f"{base}-pre{k}", number)]
    return made


def test_sizes_are_compared_pretraining_by_pretraining_where_both_have_its_seed():
    """What a seed does to both sizes cancels: the effect is 0.05, that of seeds up to 0.2."""
    small, large = {0: -0.30, 1: -0.20, 2: -0.10}, {2: -0.052, 0: -0.249, 1: -0.149}
    line = only(sized(small, large), LARGER)
    differences = [large[k] - small[k] for k in small]
    assert line.estimate.value == pytest.approx(np.mean(differences)) and line.estimate.degrees == 2
    variance = np.var(differences, ddof=1) / 3 + 2 * (0.01 / Z) ** 2
    assert line.estimate.below == pytest.approx(math.sqrt(variance)) and line.verdict == "supported"
    assert line.given == "these tasks, this seed"
    other = only(sized(small, {k + 3: v for k, v in large.items()}), LARGER)
    apart = sum(np.var([*v.values()], ddof=1) / 3 + (0.01 / Z) ** 2 for v in (small, large))
    assert (
        other.estimate.value == pytest.approx(line.estimate.value) and other.verdict == "undecided"
    )
    assert other.estimate.below == pytest.approx(math.sqrt(apart))


def test_a_seed_that_one_size_lacks_is_left_out_of_the_comparison():
    line = only(sized({0: -0.2, 1: -0.3}, {1: -0.1, 2: 0.5}), LARGER)
    assert (
        line.estimate.value == pytest.approx(0.2)
        and line.given == "these tasks, this pre-training, this seed"
    )


def test_sizes_of_rebuilt_models_are_not_mixed_with_others():
    shipped = [
        row(LARGER, -0.9),
        size("tiny", 10**6),
        row(LARGER, 0.9, model="big"),
        size("big", 9 * 10**6),
    ]
    assert only([*shipped, *sized({0: -0.2}, {0: -0.1})], LARGER).estimate.value == pytest.approx(
        0.1
    )
    assert only([*shipped, *sized({0: -0.2}, {})], LARGER).estimate.value == pytest.approx(1.8)


def test_pretraining_seeds_are_one_family_and_the_shipped_model_another():
    values = (-0.04, -0.05, -0.09)
    made = [row(GAP, v, model=f"tiny-pre{k}") for k, v in enumerate(values)]
    shipped, rebuilt = weigh(rows.frame([row(GAP, -0.2), *made]), [GAP])
    assert shipped.family == Family("tiny", ("tiny",)) and shipped.estimate.value == -0.2
    assert rebuilt.family == Family("tiny", ("tiny-pre0", "tiny-pre1", "tiny-pre2"), True)
    assert rebuilt.estimate.value == pytest.approx(-0.06) and rebuilt.estimate.degrees == 2
    error = math.sqrt(np.var(values, ddof=1) / 3 + (0.01 / Z) ** 2)
    assert (
        rebuilt.estimate.below == pytest.approx(error) and rebuilt.given == "these tasks, this seed"
    )


def test_two_pretrainings_are_too_few_to_speak_of_others():
    line = only([row(GAP, -0.04, model="tiny-pre0"), row(GAP, -0.08, model="tiny-pre1")], GAP)
    assert (
        line.estimate.value == pytest.approx(-0.06)
        and line.given == "these tasks, these pre-trainings, this seed"
    )
    assert line.estimate.below == pytest.approx(0.01 / Z) and math.isinf(line.estimate.degrees)


def test_differences_are_taken_within_a_pretraining():
    values = {0: (0.5, 0.1), 1: (0.4, 0.02), 2: (0.7, 0.28)}
    made = [row(FROM_RANDOM, v[0], model=f"tiny-pre{k}") for k, v in values.items()]
    made += [row(FROM_RANDOM, v[1], model=f"tiny-pre{k}", init="random") for k, v in values.items()]
    line = only(made, FROM_RANDOM)
    spread = np.var([a - b for a, b in values.values()], ddof=1) / 3
    assert line.estimate.value == pytest.approx(0.4)
    assert line.estimate.below == pytest.approx(math.sqrt(spread + 2 * (0.01 / Z) ** 2))


@pytest.mark.parametrize("claim", [FROM_RANDOM, EQUAL, SHUFFLED], ids=lambda claim: claim.text)
def test_paired_rows_come_before_differences_of_rows_and_turn_their_sign(claim):
    init, sign = claim.against["init"], claim.sign
    values = [row(claim, 0.30, 0.03), row(claim, 0.30 - 0.25 * sign, 0.03, init=init)]
    pair = row(
        claim,
        -0.2 * sign,
        None,
        init=init,
        low=-0.2 * sign - 0.01,
        high=-0.2 * sign + 0.05,
        **claim.paired,
    )
    line = only([*values, pair], claim)
    assert line.estimate.value == pytest.approx(0.2 * sign) and line.verdict == "supported"
    assert line.estimate.interval() == pytest.approx((0.2 * sign - 0.05, 0.2 * sign + 0.01))
    assert only(values, claim).estimate.value == pytest.approx(0.25 * sign)


def test_courses_of_the_tower_alone_and_with_its_own_heads_are_two():
    made = [row(ALONG, v, init=f"step-{n}") for n, v in ((1, 0.0), (10, 0.1))] + [row(ALONG, 0.2)]
    made += [row(ALONG, v, init=f"whole-{n}") for n, v in ((10, 0.05), (3, -0.1), (1, -0.25))]
    assert only(made, ALONG).estimate.value == pytest.approx(0.2)
    assert only(made, OWN_HEADS).estimate.value == pytest.approx(0.45)


def test_a_step_that_one_pretraining_lacks_is_left_out_of_all():
    made = []
    for k, steps in enumerate([(1, 3, 10), (3, 10)]):
        made += [row(ALONG, 0.1 * n, model=f"tiny-pre{k}", init=f"step-{n}") for n in steps]
        made.append(row(ALONG, 2.0, model=f"tiny-pre{k}"))
    assert only(made, ALONG).estimate.value == pytest.approx(
        3 * np.polyfit(range(3), (0.3, 1.0, 2.0), 1)[0] * 2 / 3
    )


def test_a_pretraining_that_was_not_followed_stops_no_other_from_being():
    made = [row(ALONG, v, model="tiny-pre0", init=f"whole-{n}") for n, v in ((1, 0.0), (10, 0.1))]
    made += [row(ALONG, 0.2, model=f"tiny-pre{k}") for k in range(3)]
    line = only(made, OWN_HEADS)
    assert (
        line.estimate.value == pytest.approx(0.2)
        and line.given == "these tasks, this pre-training, this seed"
    )


def null_draws(
    num: int, seed_spread: float, run_spread: float, image_spread: float
) -> list[Estimate]:
    """Estimates of no effect over 3 pre-trainings of 5 fine-tuning seeds each, from known
    components of variance.
    """
    rng, made = generator("test", "families", seed_spread, run_spread, image_spread), []
    for draw in range(num):
        image = rng.normal(0, image_spread)  # the same test images for all
        for k in range(3):
            run = rng.normal(0, run_spread)
            values = image + run + rng.normal(0, seed_spread, 5)
            made += [
                row(GAP, v, Z * image_spread, s, model=f"draw{draw}-pre{k}")
                for s, v in enumerate(values)
            ]
    lines = [from_line(line) for _, line in pool(rows.frame(made)).iterrows()]
    return [pooled(lines[k : k + 3]).estimate for k in range(0, 3 * num, 3)]


@pytest.mark.full
@pytest.mark.parametrize(("seed_spread", "run_spread"), [(0.0, 0.03), (0.03, 0.03), (0.05, 0.0)])
def test_where_no_effect_exists_a_family_is_rejected_as_often_as_its_level_says(
    seed_spread, run_spread
):
    rejected = np.mean(
        [e.p_value() < 0.05 for e in null_draws(2000, seed_spread, run_spread, 0.002)]
    )
    assert 0.03 <= rejected <= 0.07


@pytest.mark.full
def test_where_images_matter_most_few_degrees_of_freedom_make_rejection_rarer_not_more_frequent():
    assert np.mean([e.p_value() < 0.05 for e in null_draws(2000, 0.01, 0.01, 0.02)]) <= 0.05


@pytest.mark.full
@pytest.mark.parametrize(("spread", "image"), [(0.03, 0.002), (0.03, 0.02)])
def test_five_seeds_of_no_effect_are_rejected_no_more_often_than_their_level_says(spread, image):
    rng, made = generator("test", "five", spread, image), []
    for draw in range(2000):
        values = rng.normal(0, image) + rng.normal(0, spread, 5)
        made += [row(GAP, v, Z * image, s, model=f"draw{draw}") for s, v in enumerate(values)]
    found = [from_line(line).estimate for _, line in pool(rows.frame(made)).iterrows()]
    rejected = np.mean([e.p_value() < 0.05 for e in found])
    assert len(found) == 2000 and rejected <= 0.07 and (rejected >= 0.03 or image > 0.01)


def test_an_estimate_that_no_run_could_turn_down_has_no_verdict_and_is_in_no_correction():
    described = next(c for c in CLAIMS if c.descriptive)
    made = rows.frame([row(GAP, -0.05), row(described, 1.0, 0.1, sources="each", task="own")])
    gap, size_of_it = weigh(made, [GAP, described])
    assert size_of_it.verdict == "descriptive" and gap.level == 0.05


def test_each_model_is_a_family_and_what_is_the_same_for_all_stands_once():
    found = weigh(run("tiny", "ViT-B-32"))
    theory = [line for line in found if line.claim.once]
    assert len(theory) == 2 and {line.family for line in theory} == {None}
    single = [line for line in found if line.claim is GAP]
    assert [line.family.base for line in single] == ["tiny", "ViT-B-32"]
    tested = [
        line
        for line in found
        if line.family in (None, single[0].family) and line.verdict != "descriptive"
    ]
    assert min(line.level for line in tested) == pytest.approx(0.05 / len(tested))


@pytest.mark.full
def test_where_no_effect_exists_verdicts_of_support_are_rare():
    """150 models, each with seven paired claims whose effects are 0: Holm keeps the share with any
    support small.
    """
    rng, made = generator("test", "claims", "null"), []
    for k in range(150):
        for claim in EDITING:
            image = rng.normal(0, 0.01)  # the same test images for every seed
            seeds = image + rng.normal(0, 0.01, 5)
            made += [
                row(claim, v, 0.01 * Z, seed, model=f"model-{k}") for seed, v in enumerate(seeds)
            ]
    found = weigh(rows.frame(made), EDITING)
    assert len(found) == 150 * len(EDITING)
    wrong = {line.family for line in found if line.verdict == "supported"}
    assert len(wrong) / 150 <= 0.05


def test_table_says_what_was_not_tested_and_why():
    cells = claims_table.build(run())
    verdicts = cells[cells["column"] == "Verdict"].set_index("row")["text"]
    assert verdicts[FROM_RANDOM.text] == "not tested in this run"
    assert (verdicts[[text for text, _ in BEYOND_SCALE]] == "not tested at this scale").all()
    assert verdicts.index[-len(BEYOND_SCALE) :].tolist() == [text for text, _ in BEYOND_SCALE]
    assert set(verdicts.index) >= {claim.text for claim in CLAIMS}
    brief = claims_table.build(run(), brief=True)
    assert (
        set(brief["column"]) == {"Estimate [95 %]", "Verdict"}
        and not brief["text"].str.contains("not tested").any()
    )


@pytest.mark.slow
def test_table_names_families_where_there_are_several():
    made = [
        row(GAP, -0.05),
        *[row(GAP, -0.05, model=f"tiny-pre{k}") for k in range(3)],
        row(ALONG, 0.2),
    ]
    names = claims_table.build(rows.frame(made))["row"].drop_duplicates()
    assert f"{GAP.text} (Tiny ViT/8)" in set(
        names
    ) and f"{GAP.text} (Tiny ViT/8, 3 pre-trainings)" in set(names)


def test_csv_keeps_each_estimates_own_unit():
    import io

    from tangent_bench.report import render

    table = rows.pd.read_csv(io.StringIO(render.csv(claims_table.build(run()))))
    table = table.set_index("row")
    slope = "A wide network keeps its tangent kernel (Jacot et al.)"
    assert table.loc[slope, ["Estimate [95 %]", "Estimate [95 %] unit"]].tolist() == [
        -0.9,
        "number",
    ]
    assert table.loc[GAP.text, "Estimate [95 %]"] == pytest.approx(-12, abs=0.5)
