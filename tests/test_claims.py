"""Claims find their rows, are estimated by the replicates of these, and judged with Holm's
correction over the primary ones, and over the others.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import norm, t

from tangent_bench import registry
from tangent_bench.experiments._studies import EACH, MEANS
from tangent_bench.figures import claims_table
from tangent_bench.judging import gathering
from tangent_bench.judging.claims import BEYOND_SCALE, CLAIMS, PRIMARY, Claim
from tangent_bench.judging.evidence import rise, weigh
from tangent_bench.judging.families import Family
from tangent_bench.judging.pooling import summarize
from tangent_bench.seeds import generator
from tangent_bench.store import replicates, rows
from tangent_bench.store.replicates import RowReplicates
from tangent_bench.store.rows import Row
from tests import synthetic
from tests.components_by_hand import components

GAP = next(
    c for c in CLAIMS if c.contrast == "value" and c.rows["metric"] == "single_task/accuracy"
)
LARGER = next(c for c in CLAIMS if c.contrast == "sizes" and c.rows["evaluation"] == "tangent")
FROM_RANDOM = next(c for c in CLAIMS if c.contrast == "difference" and c.sign == 1)
ALONG = next(c for c in CLAIMS if c.contrast == "along" and c.sign == 1)
OWN_HEADS = next(c for c in CLAIMS if c.course == "whole")
WIDTH = next(c for c in CLAIMS if c.once)
UNITS = 300


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


def drawn(one: Row, num: int = 80) -> np.ndarray:
    """The row's value with replicates as wide as its interval: half is noise that all rows share,
    as they share the images.
    """
    shared = generator("test", "claims").standard_normal(num)
    own = generator("test", "claims", replicates.name(vars(one))).standard_normal(num)
    error = (one.high - one.low) / (2 * norm.ppf(0.975))
    return one.value + error * np.concatenate([[0.0], (shared + own) / math.sqrt(2.0)])


def carried(made: list[Row]):
    """A table of rows with replicates."""
    deviations = {}
    for one in made:
        if one.low is not None:
            deviations[replicates.name(vars(one))] = drawn(one)[1:] - one.value
    kept = RowReplicates(deviations, dict.fromkeys(deviations, UNITS))
    return replicates.carrying(rows.frame(made), kept)


def only(made: list[Row], claim: Claim):
    found = weigh(carried(made), [claim])
    assert len(found) == 1
    return found[0]


def is_that_of(line, units, least: int) -> bool:
    """Whether a claim's estimate is that of these units (value and replicates each), by hand."""
    mean, error, degrees = components(units, UNITS, least)
    found = line.estimate
    assert found.below == found.above
    return (found.value, found.below, found.degrees) == pytest.approx((mean, error, degrees))


def test_claims_are_well_formed():
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert len(claim.text) <= 62 and claim.place and claim.threshold > 0
        assert claim.rows["experiment"] in registry.names("experiments")
    assert any("5.8" in text for text, _ in BEYOND_SCALE) and any(
        "13.1" in text for text, _ in BEYOND_SCALE
    )


def test_the_primary_claims_are_the_six_that_were_fixed():
    assert [claim.text for claim in PRIMARY] == [
        "Post-hoc linearization loses on single tasks",
        "Linear FT adds better, in absolute terms",
        "Linear FT adds better, as a share of the gain",
        "Linear FT forgets targets better",
        "Linear FT is more disentangled, at equal accuracy",
        "Without pre-training no disentanglement, at equal accuracy",
    ]


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


# Estimates


def test_one_seed_has_the_error_of_its_images():
    made = [row(GAP, -0.05, 0.02)]
    line = only(made, GAP)
    assert line.estimate.value == -0.05 and is_that_of(line, [drawn(made[0])], 5)
    assert math.isinf(line.estimate.degrees)
    assert line.verdict == "supported" and line.num_seeds == 1 and line.given.endswith("this seed")


@pytest.mark.parametrize(
    ("value", "word"), [(0.05, "contradicted"), (-0.05, "supported"), (-0.015, "undecided")]
)
def test_sign_of_the_claim_counts(value, word):
    assert GAP.sign == -1 and only([row(GAP, value, 0.02)], GAP).verdict == word


def test_an_estimate_without_interval_is_undecided_and_in_no_family():
    made = [row(GAP, -0.05, None), row(ALONG, 0.0)]
    line = only(made, GAP)
    assert line.verdict == "undecided" and math.isnan(line.level) and line.deciding is None
    assert math.isnan(line.planned) and line.estimate.value == -0.05


def test_rows_without_their_replicates_are_named():
    """Or a verdict would silently stand on another rule."""
    made = [row(GAP, -0.05), row(GAP, -0.04, seed=1)]
    names = [replicates.name(vars(one)) for one in made]
    one_of_two = RowReplicates({names[0]: np.zeros(9)}, {names[0]: UNITS})
    for table in (
        rows.frame(made),
        replicates.carrying(rows.frame(made), one_of_two),
    ):
        with pytest.raises(ValueError, match=r"no replicates of the row .*replicates.safetensors"):
            weigh(table, [GAP])


def test_few_seeds_are_given():
    made = [row(GAP, value, 0.01, seed) for seed, value in enumerate((-0.05, -0.09, -0.01, -0.06))]
    line = only(made, GAP)
    assert is_that_of(line, [*map(drawn, made)], 5) and math.isinf(line.estimate.degrees)
    assert line.given == "these tasks, this pre-training, these seeds"


@pytest.mark.parametrize("half", [0.001, 0.01, 0.1])
def test_five_seeds_are_crossed_with_their_images(half):
    values = (-0.05, -0.06, -0.04, -0.055, -0.045)
    made = [row(GAP, value, half, seed) for seed, value in enumerate(values)]
    line = only(made[::-1], GAP)
    assert is_that_of(line, [*map(drawn, made)], 5)
    error = line.estimate.below
    assert line.estimate.p_value() == pytest.approx(2 * t.sf(0.05 / error, line.estimate.degrees))
    assert line.given == "these tasks, this pre-training"


@pytest.mark.parametrize("num", [2, 5])
def test_an_interval_is_that_of_the_summary(num):
    made = [row(GAP, -0.05 - 0.01 * k, 0.02, k) for k in range(num)]
    summarized = summarize(carried(made)).iloc[0]
    found = only(made, GAP).estimate.interval()
    assert found == pytest.approx((summarized["low"], summarized["high"]))


def test_rows_of_other_baselines_methods_and_subsets_are_not_taken():
    other = next(c for c in CLAIMS if c.rows["metric"] == "task_addition/accuracy_tuned")
    made = [
        row(other, -0.05),
        row(other, 0.3, params_id="minus linear-tangent"),
        row(other, 0.3, method="ties"),
    ]
    assert only([*made, row(other, 0.4, sources="a")], other).estimate.value == -0.05


def test_two_rows_of_one_seed_at_the_coordinates_of_a_claim_are_refused():
    with pytest.raises(ValueError, match="2 rows answer to the claim 'Post-hoc linearization"):
        only([row(GAP, -0.05), row(GAP, -0.05, coefficient=0.5)], GAP)


def test_the_theory_of_wide_networks_keeps_its_own_interval():
    """Its units are initialisations, and it has no replicates of images."""
    made = rows.frame([row(WIDTH, -0.9, None, task="", sources="", low=-1.0, high=-0.7)])
    (line,) = weigh(made, [WIDTH])
    assert line.estimate.interval() == pytest.approx((-1.0, -0.7))
    assert line.verdict == "supported" and line.given == WIDTH.given


def test_all_other_claims_read_rows_whose_replicates_are_kept():
    """Means over tasks on test images, which a run gathers from the sidecars."""
    for claim in CLAIMS:
        name = replicates.name(vars(row(claim, 0.0)))
        if claim.once:
            assert claim.rows["experiment"] == "ntk_theory"
            continue
        assert gathering.is_asked(name)
        about = replicates.coordinates(name)
        assert about["task"] in MEANS or about["sources"] == EACH
        assert about["split"] == "test"


# Contrasts of rows


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.contrast == "difference"], ids=lambda claim: claim.text
)
@pytest.mark.parametrize("num_seeds", [1, 5])
def test_a_difference_of_two_rows_is_that_of_their_replicates(claim, num_seeds):
    """What the paired computation gives: the images that both share cancel."""
    here = [row(claim, 0.30 + 0.01 * s, 0.04, s) for s in range(num_seeds)]
    other = [row(claim, 0.05 - 0.02 * s, 0.04, s, **claim.against) for s in range(num_seeds)]
    line = only([*here, *other], claim)
    paired = [drawn(a) - drawn(b) for a, b in zip(here, other, strict=True)]
    assert is_that_of(line, paired, 5)
    _, error, _ = components([drawn(here[0])], UNITS, 5)
    assert num_seeds > 1 or line.estimate.below < 1.2 * error, "unpaired it would be 1.4 times"
    assert weigh(carried(here), [claim]) == [] == weigh(carried(other), [claim])


def test_a_difference_is_taken_at_the_seeds_that_both_have():
    made = [row(FROM_RANDOM, 0.3 + 0.1 * s, seed=s) for s in (0, 1)]
    made += [row(FROM_RANDOM, 0.1, seed=s, init="random") for s in (1, 2)]
    line = only(made, FROM_RANDOM)
    assert line.estimate.value == pytest.approx(0.3) and line.num_seeds == 1


def test_rise_along_pretraining_is_that_of_the_fitted_line():
    inits, values = ("step-1", "step-3", "step-11", "pretrained"), (0.0, 0.12, 0.15, 0.4)
    made = [row(ALONG, v, init=init) for init, v in zip(inits, values, strict=True)]
    line = only([row(ALONG, 0.9, init="random"), *made[::-1]], ALONG)
    slopes = np.polyfit(range(4), np.array([*map(drawn, made)]), 1)[0]
    assert line.estimate.value == pytest.approx(3 * np.polyfit(range(4), values, 1)[0])
    assert is_that_of(line, [3 * slopes], 5)
    assert weigh(carried([made[0], made[-1]]), [ALONG]) == [], "two points are no course"
    assert rise(2) == [-1.0, 1.0]


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
    assert weigh(carried(made(-0.2, -0.1)[:1]), [LARGER]) == []
    one_more = [row(LARGER, 0.0, model="too"), size("too", 10**6)]
    assert weigh(carried([*made(-0.2, -0.1), *one_more]), [LARGER]) == []


def sized(small: dict[int, float], large: dict[int, float], claim: Claim = LARGER) -> list[Row]:
    """Rows of rebuilt models of two sizes, by pre-training seed."""
    made = []
    for base, number, values in (("tiny", 10**6, small), ("wide", 4 * 10**6, large)):
        for k, value in values.items():
            made += [row(claim, value, model=f"{base}-pre{k}"), size(f"{base}-pre{k}", number)]
    return made


def read(made: list[Row], base: str) -> list[np.ndarray]:
    """Value and replicates of each pre-training of a size."""
    return [drawn(one) for one in made if one.model.startswith(base) and one.metric != "norm"]


def test_sizes_are_compared_pretraining_by_pretraining_where_both_have_its_seed():
    """What a seed does to both sizes cancels: the effect is 0.05, that of seeds up to 0.2."""
    small, large = {0: -0.30, 1: -0.20, 2: -0.10}, {0: -0.249, 1: -0.149, 2: -0.052}
    made = sized(small, large)
    line = only(made, LARGER)
    differences = [b - a for a, b in zip(read(made, "tiny"), read(made, "wide"), strict=True)]
    assert is_that_of(line, differences, 3) and line.verdict == "supported"
    assert line.given == "these tasks, this seed"
    turned = only(sized(small, {k: large[k] for k in (2, 0, 1)}), LARGER)
    assert turned.estimate == line.estimate, "in whatever order they stand"


def test_sizes_without_a_common_pretraining_are_independent_pairs():
    small, large = {0: -0.30, 1: -0.20, 2: -0.10}, {3: -0.15, 4: -0.05, 5: -0.25}
    line = only(sized(small, large), LARGER)
    assert line.estimate.value == pytest.approx(0.05) and line.verdict == "undecided"
    differences = [0.15, 0.15, -0.15]
    assert line.estimate.below >= np.std(differences, ddof=1) / math.sqrt(3)


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


# Families


def test_pretraining_seeds_are_one_family_and_the_shipped_model_another():
    values = (-0.04, -0.05, -0.09)
    made = [row(GAP, v, model=f"tiny-pre{k}") for k, v in enumerate(values)]
    shipped, rebuilt = weigh(carried([row(GAP, -0.2), *made]), [GAP])
    assert shipped.family == Family("tiny", ("tiny",)) and shipped.estimate.value == -0.2
    assert rebuilt.family == Family("tiny", ("tiny-pre0", "tiny-pre1", "tiny-pre2"), True)
    assert is_that_of(rebuilt, [*map(drawn, made)], 3)
    assert rebuilt.given == "these tasks, this seed"


def test_fine_tuning_seeds_are_nested_in_pretrainings():
    """From three on, a pre-training is the unit, whatever its seeds spread."""
    made = []
    units = []
    for k, values in enumerate([(-0.1, 0.3, -0.2), (0.2, -0.1), (-0.3, 0.1, 0.2)]):
        own = [row(GAP, v, seed=s, model=f"tiny-pre{k}") for s, v in enumerate(values)]
        made += own
        units.append(np.mean([*map(drawn, own)], axis=0))
    line = only(made, GAP)
    assert is_that_of(line, units, 3) and line.num_seeds == 2 and line.num_pretrainings == 3


@pytest.mark.parametrize("num_seeds", [1, 5])
def test_two_pretrainings_are_too_few_to_speak_of_others(num_seeds):
    """They are given, and the unit is a seed: its mean over both."""
    pairs = []
    for s in range(num_seeds):
        values = (-0.04 - 0.01 * s, -0.08 + 0.02 * s)
        pairs.append([row(GAP, v, seed=s, model=f"tiny-pre{k}") for k, v in enumerate(values)])
    line = only([one for pair in pairs for one in pair], GAP)
    means = [(drawn(first) + drawn(second)) / 2 for first, second in pairs]
    assert is_that_of(line, means, 5)
    assert line.given == "these tasks, these pre-trainings" + ", this seed" * (num_seeds == 1)


def test_differences_are_taken_within_a_pretraining():
    values = {0: (0.5, 0.1), 1: (0.4, 0.02), 2: (0.7, 0.28)}
    here = [row(FROM_RANDOM, v[0], model=f"tiny-pre{k}") for k, v in values.items()]
    other = [row(FROM_RANDOM, v[1], model=f"tiny-pre{k}", init="random") for k, v in values.items()]
    line = only([*here, *other], FROM_RANDOM)
    paired = [drawn(a) - drawn(b) for a, b in zip(here, other, strict=True)]
    assert is_that_of(line, paired, 3) and line.estimate.value == pytest.approx(0.4)


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


# Holm's correction


def test_an_estimate_that_no_run_could_turn_down_has_no_verdict_and_is_in_no_correction():
    described = next(c for c in CLAIMS if c.descriptive)
    secondary = next(c for c in CLAIMS if c.text == "Linear FT is a little worse on single tasks")
    made = carried([row(secondary, -0.05), row(described, 1.0, 0.1, sources="each", task="own")])
    gap, size_of_it = weigh(made, [secondary, described])
    assert size_of_it.verdict == "descriptive" and gap.level == 0.05


def test_primary_claims_are_corrected_over_the_six_whether_all_were_tested_or_not():
    one = only([row(GAP, -0.05)], GAP)
    assert one.level == pytest.approx(0.05 / 6)
    three = [c for c in PRIMARY if c.contrast == "value"][:3]
    found = weigh(carried([row(c, 0.5 * c.sign) for c in three]), three)
    assert sorted(line.level for line in found) == pytest.approx([0.05 / 6, 0.05 / 5, 0.05 / 4])


def test_secondary_claims_are_corrected_over_those_that_were_tested():
    found = [line for line in weigh(run()) if not line.claim.descriptive]
    assert all(line.claim.primary == (not math.isnan(line.planned)) for line in found)
    secondary = [line.level for line in found if not line.claim.primary]
    assert min(secondary) == pytest.approx(0.05 / len(secondary))
    assert min(line.level for line in found if line.claim.primary) == pytest.approx(0.05 / 6)


def test_each_model_is_a_family_and_what_is_the_same_for_all_stands_once():
    found = weigh(run("tiny", "ViT-B-32"))
    theory = [line for line in found if line.claim.once]
    assert len(theory) == 2 and {line.family for line in theory} == {None}
    single = [line for line in found if line.claim is GAP]
    assert [line.family.base for line in single] == ["tiny", "ViT-B-32"]
    tested = [
        line
        for line in found
        if line.family in (None, single[0].family)
        and line.verdict != "descriptive"
        and not line.claim.primary
    ]
    assert min(line.level for line in tested) == pytest.approx(0.05 / len(tested))


def test_the_interval_that_decides_is_named_where_the_plain_one_would_have():
    """At 5 % it excludes 0, at a sixth of it it does not."""
    for value, named in ((-0.011, True), (-0.05, False), (-0.003, False)):
        line = only([row(GAP, value, 0.0095)], GAP)
        plain, corrected = line.estimate.interval(), line.estimate.interval(line.level)
        if named:
            assert plain[1] < 0 < corrected[1] and line.verdict == "undecided"
            assert line.deciding == corrected
        else:
            assert line.deciding is None


# Planned power


def detectable(error: float, degrees: float = math.inf) -> float:
    """At the first level of Holm's procedure over six, four times in five."""
    if math.isinf(degrees):
        return error * (norm.ppf(1 - 0.05 / 12) + norm.ppf(0.8))
    return error * (t.ppf(1 - 0.05 / 12, degrees) + t.ppf(0.8, degrees))


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_the_plan_of_one_seed_assumes_that_seeds_vary_as_its_images(num_seeds):
    made = [row(GAP, -0.05 + 0.1 * s, 0.01, s) for s in range(num_seeds)]
    _, images, _ = components([drawn(made[0])], UNITS, 5)
    variance = images**2 * (1 + 1 / 5)
    spread = (images**2 / 5) ** 2 / 4 + images**4 / (UNITS - 1)
    expected = detectable(math.sqrt(variance), variance**2 / spread)
    assert only(made, GAP).planned == pytest.approx(expected)


def test_the_plan_of_enough_seeds_takes_their_variance_and_the_first_ones_images():
    values = (-0.05, -0.07, -0.02, -0.06, -0.04, -0.03)
    made = [row(GAP, v, 0.01 + 0.01 * (s > 0), s) for s, v in enumerate(values)]
    _, images, _ = components([drawn(made[0])], UNITS, 5)
    seeds = np.var(values, ddof=1) / 6
    variance = seeds + images**2
    degrees = variance**2 / (seeds**2 / 5 + images**4 / (UNITS - 1))
    assert only(made, GAP).planned == pytest.approx(detectable(math.sqrt(variance), degrees))


# The table


def test_the_primary_claims_lead_the_table_and_say_so():
    cells = claims_table.build(run())
    assert cells["row"].drop_duplicates().tolist()[:6] == [claim.text for claim in PRIMARY]
    assert cells["column"].drop_duplicates().tolist()[:2] == ["Verdict", "Estimate [95 %]"]
    wide = cells.pivot(index="row", columns="column", values="text")
    assert set(wide.loc[[claim.text for claim in PRIMARY], "Rank"]) == {"primary"}
    others = [claim.text for claim in CLAIMS if not claim.primary]
    assert set(wide.loc[others, "Rank"]) == {"secondary"}
    assert (wide.loc[[text for text, _ in BEYOND_SCALE], "Rank"] == "").all()
    tested = wide.loc[[claim.text for claim in PRIMARY if claim.contrast == "value"]]
    tested = tested[tested["Verdict"] != "not tested in this run"]
    assert len(tested) >= 4 and (tested["Planned"].astype(float) > 0).all()
    assert (wide.loc[others, "Planned"] == "").all()


def test_table_says_what_was_not_tested_and_why():
    cells = claims_table.build(run())
    verdicts = cells[cells["column"] == "Verdict"].set_index("row")["text"]
    assert verdicts[FROM_RANDOM.text] == "not tested in this run"
    assert (verdicts[[text for text, _ in BEYOND_SCALE]] == "not tested at this scale").all()
    assert verdicts.index[-len(BEYOND_SCALE) :].tolist() == [text for text, _ in BEYOND_SCALE]
    assert set(verdicts.index) >= {claim.text for claim in CLAIMS}


def test_the_brief_table_has_the_six_and_no_other():
    brief = claims_table.brief(claims_table.build(run()))
    assert set(brief["column"]) == {"Estimate [95 %]", "Verdict"}
    assert brief["row"].drop_duplicates().tolist() == [claim.text for claim in PRIMARY]


def test_the_table_prints_the_deciding_interval():
    made = [row(GAP, -0.011, 0.0095), row(ALONG, 0.2)]
    cells = claims_table.build(carried(made)).set_index(["row", "column"])["text"]
    low, high = only(made, GAP).deciding
    printed = f"[{100 * low:+.1f}, {100 * high:+.1f}]".replace("-", "−")
    assert cells[GAP.text, "Deciding"] == printed
    assert cells[GAP.text, "Verdict"] == "undecided"
    brief = claims_table.brief(claims_table.build(carried(made)))
    assert f"undecided {printed}" in set(brief["text"])


@pytest.mark.slow
def test_table_names_families_where_there_are_several():
    made = [
        row(GAP, -0.05),
        *[row(GAP, -0.05, model=f"tiny-pre{k}") for k in range(3)],
        row(ALONG, 0.2),
    ]
    names = claims_table.build(carried(made))["row"].drop_duplicates()
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
