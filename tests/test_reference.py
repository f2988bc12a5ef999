"""The printed numbers obey their schema and agree where arithmetic can tell, and a bad line of
theirs is named.
"""

import numpy as np
import pandas as pd
import pytest

from tangent_bench.judging.paper import MODELS, TASKS, read
from tests.prints import LINE, TABLE, TEXT, average, lines, percent

# The file


def test_every_table_source_and_status_is_there():
    assert TABLE.groupby("table").size().to_dict() == {
        "1a": 31,
        "1b": 36,
        "1d": 286,
        "2a": 168,
        "2c": 70,
    }
    assert set(TABLE["source"]) == {
        "TTA",
        "ATL",
        "DVB",
        "TAK",
        "ORT",
        "TJP",
        "TAF",
        "STM",
        "KAT",
        "FB",
    }
    assert TABLE.groupby("status").size().to_dict() == {
        "A": 19,
        "C": 16,
        "G": 35,
        "R": 287,
        "V": 234,
    }
    assert set(MODELS) <= set(TABLE["model"]) and set(TASKS) <= set(TABLE["task"])


def test_only_fusionbench_is_of_another_family():
    assert set(lines(protocol="C")["source"]) == set(lines(source="FB")["source"]) == {"FB"}
    assert set(TABLE["protocol"]) == {"A", "C"} and set(lines(source="FB")["protocol"]) == {"C"}


BY_HAND = [
    ("1a", "TTA", "linear", "vit_l_14", "all", "accuracy_tuned", "88.5", "C"),
    ("1a", "TTA", "linear", "vit_l_14", "all", "normalized_accuracy_tuned", "93.5", "G"),
    ("1a", "TTA", "posthoc", "vit_b_16", "all", "normalized_accuracy_tuned", "85.2", "G"),
    ("1b", "TTA", "nonlin", "vit_b_32", "own", "accuracy_tuned", "24.0", "C"),
    ("1b", "TTA", "posthoc", "vit_b_16", "own", "accuracy_tuned", "10.8", "G"),
    ("1b", "DVB", "linear", "vit_l_14", "imagenet", "accuracy_tuned", "72.5", "C"),
    ("1d", "TAF", "nonlin", "vit_l_14", "all", "normalized_accuracy_tuned", "85.94", "R"),
    ("1d", "TJP", "linear", "vit_l_14", "own", "accuracy", "3.0", "R"),
    ("1d", "ATL", "linear", "vit_b_16", "mnist_full", "accuracy_tuned", ["95.37", "0.21"], "R"),
    ("2a", "KAT", "zero", "vit_b_32", "eurosat", "accuracy", "44.44", "V"),
    ("2a", "ATL", "zero", "vit_l_14", "imagenet", "accuracy", ["75.54", "77.46"], "V"),
    ("2c", "FB", "nonlin", "vit_b_16", "svhn", "accuracy", "97.6", "V"),
]


@pytest.mark.parametrize(
    ("table", "source", "mode", "model", "task", "metric", "printed", "status"), BY_HAND
)
def test_numbers_by_hand(table, source, mode, model, task, metric, printed, status):
    found = lines(mode, TEXT, table=table, source=source, model=model, task=task, metric=metric)
    assert sorted(found["value"]) == sorted([printed] if isinstance(printed, str) else printed)
    assert set(found["status"]) == {status}


@pytest.mark.parametrize("table", ["2a", "2c"])
def test_printed_averages_are_means_of_the_tasks(table):
    single = lines(table=table, split="test")
    tolerance = 0.0001 if table == "2a" else 0.001  # the second prints one decimal of each number
    for _, part in single[~single["training"].str.contains("lora")].groupby(
        ["source", "model", "training"]
    ):
        tasks = part[part["task"].isin(TASKS)]["value"]
        assert len(tasks) == 8
        assert lines(among=part, task=("all", "own"))["value"].item() == pytest.approx(
            tasks.mean(), abs=tolerance
        )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", ["nonlin", "linear"])
def test_edited_models_agree_with_their_averages(mode, model):
    atl = {"source": "ATL", "metric": "accuracy_tuned", "model": model}
    for experiment, mean in (("task_addition", "all"), ("task_negation", "own")):
        tasks = [percent(mode, experiment=experiment, task=task, **atl) for task in TASKS]
        assert percent(mode, experiment=experiment, task=mean, **atl) == pytest.approx(
            np.mean(tasks), abs=0.03
        )
    control = lines(mode, experiment="task_negation", task="imagenet", sources=TASKS, **atl)[
        "value"
    ]
    if model == "vit_b_32":
        printed = percent(mode, experiment="task_negation", task="imagenet", sources="each", **atl)
        assert printed == pytest.approx(100 * control.mean(), abs=0.011)


def test_differences_that_the_paper_is_quoted_with():
    own = {"source": "TTA", "experiment": "task_negation", "task": "own", "model": "vit_b_32"}
    assert percent("nonlin", **own) - percent("linear", **own) == pytest.approx(13.1)
    added = [average(mode, "vit_b_16", source="TTA") for mode in ("linear", "nonlin")]
    assert added[0] - added[1] == pytest.approx(5.8)


def test_implied_single_task_accuracy_is_absolute_over_normalized():
    for mode in ("nonlin", "linear", "posthoc"):
        for model in MODELS:
            ratio = average(mode, model, source="TTA")
            ratio /= average(mode, model, "normalized_accuracy_tuned", source="TTA") / 100
            single = percent(mode, source="TTA", model=model, experiment="single_task")
            assert single == pytest.approx(ratio, abs=0.051)


def test_no_honest_re_run_has_the_papers_ratio():
    wanted = {
        "vit_b_32": (0.8955, 0.9145),
        "vit_b_16": (0.8995, 0.9295),
        "vit_l_14": (0.9305, 0.9435),
    }
    for model, (low, high) in wanted.items():
        for source in ("ATL", "TJP", "ORT", "TAK", "TAF"):
            normal = lines("nonlin", source=source, model=model, metric="normalized_accuracy_tuned")
            if not normal["set_aside"].item():
                ratio = average("nonlin", model, source=source) / 100 / normal["value"].item()
                assert low <= ratio <= high
        paper = percent("nonlin", source="TTA", model=model, experiment="single_task") / 100
        assert paper > high


def test_linear_fine_tuning_loses_on_street_view_digits_and_signs():
    for task, losses in (("svhn", (-17.4, -14.5, -6.8)), ("gtsrb", (-5.5, -4.7, -3.4))):
        at = {"table": "2a", "task": task, "split": "test"}
        found = [
            percent("linear", model=m, **at) - percent("nonlin", model=m, **at) for m in MODELS
        ]
        assert found == pytest.approx(losses, abs=0.051)


def test_misprints_and_the_numbers_of_others_are_set_aside():
    aside = TABLE[TABLE["set_aside"] != ""]
    assert aside.groupby("source").size().to_dict() == {"DVB": 6, "ORT": 2, "STM": 1}
    assert aside["note"].str.len().min() > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "X"}, "line 2: status: 'X' is not one of"),
        ({"value": "0.714x"}, "line 2: value"),
        ({"value": "714"}, "line 2: value"),
        ({"model": "ViT-B/32"}, "line 2: model: 'ViT-B/32'"),
        ({"wrong": "1"}, "line 2: columns: .*'wrong'"),
    ],
)
def test_a_bad_line_is_named(change, words, tmp_path):
    LINE.assign(**change).to_csv(tmp_path / "paper.csv", index=False)
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "paper.csv")


def test_same_coordinates_source_and_table_twice(tmp_path):
    pd.concat([LINE, LINE.assign(value="71.5", status="R")]).to_csv(
        tmp_path / "paper.csv", index=False
    )
    with pytest.raises(ValueError, match="line 3: TTA has another number"):
        read(tmp_path / "paper.csv")


def test_values_are_fractions_and_know_their_digits():
    assert LINE["value"].item() == "71.4"
    assert TABLE.loc[3, ["value", "rounding"]].tolist() == pytest.approx([0.714, 0.0005])
    fine = lines(
        "nonlin", table="1d", source="ATL", task="all", model="vit_b_32", metric="accuracy_tuned"
    ).iloc[0]
    assert [fine["value"], fine["rounding"]] == pytest.approx([0.7012, 0.00005])
