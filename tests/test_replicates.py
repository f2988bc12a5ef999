"""Replicates of rows: their names, their file, and how a table carries them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tangent_bench.judging import gathering
from tangent_bench.seeds import generator
from tangent_bench.store import artefacts, replicates, rows
from tangent_bench.store.replicates import RowReplicates
from tangent_bench.store.rows import Row

ROW = Row(
    experiment="task_addition",
    model="tiny",
    init="pretrained",
    training="standard",
    evaluation="network",
    sources="a+b",
    task="all",
    split="test",
    seed=3,
    metric="accuracy_tuned",
    value=0.5,
    low=0.4,
    high=0.6,
    num_samples=100,
    coefficient=0.15,
    method="task_arithmetic",
    params_id="50 % | a rest",
)
NAME = replicates.name(vars(ROW))


def kept(**changed) -> RowReplicates:
    """The replicates of `ROW`."""
    deviations = generator("test", "replicates").normal(0, 0.01, 30)
    return RowReplicates({NAME: replicates.half(deviations)} | changed, {NAME: 250})


def test_a_name_has_all_coordinates_of_a_row():
    assert list(replicates.COORDINATES) == rows.KEY[1:]
    found = replicates.coordinates(NAME)
    expected = {column: "" if found[column] == "" else found[column] for column in found}
    assert found == expected and found["params_id"] == "50 % | a rest"
    assert found["seed"] == "3" and found["coefficient"] == "0.15" and found["coefficient2"] == ""
    for column in replicates.COORDINATES:
        assert found[column] == replicates.text(column, vars(ROW)[column])


def test_a_row_has_the_same_name_before_and_after_its_file(tmp_path):
    whole = Row(**vars(ROW) | {"coefficient": 1, "seed": 4})  # an integer where fractions are meant
    rows.write(tmp_path / "rows.csv", rows.frame([ROW, whole]))
    read = rows.read(tmp_path / "rows.csv").to_dict("records")
    assert [replicates.name(line) for line in read] == [NAME, replicates.name(vars(whole))]


def test_a_file_holds_deviations_to_three_digits(tmp_path):
    exact = generator("test", "replicates").normal(0, 0.01, 30)
    replicates.save(tmp_path / "x", kept())
    found = replicates.load(tmp_path / "x")
    assert found.num_units == {NAME: 250} and NAME in found and "other" not in found
    around = found.around(NAME, 0.5)
    assert around.dtype == np.float64 and around[0] == 0.5
    np.testing.assert_allclose(around[1:] - 0.5, exact, rtol=5e-4, atol=1e-7)


def test_what_is_too_large_for_half_precision_stays_a_number():
    assert np.isfinite(replicates.half(np.array([1e9, -1e9]))).all()


def test_an_empty_file_can_be_read(tmp_path):
    replicates.save(tmp_path / "x", replicates.NONE)
    assert replicates.load(tmp_path / "x").deviations == {}


def test_a_missing_or_foreign_file_is_one_sentence(tmp_path):
    with pytest.raises(
        ValueError, match="There is no .*none, which claims .* run the preset again"
    ):
        replicates.attach(rows.frame([ROW]), tmp_path / "none")
    artefacts.save(tmp_path / "x", "outcome", {})
    with pytest.raises(ValueError, match="holds 'outcome', expected 'replicates'"):
        replicates.load(tmp_path / "x")


def test_rows_hand_their_replicates_on_to_what_is_selected_from_them(tmp_path):
    replicates.save(tmp_path / "x", kept())
    plain = rows.frame([ROW])
    table = replicates.attach(plain, tmp_path / "x")
    own = replicates.of(table)
    assert own is not None and replicates.of(plain) is None
    selections = {
        "loc": table.loc[table["seed"] == 3],
        "columns": table.loc[:, list(rows.COLUMNS)],
        "assign": table.assign(value=0.1),
        "check": rows.check(table),
        "concat": pd.concat([table, table]),
        "copy": table.copy(),
        "group": next(part for _, part in table.groupby("seed")),
        "sorted": table.sort_values("seed"),
    }
    assert {name: replicates.of(each) is own for name, each in selections.items()} == dict.fromkeys(
        selections, True
    )


def test_presets_that_agree_are_joined_and_others_refused():
    other = kept(other=np.zeros(3, np.float16))
    found = replicates.together({"one": kept(), "two": other})
    assert set(found.deviations) == {NAME, "other"}
    spoilt = RowReplicates({NAME: np.zeros(30, np.float16)}, {NAME: 250})
    with pytest.raises(ValueError, match=r"Preset 'two' has other replicates of the row task_add"):
        replicates.together({"one": kept(), "two": spoilt})


def test_gathered_is_what_claims_and_tables_read(tmp_path):
    changes = [{}, {"sources": "a", "task": "a", "experiment": "kernel_gap", "metric": "x"}]
    arrays = {"replicates/accuracy_tuned": np.zeros(5), "predictions/x": np.zeros(5)}
    units = {}
    for change in changes:
        name = replicates.name(vars(ROW) | change)
        arrays[f"{replicates.SIDECAR}{name}"] = np.full(5, 0.125, np.float32)
        units[name] = 7
    artefacts.save(tmp_path / "seed-3", "outcome", arrays, num_units=units)
    found = gathering.gather([tmp_path / "seed-3"])
    assert set(found.deviations) == set(found.num_units) == {NAME}
    assert found.deviations[NAME].tolist() == [0.125] * 5


def test_an_outcome_of_an_older_release_has_none(tmp_path):
    artefacts.save(tmp_path / "seed-0", "outcome", {"replicates/x": np.zeros(3)}, points="{}")
    assert gathering.gather([tmp_path / "seed-0"]).deviations == {}
