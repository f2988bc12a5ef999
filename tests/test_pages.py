"""What all pages share: escaping, columns, and parts that another page takes in."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from tangent_bench.figures import claims_table
from tangent_bench.judging import methods, verdicts
from tangent_bench.judging.verdicts import Estimate
from tangent_bench.report import pages
from tangent_bench.report.pages import Cell
from tests.page_folder import HOSTILE


def test_whatever_is_shown_is_escaped():
    table = pages.table([HOSTILE, "b"], [[Cell(HOSTILE), Cell(HOSTILE, 1.0)]], HOSTILE)
    text = pages.document(HOSTILE, f"<h1>x</h1>{table}")
    assert (
        not re.search(r"<script>(?!\nfor )|<img", text)
        and text.count("&lt;script&gt;window.harmed") == 5
    )


def test_the_policy_allows_the_script_of_the_page_and_no_other():
    text = pages.document("x", "y")
    script = re.search("<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy and policy.endswith(f"script-src 'sha256-{digest}'")


def test_headings_stand_over_their_columns():
    """Words left, numbers right, dashes and blanks wherever their column stands."""
    rows = [
        [Cell("a"), Cell("yes"), Cell("1,024"), Cell("3.0 [2, 4]", 3.0)],
        [Cell("b"), Cell(""), Cell("–"), Cell("–")],
    ]
    text = pages.table(["", "Word", "Number", "Interval"], rows, "x")
    assert re.findall(r"<th scope=\"col\"( class=\"words\")?><button[^>]*>(\w+)", text) == [
        (' class="words"', "Word"),
        ("", "Number"),
        ("", "Interval"),
    ]
    cells = re.findall(r"<(?:td|th scope=\"row\")([^>]*)>([^<]*)</", text.partition("<tbody>")[2])
    assert cells == [
        (' class="words"', "a"), (' class="words"', "yes"), (' data-value="1024"', "1,024"),
        (' data-value="3"', "3.0 [2, 4]"), (' class="words"', "b"), (' class="words"', ""), ("", "–"), ("", "–"),
    ]  # fmt: skip


def test_words_with_a_look_are_those_that_are_written():
    assert {claims_table.NOT_RUN, claims_table.NOT_HERE} == set(pages._ASIDE)
    sure = [verdicts.verdict(Estimate(0.05, 0.001, 0.001), 0.05, sign, 0.01) for sign in (1, -1)]
    assert {*sure, "better", "worse"} == set(pages._LOOKS) and {"better", "worse"} <= set(
        methods.VERDICTS
    )


def test_what_was_not_tested_is_folded_away():
    rows = [[Cell("a"), Cell("supported")], [Cell("b"), Cell("not tested in this run")]]
    above, _, below = pages.table(["", "Verdict"], rows, "x").partition("<details>")
    assert (
        ">a<" in above
        and ">b<" not in above
        and ">b<" in below
        and "1 that were not tested" in below
    )


def test_a_part_comes_without_its_title_and_one_level_lower():
    page = pages.document(
        "t", "<h1>Title</h1>\n<h2>One</h2><p>&lt;h2&gt;</p><h3>Two</h3>", "<nav>before</nav>"
    )
    assert pages.included(page) == "<h3>One</h3><p>&lt;h2&gt;</p><h4>Two</h4>"
    with pytest.raises(ValueError, match="delete it and run again"):
        pages.included("<p>x</p>")
