"""The paper's numbers: they obey their schema, and they agree among themselves where arithmetic can tell."""

from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import yaml

WORKFLOW = Path(__file__).parents[2] / "workflow"
TABLE = pd.read_csv(
    WORKFLOW / "resources" / "paper.csv", keep_default_na=False, na_values={"coefficient": [""], "value": [""]}
)
TASKS = ["cars", "dtd", "eurosat", "gtsrb", "mnist", "resisc45", "sun397", "svhn"]
COORDINATES = [c for c in TABLE.columns if c not in ("value", "status", "note")]


def test_every_row_obeys_the_schema():
    schema = yaml.safe_load((WORKFLOW / "schemas" / "paper_rows.schema.yaml").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert set(TABLE.columns) == set(schema["properties"])
    for row in TABLE.astype(object).where(TABLE.notna(), None).to_dict("records"):
        validator.validate(row)


def test_no_coordinates_twice():
    assert not TABLE.duplicated(COORDINATES).any()


def test_every_table_and_source_is_there():
    assert TABLE.groupby("table").size().to_dict() == {"1a": 31, "1b": 36, "1d": 286, "2a": 168, "2c": 70}
    assert set(TABLE["source"]) == {"TTA", "ATL", "DVB", "TAK", "ORT", "TJP", "TAF", "STM", "KAT", "FB"}


def test_only_fusionbench_is_of_another_family():
    assert set(TABLE.loc[TABLE["protocol"] == "C", "source"]) == {"FB"}
    assert set(TABLE.loc[TABLE["source"] == "FB", "protocol"]) == {"C"}


MARKED = [
    ("1a linear tangent ViT-L/14 all accuracy_tuned", 0.885, "C"),
    ("1a linear tangent ViT-L/14 all normalized_accuracy_tuned", 0.935, "G"),
    ("1b standard network ViT-B/32 own accuracy_tuned", 0.24, "C"),
    ("1b standard tangent ViT-B/16 own accuracy_tuned", 0.108, "G"),
]


@pytest.mark.parametrize(("where", "value", "status"), MARKED)
def test_marked_numbers(where, value, status):
    coordinates = ["table", "training", "evaluation", "model", "task", "metric"]
    found = TABLE[(TABLE["source"] == "TTA") & (TABLE[coordinates] == where.split()).all(axis=1)]
    assert found[["value", "status"]].values.tolist() == [[value, status]]


@pytest.mark.parametrize("table", ["2a", "2c"])
def test_printed_averages_are_means_of_the_tasks(table):
    single = TABLE[(TABLE["table"] == table) & (TABLE["split"] == "test") & ~TABLE["training"].str.contains("lora")]
    tolerance = 0.0001 if table == "2a" else 0.001  # the second prints one decimal of each number
    for _, part in single.groupby(["source", "model", "training"]):
        tasks = part[part["task"].isin(TASKS)]["value"]
        printed = part[part["task"].isin(["all", "own"])]["value"].item()
        assert len(tasks) == 8
        assert printed == pytest.approx(tasks.mean(), abs=tolerance)


def test_accuracy_with_all_vectors_agrees_with_its_average():
    added = TABLE[
        (TABLE["source"] == "ATL") & (TABLE["experiment"] == "task_addition") & (TABLE["metric"] == "accuracy_tuned")
    ]
    for _, part in added.groupby(["model", "training"]):
        tasks = part[part["task"].isin(TASKS)]["value"]
        assert part[part["task"] == "all"]["value"].item() == pytest.approx(tasks.mean(), abs=0.0005)
