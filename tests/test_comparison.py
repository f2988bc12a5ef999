"""Our rows beside the printed numbers: what meets, what decides, and where ours lies."""

import re

import pandas as pd
import pytest
import yaml

from tangent_bench.judging import paper
from tangent_bench.judging.paper import INSIDE, OUTSIDE, REACHES, TASKS, UNDECIDED, compare, read
from tangent_bench.store.rows import Row, frame
from tests.prints import DEFAULT, EVERY, LINE, MODES, TABLE, lines


def ours(mode="nonlin", value=0.7, **about):
    """A row of ours; by default the tuned sum of the eight vectors, with an interval of one point
    each side.
    """
    added = {
        "experiment": "task_addition",
        "sources": EVERY,
        "task": "all",
        "metric": "accuracy_tuned",
    }
    usual = {
        "model": "vit_b_32",
        "init": "pretrained",
        "split": "test",
        "seed": 0,
        "num_samples": 100,
    }
    method = {} if about.get("experiment") == "single_task" else {"method": "task_arithmetic"}
    training, evaluation = MODES[mode]
    at = {"low": value - 0.01, "high": value + 0.01, **usual, **added, **method, **about}
    return Row(training=training, evaluation=evaluation, value=value, **at)


def run(*rows, control="imagenet", tasks=TASKS):
    """Rows with zero-shot rows of the tasks, which say what the run is about."""
    single = {
        "experiment": "single_task",
        "metric": "accuracy",
        "sources": "",
        "split": "train",
    }  # no reference has it
    models = dict.fromkeys(row.model for row in rows)
    return frame(
        [
            *rows,
            *(ours("zero", task=t, model=m, **single) for m in models for t in (*tasks, control)),
        ]
    )


def printed(tmp_path, *prints, **change):
    """A reference with these prints (source, status, percent, set aside) at the coordinates of
    `ours`.
    """
    parts = [
        LINE.assign(
            source=source,
            status=status,
            value=value,
            set_aside=aside,
            table=f"1{'abd'[k % 3]}",
            **change,
        )
        for k, (source, status, value, aside) in enumerate(prints)
    ]
    pd.concat(parts).to_csv(tmp_path / "paper.csv", index=False)
    return read(tmp_path / "paper.csv")


RERUNS = [("TTA", "G", "71.4", ""), ("ATL", "R", "70.12", ""), ("TAK", "V", "73.5", "")]


def one(tmp_path, value, prints=RERUNS, **about):
    (found,) = compare(run(ours(value=value, **about)), reference=printed(tmp_path, *prints))
    return found


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (0.7012, INSIDE),
        (0.735, INSIDE),
        (0.72, INSIDE),
        (0.70116, INSIDE),  # rounds to 70.12
        (0.7354, INSIDE),  # rounds to 73.5
        (0.70114, REACHES),
        (0.7356, REACHES),
        (0.6913, REACHES),
        (0.6911, OUTSIDE),
        (0.7454, REACHES),
        (0.7456, OUTSIDE),
    ],
)
def test_inside_and_outside(value, place, tmp_path):
    assert one(tmp_path, value).place == place


def test_difference_is_ours_minus_the_papers_number(tmp_path):
    found = one(tmp_path, 0.70)
    assert found.difference == pytest.approx(-0.014, abs=1e-12) and found.target == (
        pytest.approx(0.714),
        False,
    )
    assert one(tmp_path, 0.80).difference == pytest.approx(0.086, abs=1e-12)
    alone = one(tmp_path, 0.70, RERUNS[1:])
    assert (
        alone.difference == pytest.approx(0.70 - (0.7012 + 0.735) / 2, abs=1e-12)
        and alone.target[1]
    )


SPREADS = [
    ("nonlin", "vit_b_32", "70.1–73.5"),
    ("linear", "vit_b_32", "74.3–78.8"),
    ("nonlin", "vit_b_16", "73.6–77.0"),
    ("linear", "vit_b_16", "77.5–82.0"),
    ("nonlin", "vit_l_14", "80.0–84.5"),
    ("linear", "vit_l_14", "84.8–88.0"),
]


@pytest.mark.parametrize(("mode", "model", "printed"), SPREADS)
def test_span_of_re_runs_is_the_stated_one(mode, model, printed):
    added = {
        "experiment": "task_addition",
        "sources": EVERY,
        "task": "all",
        "metric": "accuracy_tuned",
    }
    (found,) = compare(run(ours(mode, 0.8, model=model, **added)), [{"protocol": "A"}])
    low, high = map(float, printed.split("–"))
    assert [100 * bound for bound in found.span] == pytest.approx([low, high], abs=0.051)


@pytest.mark.parametrize("status", ["G", "A"])
def test_remembered_and_derived_numbers_never_decide(status, tmp_path):
    prints = [("TTA", status, "71.4", ""), ("ATL", status, "60.0", "")]
    found = one(tmp_path, 0.714, prints)
    assert found.place == UNDECIDED and found.span is None and not found.target[1]
    joined = one(tmp_path, 0.65, [*RERUNS, ("ORT", status, "60.0", "")])
    assert joined.place == OUTSIDE and joined.span == pytest.approx((0.7012, 0.735))


def test_what_is_set_aside_never_decides(tmp_path):
    found = one(tmp_path, 0.65, [*RERUNS, ("ORT", "R", "60.0", "misprint")])
    assert found.place == OUTSIDE and [p.decides for p in found.others] == [True, True, False]


def test_corroborated_numbers_decide_where_nobody_ran_it_again(tmp_path):
    paper = ("TTA", "C", "71.4", "")
    assert (
        one(tmp_path, 0.714, [paper]).place == INSIDE
        and one(tmp_path, 0.70, [paper]).place == OUTSIDE
    )
    both = one(tmp_path, 0.714, [paper, ("ATL", "R", "75.0", "")])
    assert both.place == OUTSIDE and both.span == pytest.approx((0.75, 0.75))
    assert both.difference == pytest.approx(0.0, abs=1e-12) and both.target[1]


def test_a_number_that_stands_in_two_tables_counts_once(tmp_path):
    found = one(
        tmp_path,
        0.7,
        [("TTA", "G", "71.4", ""), ("TTA", "C", "71.4", ""), ("ATL", "R", "70.12", "")],
    )
    assert [(p.source, p.status) for p in found.prints] == [("TTA", "C"), ("ATL", "R")]


def test_seeds_are_averaged_before_they_are_compared(tmp_path):
    (found,) = compare(
        run(ours(value=0.70), ours(value=0.72, seed=1)), reference=printed(tmp_path, *RERUNS)
    )
    assert found.value == pytest.approx(0.71)


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": "C"},
        {"init": "random"},
        {"params_id": "minus standard-network"},
        {"model": "tiny"},
        {"split": "val"},
        {"metric": "accuracy", "coefficient": 1.0},
        {"mode": "posthoc"},
        {"sources": "cars+dtd"},
    ],
)
def test_only_the_same_coordinates_meet(other, tmp_path):
    row = ours(**{"mode": "nonlin"} | other)
    assert not compare(run(row), [{"protocol": "A"}], printed(tmp_path, *RERUNS))


def test_the_order_of_tasks_and_the_selected_coefficient_do_not_matter(tmp_path):
    turned = "+".join(reversed(TASKS))
    assert one(tmp_path, 0.7, sources=turned, coefficient=0.3).place == REACHES


def test_families_are_compared_apart(tmp_path):
    reference_ = pd.concat(
        [printed(tmp_path, *RERUNS), printed(tmp_path, ("FB", "R", "60.0", ""), protocol="C")]
    )
    rows = run(ours(value=0.7), ours(value=0.6, protocol="C"))
    found = {
        line.where["protocol"]: line
        for line in compare(rows, reference=reference_.reset_index(drop=True))
    }
    assert found["C"].place == INSIDE and [p.source for p in found["C"].prints] == ["FB"]
    assert "FB" not in [p.source for p in found["own"].prints]


def test_zero_shot_belongs_to_the_families_of_its_vectors(tmp_path):
    zero = {
        "experiment": "single_task",
        "sources": "",
        "metric": "accuracy",
        "method": "",
        "training": "none",
    }
    prints = [
        printed(tmp_path, (s, "V", "70.0", ""), protocol=p, **zero)
        for s, p in (("ATL", "A"), ("FB", "C"))
    ]
    prints = pd.concat(prints).reset_index(drop=True)
    del zero["training"]
    for protocols, sources in (("C", ["FB"]), ("own", ["ATL"]), (("own", "C"), ["ATL", "FB"])):
        vectors = [
            ours(protocol=p) for p in ([protocols] if isinstance(protocols, str) else protocols)
        ]
        found = compare(run(ours("zero", **zero), *vectors), reference=prints)
        assert [line.prints[0].source for line in found] == sources


def test_means_over_other_tasks_and_another_control_are_other_numbers(tmp_path):
    rows, prints = [ours()], printed(tmp_path, *RERUNS)
    assert not compare(run(*rows, tasks=TASKS[:2]), [{"protocol": "A"}], prints)
    negated = {"experiment": "task_negation", "sources": "each", "task": "own"}
    prints = printed(tmp_path, *RERUNS, **negated)
    assert len(compare(run(ours(**negated)), reference=prints)) == 1
    assert not compare(run(ours(**negated), control="compositions"), [{"protocol": "A"}], prints)


def test_with_leaked_textures_no_average_is_compared_and_what_is_the_same_still_is():
    tasks = [*(task for task in TASKS if task != "dtd"), "dtd_leaked"]
    single = {
        "experiment": "single_task",
        "sources": "cars",
        "task": "cars",
        "metric": "accuracy",
        "coefficient": 1.0,
    }
    rows = run(ours(sources="+".join(tasks)), ours(**single), tasks=tasks)
    with pytest.raises(ValueError, match="have no counterpart"):
        compare(rows)
    found = compare(rows, [{"experiment": name} for name in paper.EXPERIMENTS])
    assert [line.where["task"] for line in found] == ["cars"]


def test_a_line_without_a_counterpart_is_one_sentence(tmp_path):
    prints = pd.concat(
        [printed(tmp_path, *RERUNS), printed(tmp_path, *RERUNS[:2], training="linear")]
    )
    prints = prints.reset_index(drop=True)
    words = re.escape(
        "2 lines of paper.csv about vit_b_32 have no counterpart in the rows: {experiment: "
        "task_addition, training: "
        "linear, evaluation: network, split: test, metric: accuracy_tuned} (2); run what is missing"
    )
    with pytest.raises(ValueError, match=words):
        compare(run(ours()), reference=prints)
    with pytest.raises(ValueError, match="1 lines"):
        compare(run(ours()), [{"training": "linear", "source": "TTA"}], prints)
    assert len(compare(run(ours()), [{"training": "linear"}], prints)) == 1


def test_being_out_of_scope_excuses_absence_only(tmp_path):
    assert len(compare(run(ours()), [{"training": "standard"}], printed(tmp_path, *RERUNS))) == 1


@pytest.mark.parametrize("entry", [{"training": "linaer"}, {"coefficient": 0.5}])
def test_an_entry_that_fits_no_line_is_an_error(entry):
    with pytest.raises(ValueError, match="fits no line"):
        compare(run(ours()), [entry])


def test_the_default_excuses_what_no_experiment_measures():
    entries = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))["reference"]["out_of_scope"]
    excused = TABLE[paper._excused(TABLE, entries)]
    assert excused.groupby(["source", "experiment"]).size().to_dict() == {
        ("TJP", "task_negation"): 12,
        ("ORT", "task_negation"): 6,
        ("FB", "task_addition"): 3,
        ("FB", "single_task"): 16,
    }
    assert set(lines(among=excused, source="TJP")["coefficient"]) == {-1.0}


def test_models_without_reference_give_nothing():
    assert compare(run(ours(model="tiny"))) == []
