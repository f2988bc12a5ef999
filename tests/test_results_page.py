"""The results page: all parts, in order, escaped, with links to what lies beside it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest

from tangent_bench import registry
from tangent_bench.report import render, results_page, smoke_tests
from tangent_bench.store import rows
from tests import page_folder

pytestmark = pytest.mark.slow

NAMES = registry.names("figures")
NOTHING = {"timed": False, "methods": False, "sheets": [], "shown": []}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return page_folder.fill(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def text(run):
    return results_page.page(run)


def test_every_part_is_there_the_claims_first(run, text):
    titles = re.findall("<h2>(.*?)</h2>", text)
    assert titles == [
        "Claims",
        "Tables",
        "Overview",
        "Single tasks",
        "Merging methods",
        "Where the time went",
        "Provenance",
        "Files",
    ]
    shown = re.findall('<(?:article|figure) id="(.*?)"', text)
    assert shown[:4] == ["claims_table", "table1_addition", "table2_negation", "single_task_table"]
    assert set(shown) == set(run.shown)
    assert "Behind the best (points)" in text
    assert "finetune (linear)" in text


def test_contents_link_to_every_section(text):
    links = re.findall('<li><a href="#(.*?)">(.*?)</a></li>', text)
    assert links == re.findall('<section id="(.*?)"><h2>(.*?)</h2>', text)


def test_numbers_are_those_of_the_rows_with_their_intervals(run, text):
    cells = registry.load("figures", "table1_addition").build(rows.read(run.folder / "rows.csv"))
    (article,) = re.findall('<article id="table1_addition">.*?</article>', text, re.DOTALL)
    intervals = 0
    for cell in cells.itertuples():
        value, interval = render.value_and_interval(cell)
        assert f">{value} {interval}".rstrip() + "</td>" in article
        intervals += bool(interval)
    assert intervals >= 8


def test_titles_that_mean_harm_are_words(text):
    assert text.count("<script>") == 1
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;window.harmed") > 10


def test_it_needs_no_other_file(text):
    assert {link.partition(":")[0] for link in re.findall('src="(.*?)"', text)} == {"data"}
    assert not re.search(r'href="(https?|/|\.\.)', text)
    assert "url(" not in text
    assert len(text) < 1_500_000


def test_links_are_of_files_beside_it(run, text):
    links = {link for link in re.findall('<a[^>]* href="(.*?)"', text) if not link.startswith("#")}
    assert {"rows.csv", "summary.csv", "leaderboard.html", "sheets/mnist.png"} <= links
    assert all((run.folder / link).is_file() for link in links)
    assert {f"tables/{name}.tex" for name in page_folder.TABLES} <= links
    assert {f"figures/{name}.pdf" for name in page_folder.FIGURES} <= links


def test_an_image_says_what_it_shows(text):
    words = dict(re.findall(r'<figure id="(\w+)".*?alt="(.*?)"', text, re.DOTALL))
    assert words["task_matrix"].startswith(
        "Each vector on every task. Test accuracy of each vector alone (α = 1)"
    )
    assert "<" not in "".join(words.values())


def test_a_huge_drawing_is_shown_as_pixels(run, monkeypatch):
    monkeypatch.setattr(results_page, "LARGEST", 1000)
    text = results_page.page(run)
    assert text.count("data:image/png;base64,eA==") == 2
    assert "svg+xml" not in text


def test_provenance_counts_what_differs():
    record = page_folder.RECORD
    facts = results_page.facts_of([record, record | {"commit": "b", "started": 1.8e9 + 60}, record])
    assert facts["When"] == ["2027-01-15 08:00 UTC to 2027-01-15 08:02 UTC, 3 jobs"]
    assert facts["Code (commit)"] == ["abc123 (2 jobs)", "b (1 jobs)"]
    assert facts["Python"] == ["3.11.7"]
    assert facts["Packages"] == ["numpy 2.4.6, torch 2.14.1"]


def test_provenance_names_the_weights_by_digest_and_not_by_path():
    (network,) = results_page.facts_of([page_folder.RECORD])["Networks"]
    assert "f" * 16 in network
    assert "tiny.safetensors " + "e" * 16 in network
    assert "/home" not in network


def test_a_run_without_times_and_methods_has_no_such_part(run):
    text = results_page.page(replace(run, **NOTHING))
    assert re.findall("<h2>(.*?)</h2>", text) == ["Provenance", "Files"]


def test_a_missing_or_damaged_part_is_one_sentence(run, tmp_path):
    with pytest.raises(ValueError, match=r"Missing file .*claims_table.html.*run the preset again"):
        results_page.page(replace(run, folder=tmp_path, shown=["claims_table"]))
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/claims_table.html").write_text("x")
    with pytest.raises(ValueError, match=r"claims_table.html: .*delete it"):
        results_page.page(replace(run, folder=tmp_path, shown=["claims_table"]))


def test_a_drawing_without_a_size_is_one_sentence(run, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/overview.svg").write_text("<svg>")
    with pytest.raises(ValueError, match=r"overview\.svg has no width and height .*; delete it"):
        results_page.page(replace(run, folder=tmp_path, shown=["overview"]))


@pytest.mark.parametrize("name", NAMES)
def test_captions_are_understood(name):
    """No mark-up of reStructuredText is left."""
    caption = results_page.caption_of(name)
    assert caption.startswith("<p>")
    assert not re.search(r"\{\{|``|\*\*|`_|^\.\. ", caption, re.MULTILINE)
    assert not re.search(r"(^| )\*\w|\w\*( |$)", re.sub("α\\*|θ\\*", "", caption))


def test_what_intervals_cover_is_said_once(text):
    assert text.count("with one to four seeds an interval covers the images only") == 1
    assert "With one to four seeds" not in text


def test_verdicts_on_primary_claims_are_counted(run, tmp_path, text):
    assert "primary claims of the paper" not in text
    lines = ["row,Verdict,Rank", "a,supported,primary", "b,undecided,primary"]
    lines += ["c,supported,primary", "d,contradicted,secondary"]
    folder = shutil.copytree(run.folder, tmp_path / "run")
    (folder / "tables/claims_table.csv").write_text("\n".join(lines))
    said = results_page.page(replace(run, folder=folder, **NOTHING))
    assert "The 3 primary claims of the paper: 2 supported, 1 undecided." in said


def test_the_page_of_a_smoke_test_says_so(run, text):
    of_micro = results_page.page(replace(run, about={**run.about, "preset": "micro"}))
    assert smoke_tests.banner("micro") in of_micro and "smoke test" not in text
