"""What all pages share: escaping, columns, and parts that another page includes."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import jinja2
import pytest
from jinja2 import meta
from markupsafe import Markup

from tangent_bench.figures import claims_table
from tangent_bench.jobs import digests
from tangent_bench.judging import methods, verdicts
from tangent_bench.judging.verdicts import Estimate
from tangent_bench.report import captions, pages
from tangent_bench.report.pages import HtmlCell
from tests.page_folder import HOSTILE
from tests.workflow.checkout import ROOT

TABLE_PAGE = "templates/table_page.html.jinja"
TEMPLATES = Path(pages.__file__).with_name("templates")


def table_page(table: str = "", note: str = "") -> str:
    return pages.document(TABLE_PAGE, "A title", table=table, note=note)


def test_every_value_is_escaped():
    table = pages.table([HOSTILE, "b"], [[HtmlCell(HOSTILE), HtmlCell(HOSTILE, 1.0)]], HOSTILE)
    text = pages.document(TABLE_PAGE, HOSTILE, table=table, note=HOSTILE)
    assert text.count("<script>") == 1
    assert "<img" not in text
    assert text.count("&lt;script&gt;window.harmed") == 7


def test_a_variable_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'note' is undefined"):
        pages.document(TABLE_PAGE, "A title", table="")


def test_the_policy_allows_the_script_of_the_page_and_no_other():
    text = table_page()
    script = re.search("<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy
    assert policy.endswith(f"script-src 'sha256-{digest}'")


def test_headings_stand_over_their_columns():
    """Words to the left, numbers to the right; dashes and blanks follow their column."""
    rows = [
        [HtmlCell("a"), HtmlCell("yes"), HtmlCell("1,024"), HtmlCell("3.0 [2, 4]", 3.0)],
        [HtmlCell("b"), HtmlCell(""), HtmlCell("–"), HtmlCell("–")],
    ]
    text = str(pages.table(["", "Word", "Number", "Interval"], rows, "x"))
    assert re.findall(r"<th scope=\"col\"( class=\"words\")?><button[^>]*>(\w+)", text) == [
        (' class="words"', "Word"),
        ("", "Number"),
        ("", "Interval"),
    ]
    cells = re.findall(r"<(?:td|th scope=\"row\")([^>]*)>([^<]*)</", text.partition("<tbody>")[2])
    assert cells == [
        (' class="words"', "a"),
        (' class="words"', "yes"),
        (' data-value="1024"', "1,024"),
        (' data-value="3"', "3.0 [2, 4]"),
        (' class="words"', "b"),
        (' class="words"', ""),
        ("", "–"),
        ("", "–"),
    ]


def test_words_with_a_look_are_those_that_are_written():
    assert {claims_table.NOT_RUN, claims_table.NOT_HERE} == set(pages._UNTESTED)
    assert claims_table.RANKS[0] == pages._ALWAYS_SHOWN
    sure = [verdicts.verdict(Estimate(0.05, 0.001, 0.001), 0.05, sign, 0.01) for sign in (1, -1)]
    assert {*sure, "better", "worse"} == set(pages._LOOKS)
    assert {"better", "worse"} <= set(methods.VERDICTS)


def test_untested_rows_are_folded_away():
    rows = [
        [HtmlCell("a"), HtmlCell("supported")],
        [HtmlCell("b"), HtmlCell("not tested in this run")],
    ]
    above, _, below = str(pages.table(["", "Verdict"], rows, "x")).partition("<details>")
    assert ">a<" in above
    assert ">b<" not in above
    assert ">b<" in below
    assert "1 that were not tested" in below


def test_a_primary_claim_is_shown_tested_or_not():
    rows = [
        [HtmlCell("a"), HtmlCell("primary"), HtmlCell("not tested in this run")],
        [HtmlCell("b"), HtmlCell("secondary"), HtmlCell("not tested in this run")],
    ]
    above, _, below = str(pages.table(["", "Rank", "Verdict"], rows, "x")).partition("<details>")
    assert ">a<" in above and ">b<" in below


def test_a_part_comes_without_its_title_and_one_level_lower():
    page = table_page(table=Markup("<h2>One</h2><p>&lt;h2&gt;</p><h3>Two</h3>"), note="<h1>")
    part = pages.included(page)
    assert part.startswith("<h3>One</h3><p>&lt;h2&gt;</p><h4>Two</h4>")
    assert "A title" not in part
    assert part.endswith("&lt;h1&gt;</p>")


def test_a_text_that_is_no_page_cannot_be_included():
    with pytest.raises(ValueError, match="delete it and run again"):
        pages.included("<p>x</p>")


# The digest of a rule follows the files that a module names in its strings


@pytest.mark.parametrize("script", ["make_results_page", "make_leaderboard", "make_table"])
def test_a_digest_covers_every_template_that_a_page_reaches(script):
    reached = set(digests.closure(ROOT / f"workflow/scripts/{script}.py"))
    templates = [file for file in reached if file.parent == TEMPLATES]
    assert templates
    for file in templates:
        tree = pages._ENVIRONMENT.parse(file.read_text(encoding="utf-8"))
        for name in meta.find_referenced_templates(tree):
            assert TEMPLATES.parent / name in reached, f"{file.name} uses {name}"


def test_every_template_is_used():
    scripts = [
        ROOT / f"workflow/scripts/make_{name}.py" for name in ("results_page", "leaderboard")
    ]
    reached = {file for script in scripts for file in digests.closure(script)}
    assert set(TEMPLATES.iterdir()) <= reached | set(
        digests.closure(ROOT / "workflow/scripts/make_table.py")
    )


def test_a_template_trusts_no_value():
    """Only `Markup` made by the package itself passes the escaping."""
    for file in TEMPLATES.iterdir():
        assert not re.search(r"\|\s*safe|autoescape", file.read_text(encoding="utf-8")), file


# Captions


@pytest.mark.parametrize(
    "text",
    [
        ".. raw:: html\n\n   <script>alert(1)</script>\n",
        ".. include:: /etc/passwd\n",
        ".. csv-table::\n   :file: /etc/passwd\n",
        "A *beginning without an end",
        "A role of :nobody:`'s`",
    ],
)
def test_a_caption_with_a_mistake_or_a_file_is_refused(text, capfd):
    with pytest.raises(ValueError, match="is not reStructuredText"):
        captions.html(text)
    assert capfd.readouterr() == ("", "")


def test_markup_in_a_caption_is_text():
    assert captions.html(HOSTILE).count("<") == 2, "one paragraph"
    assert "<script" not in captions.html(f"``{HOSTILE}``")


def test_a_description_is_the_first_sentence():
    caption = captions.html("One *two*\nthree: four.\n\nFive.")
    assert captions.first_sentence(caption) == "One two three:"
