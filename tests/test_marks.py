"""Pages show what was published, to the character."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tangent_bench.report import listings, marks
from tangent_bench.report.published import SWEEP

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "results/published"
PAGE = ROOT / "docs/results/x.md"
OF_README = "three_models/table1_addition; Absolute", "three_models/table2_negation"
MAX_README_BYTES = 6 * 1024
MAX_README_LINES = 110
TABLE = (
    "|  | Mean | n |\n| --- | ---: | ---: |\n"
    "| One, a | −1.0 [−2, 0] |  |\n| Two | 3 | 4 |\n\nPreset x\n"
)


@pytest.mark.parametrize("page", marks.pages(ROOT), ids=lambda page: page.stem)
def test_pages_hold_the_published_numbers(page):
    text = page.read_text(encoding="utf-8")
    assert marks.filled(text, PUBLISHED, page) == text


def test_many_numbers_are_held():
    cells = 0
    for page in marks.pages(ROOT):
        found = list(marks.MARK.finditer(page.read_text(encoding="utf-8")))
        cells += sum(mark["row"] is not None for mark in found)
    assert cells > 40


@pytest.fixture
def published(tmp_path):
    (tmp_path / "x/tables").mkdir(parents=True)
    (tmp_path / "x/tables/t.md").write_text(TABLE, encoding="utf-8")
    return tmp_path


def test_marks_hold_tables_and_cells(published):
    cells = "a <!-- x/t; Two; n -->old<!-- end --> b <!-- x/t; One, a; Mean --><!-- end -->."
    filled = marks.filled(cells, published, PAGE)
    assert filled == (
        "a <!-- x/t; Two; n -->4<!-- end --> b <!-- x/t; One, a; Mean -->−1.0 [−2, 0]<!-- end -->."
    )
    table = marks.filled("<!-- x/t -->\n\n| old |\n\n<!-- end -->\n", published, PAGE)
    assert table == f"<!-- x/t -->\n\n{TABLE.strip()}\n\n<!-- end -->\n"
    for text in (filled, table):
        assert marks.filled(text, published, PAGE) == text


def test_a_table_may_show_some_columns_of_each_model(published):
    (published / "x/tables/t.md").write_text(
        "|  | A: Mean | A: n | B: Mean | B: n |\n| --- | ---: | ---: | ---: | ---: |\n"
        "| One | 1 | 2 | 3 | 4 |\n| Two | – | 5 | – | 6 |\n\nPreset x\n",
        encoding="utf-8",
    )
    filled = marks.filled("<!-- x/t; Mean -->\n<!-- end -->\n", published, PAGE)
    assert filled == (
        "<!-- x/t; Mean -->\n\n|  | A: Mean | B: Mean |\n| --- | ---: | ---: |\n| One | 1 | 3 |\n\n"
        "Preset x\n\n<!-- end -->\n"
    )
    assert marks.filled(filled, published, PAGE) == filled
    both = marks.filled("<!-- x/t; n, Mean --><!-- end -->", published, PAGE)
    assert "| Two | – | 5 | – | 6 |" in both
    with pytest.raises(ValueError, match="the columns Maen of x/t: it has A: Mean, A: n, B"):
        marks.filled("<!-- x/t; n, Maen --><!-- end -->", published, PAGE)


def test_images_of_a_task_are_counted_in_rows(published):
    head = "experiment,training,task,split,num_samples"
    lines = (
        "single_task,none,mnist,test,1500",
        "single_task,linear,mnist,test,7",
        "task_addition,none,all,test,9",
    )
    (published / "x/rows.csv.gz").write_bytes(
        gzip.compress("\n".join(["# digest", head, *lines]).encode())
    )
    filled = marks.filled("<!-- x/images; mnist; test --><!-- end -->", published, PAGE)
    assert filled == "<!-- x/images; mnist; test -->1,500<!-- end -->"
    with pytest.raises(ValueError, match="rows mnist and the columns , test"):
        marks.filled("<!-- x/images; all; test --><!-- end -->", published, PAGE)


def test_a_measured_ratio_is_a_cell(tmp_path):
    """Of the file of `make bench`, which is no preset's."""
    mark = "<!-- benchmarks/ratios; test_step[tiny]; bound --><!-- end -->"
    with pytest.raises(ValueError, match="benchmarks.csv; run `make bench`"):
        marks.filled(mark, tmp_path, PAGE)
    lines = "benchmark,ratio,bound", "test_step[tiny],1.61,1.67", "test_step[large],1.60,1.68"
    (tmp_path / "benchmarks.csv").write_text("\n".join(lines), encoding="utf-8")
    assert marks.filled(mark, tmp_path, PAGE) == mark.replace("><", ">1.67<")


@pytest.mark.parametrize("mark", ["x/t; Three; n", "x/t; Two; mean", "x/t; Two"])
def test_a_mark_of_nothing_is_one_sentence(published, mark):
    with pytest.raises(ValueError, match="A page asks for"):
        marks.filled(f"<!-- {mark} --><!-- end -->", published, PAGE)


def test_a_table_that_was_not_published_is_one_sentence(published):
    with pytest.raises(ValueError, match="make publish"):
        marks.filled("<!-- x/u -->\n<!-- end -->", published, PAGE)


@pytest.mark.parametrize(
    "text",
    [
        "<!-- x/t -->\n| old |\n",
        "<!-- x/t; Two; n; m -->3<!-- end -->",
        "<!-- x/t; Two; n -->3 <!-- x/t; Two; Mean -->4<!-- end -->",
    ],
    ids=["no end", "too many names", "no end before the next"],
)
def test_a_mark_that_is_not_understood_is_no_text(published, text):
    with pytest.raises(ValueError, match="is not understood"):
        marks.filled(text, published, PAGE)


def test_a_changed_table_changes_every_page_that_holds_it(tmp_path):
    (tmp_path / "docs/deep").mkdir(parents=True)
    for page in ("README.md", "docs/deep/a.md"):
        (tmp_path / page).write_text("# A\n\n<!-- x/t; Two; n -->3<!-- end -->\n", "utf-8")
    (tmp_path / "docs/b.md").write_text("# B\n", "utf-8")
    table = tmp_path / "results/published/x/tables/t.md"
    table.parent.mkdir(parents=True)
    table.write_text(TABLE, "utf-8")
    marks.fill(tmp_path)
    for page in ("README.md", "docs/deep/a.md"):
        assert "-->4<!--" in (tmp_path / page).read_text("utf-8")
    assert (tmp_path / "docs/b.md").read_text("utf-8") == "# B\n"


def test_the_readme_shows_the_tables_of_the_paper():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for table in OF_README:
        assert f"<!-- {table} -->" in text


def test_the_readme_stays_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.encode()) <= MAX_README_BYTES
    assert len(text.splitlines()) <= MAX_README_LINES


# The pages of published presets.


def test_everything_that_was_published_is_on_a_page():
    files = [*PUBLISHED.glob("*/tables/*.md"), *PUBLISHED.rglob("*.svg")]
    assert len(files) > 30
    for file in files:
        preset = file.relative_to(PUBLISHED).parts[0]
        name = SWEEP if preset.startswith(SWEEP) else preset  # all sweeps are on one page
        page = ROOT / listings.PAGES / f"{name}.md"
        link = f"](../../{file.relative_to(ROOT).as_posix()})"
        assert link in page.read_text(encoding="utf-8"), file


def test_a_page_lists_the_tables_and_figures_of_its_preset(published):
    narrow = published / "x/tables/t.md"
    head = "|" + " a |" * (listings.MAX_COLUMNS + 1)
    narrow.with_name("wide.md").write_text(f"{head}\n", "utf-8")
    narrow.with_name("table1_addition.md").write_text(TABLE, "utf-8")
    (published / "x/figures").mkdir()
    (published / "x/figures/overview.svg").write_text("", "utf-8")
    page = published / "docs/x.md"
    text = "<!-- x/tables -->\n<!-- end -->\n\n<!-- x/figures -->\n<!-- end -->\n"
    filled = marks.filled(text, published, page)
    assert marks.filled(filled, published, page) == filled
    assert filled.index("### Table 1. Task addition") < filled.index("### t\n\n| ")
    assert "[Markdown](../x/tables/wide.md)" in filled and head not in filled, "too wide"
    assert "![Overview: single tasks, addition, negation](../x/figures/overview.svg)" in filled


def test_a_preset_without_a_page_gets_one(tmp_path):
    (tmp_path / "README.md").write_text("# A\n", "utf-8")
    folder = tmp_path / "results/published/new"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables/t.md").write_text(TABLE, "utf-8")
    (folder / "rows.csv.gz").write_bytes(b"")
    marks.fill(tmp_path)
    page = tmp_path / "docs/results/new.md"
    assert "| Two | 3 | 4 |" in page.read_text("utf-8")
    page.write_text("# Mine\n", "utf-8")
    marks.fill(tmp_path)
    assert page.read_text("utf-8") == "# Mine\n"
