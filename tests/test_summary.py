"""Intervals over seeds and images against arithmetic done another way, and what the terminal shows."""

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from tangent_bench.report import summary
from tangent_bench.store import rows
from tangent_bench.store.rows import Row
from tests import synthetic

VALUES = (0.60, 0.63, 0.61, 0.66, 0.62, 0.59)


def one(seed=0, value=0.6, half=(0.02, 0.03), **changed):
    at = {
        "training": "linear",
        "evaluation": "tangent",
        "sources": "a+b",
        "task": "all",
        "split": "test",
        "metric": "accuracy_tuned",
    }
    bounds = {} if half is None else {"low": value - half[0], "high": value + half[1]}
    about = {
        "experiment": "task_addition",
        "model": "tiny",
        "init": "pretrained",
        "num_samples": 100,
        "coefficient": 0.3,
    }
    return Row(**{**about, **at, **bounds, "seed": seed, "value": value, **changed})


def summarized(*made):
    return summary.summarize(rows.frame(made))


def test_one_seed_keeps_its_interval_and_says_what_it_covers():
    line = summarized(one()).iloc[0]
    assert (line["value"], line["low"], line["high"]) == pytest.approx((0.6, 0.58, 0.63))
    assert line["interval"] == "images, conditional on these seeds" and line["num_seeds"] == 1


def test_few_seeds_average_the_image_error_and_do_not_shrink_it():
    line = summarized(one(0, 0.60, (0.02, 0.03)), one(1, 0.64, (0.04, 0.03))).iloc[0]
    assert line["value"] == pytest.approx(0.62)
    assert line["value"] - line["low"] == pytest.approx(math.sqrt((0.02**2 + 0.04**2) / 2))
    assert line["high"] - line["value"] == pytest.approx(0.03)
    assert line["interval"] == "images, conditional on these seeds"


@pytest.mark.parametrize("num_seeds", [5, 6])
def test_many_seeds_cross_seed_and_image_variance(num_seeds):
    values = VALUES[:num_seeds]
    halves = [0.02 + 0.001 * k for k in range(num_seeds)]
    line = summarized(
        *[one(k, v, (h, h)) for k, (v, h) in enumerate(zip(values, halves, strict=True))]
    ).iloc[0]
    image = statistics.fmean((h / statistics.NormalDist().inv_cdf(0.975)) ** 2 for h in halves)
    error = math.sqrt(statistics.variance(values) / num_seeds + image)
    half = t.ppf(0.975, num_seeds - 1) * error
    assert line["value"] == pytest.approx(statistics.fmean(values))
    assert (line["low"], line["high"]) == pytest.approx(
        (line["value"] - half, line["value"] + half)
    )
    assert line["interval"] == "seeds and images" and line["num_seeds"] == num_seeds


def test_intervals_cover_the_truth_under_crossed_errors():
    rng = np.random.Generator(np.random.PCG64(5))
    hit = 0
    for _ in range(200):
        image = rng.normal(0, 0.01)  # the same test images for every seed
        made = [one(k, 0.6 + image + rng.normal(0, 0.02), (0.0196, 0.0196)) for k in range(6)]
        line = summarized(*made).iloc[0]
        hit += line["low"] <= 0.6 <= line["high"]
    assert hit >= 188  # at least 94 %


def test_a_seed_without_interval_leaves_no_image_interval():
    few = summarized(one(0), one(1, half=None)).iloc[0]
    assert math.isnan(few["low"]) and few["interval"] == ""
    many = summarized(*[one(k, v, None) for k, v in enumerate(VALUES)]).iloc[0]
    assert many["interval"] == "seeds"
    assert many["high"] - many["value"] == pytest.approx(
        t.ppf(0.975, 5) * statistics.stdev(VALUES) / math.sqrt(6)
    )


def test_accuracies_stay_between_0_and_1_and_differences_may_not():
    assert summarized(one(value=0.99)).iloc[0]["high"] == 1.0
    assert summarized(one(value=0.01)).iloc[0]["low"] == 0.0
    difference = {"metric": "single_task/accuracy", "experiment": "posthoc_comparison"}
    assert summarized(one(value=-0.01, **difference)).iloc[0]["low"] == pytest.approx(-0.03)


def test_seeds_that_chose_other_coefficients_are_one_mean():
    table = summarized(one(0, coefficient=0.3), one(1, coefficient=0.5))
    assert len(table) == 1 and table.iloc[0]["coefficient"] == pytest.approx(0.4)
    assert (
        len(summarized(one(0, metric="accuracy"), one(1, metric="accuracy", coefficient=0.5))) == 2
    )


def test_models_and_initialisations_are_never_mixed():
    assert (
        len(summarized(one(), one(1, model="big"), one(2, init="random"), one(3, protocol="A")))
        == 4
    )


def test_every_coordinate_of_a_run_is_kept_once():
    table = synthetic.make(seeds=(0, 1), tasks=("mnist", "terrain"))
    short = summary.summarize(table)
    coordinates = [c for c in rows.KEY if c not in ("seed", "coefficient", "coefficient2")]
    assert len(short) < len(table) / 1.5
    assert set(map(tuple, short[coordinates].to_numpy())) == set(
        map(tuple, table[coordinates].to_numpy())
    )


@pytest.fixture
def folder(tmp_path):
    rows.write(tmp_path / "tiny" / "rows.csv", synthetic.make(tasks=("mnist", "terrain")))
    return tmp_path / "tiny"


def test_terminal_shows_two_tables_and_ends_with_the_page(folder, capsys):
    (folder / "index.html").write_text("x")
    assert summary.main([str(folder)]) == 0
    text = capsys.readouterr().out
    assert "preset tiny" in text and "95 % intervals: images, conditional on these seeds" in text
    for words in (
        "Table 1.",
        "Table 2.",
        "Non-lin. FT",
        "Post-hoc lin.",
        "Linear FT",
        "Target ↓",
        "Control ↑",
        "Verdict",
        "supported",
        "Linear FT forgets targets better",
    ):
        assert words in text
    assert text.index("The claims of the paper") < text.index("Table 1.")
    assert text.splitlines()[-1] == f"Results page: {folder / 'index.html'}"
    assert all(len(line) <= 110 for line in text.splitlines()[:-2])


def test_a_run_with_methods_ends_with_their_table(folder):
    (folder / "tables").mkdir()
    for name in ("table1_addition", "table2_negation", "methods_addition"):
        (folder / f"tables/{name}.md").write_text("| TSV-M | 61.0 |")
    assert "TSV-M" not in summary.report(folder), "left by another config"
    table = rows.read(folder / "rows.csv")
    rows.write(
        folder / "rows.csv", pd.concat([table, table[table["method"] != ""].assign(method="tsv_m")])
    )
    text = summary.report(folder)
    assert (
        "Merging methods and ways of fine-tuning: addition" in text and "| TSV-M | 61.0 |" in text
    )
    assert text.index("Table 2.") < text.index("TSV-M")


def test_missing_page_and_missing_experiment_are_said(folder):
    table = rows.read(folder / "rows.csv")
    rows.write(folder / "rows.csv", table[table["experiment"] == "single_task"])
    text = summary.report(folder)
    assert "(not written yet)" in text and "not in this run" in text


def test_errors_are_one_sentence(folder, capsys):
    assert summary.main([str(folder / "nowhere")]) == 1
    (folder / "rows.csv").write_bytes((folder / "rows.csv").read_bytes()[:-40])
    assert summary.main([str(folder)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert (
        len(lines) == 2
        and "Missing file" in lines[0]
        and "damaged" in lines[1]
        and "Delete it" in lines[1]
    )
