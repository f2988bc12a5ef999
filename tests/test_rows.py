"""The row schema: what is written is read back exactly, and nothing else is accepted."""

import numpy as np
import pandas as pd
import pytest

from tangent_bench.store import rows
from tangent_bench.store.artefacts import DamagedFile
from tangent_bench.store.rows import COLUMNS, Row


def row(**changed):
    at = {
        "experiment": "single_task",
        "model": "tiny",
        "init": "pretrained",
        "training": "standard",
        "evaluation": "network",
    }
    at |= {
        "sources": "mnist",
        "task": "mnist",
        "split": "test",
        "seed": 0,
        "metric": "accuracy",
        "value": 0.9,
        "num_samples": 10,
    }
    return Row(**{**at, **changed})


@pytest.fixture
def table():
    made = [
        row(),
        row(sources="", training="none"),
        row(seed=1, value=1 / 3, coefficient=0.1 + 0.2, low=np.nextafter(0.3, 0), high=0.4),
    ]
    return rows.frame(made)


def test_reads_back_exactly_what_was_written(table, tmp_path):
    rows.write(tmp_path / "rows.csv", table)
    is_exact = int(pd.__version__.partition(".")[0]) >= 3  # pandas 2 errs in the last digit
    read = rows.read(tmp_path / "rows.csv")
    pd.testing.assert_frame_equal(read, table, check_exact=is_exact, rtol=0 if is_exact else 1e-15)
    assert list(table.columns) == list(COLUMNS)


def test_words_that_pandas_takes_for_missing_stay_words(tmp_path):
    table = rows.frame([row(task="NA", sources="nan", params_id="None")])
    rows.write(tmp_path / "rows.csv", table)
    found = rows.read(tmp_path / "rows.csv").iloc[0]
    assert (found["task"], found["sources"], found["params_id"], found["method"]) == (
        "NA",
        "nan",
        "None",
        "",
    )


def test_same_rows_same_bytes(table, tmp_path):
    for name in ("a.csv", "b.csv"):
        rows.write(tmp_path / name, table)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_no_rows_are_rows(tmp_path):
    rows.write(tmp_path / "rows.csv", rows.frame([]))
    assert len(rows.read(tmp_path / "rows.csv")) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="metric"), r"other columns.*\['metric'\]"),
        (lambda t: t.assign(colour="red"), r"other columns.*\['colour'\]"),
        (lambda t: t[list(t.columns[::-1])], "order"),
        (lambda t: t.assign(value="high"), "no number"),
        (lambda t: t.assign(value=np.nan), "3 rows have no value"),
        (lambda t: t.assign(schema_version=99), "schema .99., expected 1"),
        (lambda t: pd.concat([t, t.assign(value=0.1)]), "same coordinates.*mnist"),
    ],
)
def test_other_tables_are_refused(table, change, message):
    with pytest.raises(ValueError, match=message):
        rows.check(change(table))


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(ValueError, match="Missing file .*rows.csv"):
        rows.read(tmp_path / "rows.csv")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no rows file"):
        rows.read(tmp_path / "rows.csv")


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_damaged_files_are_named_with_a_way_out(table, tmp_path, damage):
    path = tmp_path / "rows.csv"
    rows.write(path, table)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[:-5]
    else:
        content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        DamagedFile, match="rows.csv is damaged.*Delete it and run the same command again"
    ):
        rows.read(path)
