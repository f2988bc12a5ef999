"""Tables for a page: columns, digits, the best in bold, in every format."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest

from tangent_bench.figures import _best
from tangent_bench.figures._cells import Cell, cells


def test_every_format_has_the_same_numbers(run):
    table = run.table("table1_addition")
    cell = table.cells.set_index(["row", "column"])["value"]["Linear FT", "Absolute"]
    printed = f"{100 * cell:.1f}"
    assert all(printed in table.text(format) for format in ("text", "latex", "markdown", "html"))
    csv = pd.read_csv(io.StringIO(table.text("csv"))).set_index("row")
    assert csv.loc["Linear FT", "Absolute (%)"] == pytest.approx(100 * cell, abs=0.01)
    assert str(table) == table.text("text") and "<table" in table._repr_html_()
    assert table.text("latex").startswith(r"% needs \usepackage{booktabs}")


def test_columns_stand_in_the_order_that_they_are_named_in(run):
    table = run.table("table1_addition", columns=["α*,Absolute"])
    assert list(dict.fromkeys(table.cells["column"])) == ["α*", "Absolute"]
    with_comma = run.table("disentanglement_table", columns=["Mean, 0 ≤ α ≤ 1"])
    assert set(with_comma.cells["column"]) == {"Mean, 0 ≤ α ≤ 1"}


def test_digits_are_those_of_every_number(run):
    text = run.table("table1_addition", digits=3).text("markdown")
    numbers = re.findall(r"\d+\.\d+", text.partition("\n\n")[0])
    assert len(numbers) > 10 and {len(number.partition(".")[2]) for number in numbers} == {3}


def test_the_best_is_bold(run):
    table = run.table("table1_addition", bold_best=True)
    best = table.cells.loc[table.cells["is_best"]]
    assert set(best["column"]) <= {"Absolute", "Normalized", "Recovered gain"} and len(best)
    modes = table.cells.loc[table.cells["row"].isin(["Non-lin. FT", "Post-hoc lin.", "Linear FT"])]
    absolute = modes.loc[modes["column"] == "Absolute"]
    highest = absolute.loc[absolute["value"].idxmax(), "row"]
    assert highest in set(best.loc[best["column"] == "Absolute", "row"])
    assert r"\textbf{" in table.text("latex") and "**" in table.text("markdown")
    assert 'best"' in table.text("html")
    assert r"\textbf{" not in run.table("table1_addition").text("latex")


def one(row, value, **more):
    return Cell(row, "", "A", value, **more)


BEST = [
    ([one("x", 0.5), one("y", 0.7)], "highest", {"y"}),
    ([one("x", 0.5), one("y", 0.7)], "lowest", {"x"}),
    ([one("x", 0.7001), one("y", 0.7)], "highest", {"x", "y"}),
    ([one("x", 0.5), one("y", 0.7, grey=True), one("z", 0.6)], "highest", {"z"}),
    ([one("x", 0.5), one("Pre-trained", 0.7), one("z", 0.6)], "highest", {"z"}),
    ([one("x", 0.5), one("x − y", -0.7, unit="points"), one("z", 0.6)], "lowest", {"x"}),
    ([one("x", 0.5), one("y", float("nan"))], "highest", set()),
]


@pytest.mark.parametrize(("given", "goal", "wanted"), BEST)
def test_who_competes(given, goal, wanted):
    found = _best.marked(cells(given), "t", [("A", goal)])
    assert set(found.loc[found["is_best"], "row"]) == wanted


def test_columns_compete_within_a_row(run):
    table = run.table("single_task_table", bold_best=True).cells
    for _, row in table.groupby("row"):
        best = row.loc[row["is_best"], "value"].round(3)
        assert set(best) == {row["value"].round(3).max()}


def test_words_and_numbers_of_another_language(run):
    text = run.table("table1_addition", language="de").text("markdown")
    head, line = text.splitlines()[0], next(t for t in text.splitlines() if "Lineares FT" in t)
    assert "Absolut" in head and re.search(r"\d,\d \[\d+,\d; \d+,\d\]", line)
    assert "." not in line


WRONG = [
    ("table1_adition", {}, "There is no table 'table1_adition'.*'table1_addition'"),
    ("overview", {}, "'overview' is a figure"),
    ("table1_addition", {"columns": ["Absolut"]}, "no column 'Absolut'.*'Absolute'"),
    ("table1_addition", {"digits": 9}, "9 digits cannot be printed"),
    ("claims_table", {"bold_best": True}, "no value is better.*table1_addition"),
]


@pytest.mark.parametrize(("name", "options", "sentence"), WRONG)
def test_a_wrong_wish_is_one_sentence(run, name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        run.table(name, **options)


def test_an_unknown_format_is_one_sentence(run):
    with pytest.raises(ValueError, match="no format 'latx'.*Did you mean 'latex'"):
        run.table("table1_addition").text("latx")
