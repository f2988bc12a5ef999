"""The table "paper against ours" on made-up rows of a run of the paper's size."""

import io
import re
from functools import cache

import pandas as pd
import pytest
import yaml

from tangent_bench.figures import paper_comparison
from tangent_bench.figures.paper_comparison import (
    DIFFERENCE,
    FIGURE,
    OTHERS,
    OURS,
    PAPER,
    PLACE,
    RANGE,
    build,
)
from tangent_bench.judging import paper
from tangent_bench.report import render
from tangent_bench.store.rows import COLUMNS
from tests import synthetic
from tests.prints import DEFAULT

SCOPE = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))["reference"]["out_of_scope"]


@cache
def rows():
    made = synthetic.make(models=("vit_b_32", "vit_l_14"), tasks=paper.TASKS)
    made = made[made["experiment"].isin(["single_task", "task_addition", "task_negation"])]
    return made.replace({"task": {synthetic.CONTROL: paper.CONTROL}}).reset_index(drop=True)


@cache
def table():
    return build(rows(), SCOPE)


def row(ending):
    """Cells of ViT-B/32's row with this end of its name."""
    first = next(name for name in table()["row"] if name.endswith(ending))
    return {cell.column: cell for cell in table()[table()["row"] == first].itertuples(index=False)}


def words(cell):
    return render._text(cell)


def value(**where):
    """Of the row of ours with these coordinates."""
    where = {"model": "vit_b_32", "split": "test", **where}
    found = rows()[(rows()[list(where)] == list(where.values())).all(axis=1)]
    return found["value"].item()


def test_a_run_of_the_papers_size_has_a_counterpart_for_every_line():
    lines = paper.read()
    lines = lines[lines["model"].isin(["vit_b_32", "vit_l_14"]) & (lines["protocol"] == "A")]
    excused = lines["experiment"].eq("task_negation") & (
        lines["metric"].eq("accuracy") | lines["split"].eq("val")
    )
    coordinates = lines[~excused].drop_duplicates(list(paper.COORDINATES))
    assert table()["row"].nunique() == len(coordinates) == 220


def test_averages_of_the_paper_come_first_and_models_stand_apart():
    names = list(table()["row"].drop_duplicates())
    assert names[1].endswith("Non-lin. FT: addition at α*, average")
    first = [name.split(",")[0] for name in names]
    assert first == sorted(first, key=first.index) and len(set(first)) == 2


def test_a_remembered_number_is_grey_and_the_range_decides():
    found = row("Non-lin. FT: addition at α*, average")
    ours = value(
        experiment="task_addition",
        metric="accuracy_tuned",
        task="all",
        training="standard",
        evaluation="network",
        sources="+".join(paper.TASKS),
    )
    assert found[OURS].value == ours
    assert words(found[PAPER]) == "(71.4 [G])" and found[DIFFERENCE].grey
    assert found[DIFFERENCE].value == pytest.approx(ours - 0.714)
    assert found[RANGE].text == "70.1–73.5 (n = 5)"
    assert (
        "TAK 73.5 [R]" in found[OTHERS].text
        and "(STM 69.1 [R], other checkpoints)" in found[OTHERS].text
    )
    assert found[PLACE].text == paper.OUTSIDE and not found[PLACE].grey  # 62 % against 70


def test_a_corroborated_number_is_not_grey():
    found = row("Linear FT: negation at α*, target, average")
    assert words(found[PAPER]) == "10.9 [C]" and not found[DIFFERENCE].grey
    assert "DVB 10.9 [C]" in found[OTHERS].text and found[RANGE].text == "9.3–11.8 (n = 4)"


def test_post_hoc_rows_are_not_decided():
    part = table()[table()["row"].str.contains("Post-hoc lin.")]
    places = part[part["column"] == PLACE]
    assert (
        len(places) == 2 * 5 and set(places["text"]) == {paper.UNDECIDED} and places["grey"].all()
    )
    assert set(part.loc[part["column"] == RANGE, "text"]) == {"–"}


def test_missing_modes_are_one_sentence_and_can_be_excused():
    left = rows()[rows()["training"] != "linear"]
    with pytest.raises(ValueError, match=r"training: linear.*out_of_scope"):
        build(left, SCOPE)
    names = table()["row"].drop_duplicates()
    made = build(left, [*SCOPE, {"training": "linear"}])
    assert list(made["row"].drop_duplicates()) == list(names[~names.str.contains("Linear FT")])


def test_every_format():
    made, names = table(), table()["row"].drop_duplicates()
    assert render.markdown(made, "note").count("\n| ") == len(names) + 1
    assert "| (71.4 [G]) |" in render.markdown(made)
    page = render.html(made, "title")
    assert '<td class="words grey">(71.4 [G])</td>' in page and ".grey {" in page
    tex = render.latex(made, "A title", "paper_comparison")
    assert r"\begin{longtable}" in tex and tex.count(r"\toprule") == tex.count(r"\bottomrule") == 1
    assert r"\textcolor{gray}{(71.4 [G])}" in tex and "xcolor" in tex.splitlines()[0]
    columns = {line.count("&") for line in tex.splitlines() if line.endswith(r"\\")}
    assert columns == {len(paper_comparison.COLUMNS)}
    read = pd.read_csv(io.StringIO(render.csv(made)))
    assert len(read) == len(names) and {OURS, f"{OURS} low", PAPER, DIFFERENCE, PLACE} <= set(read)


def test_tables_without_grey_are_as_they_were():
    plain = table().assign(grey=False)
    assert 'grey"' in render.html(table(), "title") and 'grey"' not in render.html(plain, "title")
    assert "xcolor" not in render.latex(plain, "t", "l")


def test_made_for_the_papers_models_alone():
    assert FIGURE.possible(["single_task"], [], 1, ["tiny", "vit_b_32"])
    assert not FIGURE.possible(["single_task"], [], 1, ["tiny"]) and not FIGURE.possible(
        ["single_task"], []
    )


def test_a_run_that_shares_nothing_says_so():
    other = rows()[rows()["model"] == "vit_b_32"].assign(init="random")
    made = build(other[list(COLUMNS)])
    assert made["row"].tolist() == [paper_comparison.NOTHING]
    assert re.search(r"no number.*–", render.markdown(made))
