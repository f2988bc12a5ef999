"""Pages read well where they lie, on a Git host or in an editor: no mark is raw, every link leads
to a tracked file. In the site the same links lead to pages.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from functools import cache
from pathlib import Path

import _links
import pytest
import yaml

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^ *```.*?^ *```|^ {4,}[^\n]*$", re.M | re.S)
_LINK = re.compile(r"\]\(([^)\s]+)\)|<(?:img|a)\s[^>]*(?:src|href)=\"([^\"]+)\"")
# What only MkDocs, or a template, understands.
_RAW = re.compile(r"\{\{|\{%|^!!!|^\?\?\?|^:::|^===|\{:|--8<--|\[TOC\]", re.M)


def _tracked() -> frozenset[str]:
    """Every tracked file; without Git, every file of the folders that hold pages."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached"], capture_output=True, check=False
    )
    if done.returncode:
        return frozenset(file.relative_to(ROOT).as_posix() for file in ROOT.glob("[!.]*/**/*"))
    names = done.stdout.decode().split("\0")
    return frozenset(name for name in names if (ROOT / name).is_file())


TRACKED = _tracked()
PAGES = sorted(name for name in TRACKED if name.endswith(".md"))


def _text(page: str) -> str:
    """A page without its blocks of code."""
    return _BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))


def _prose(page: str) -> str:
    """A page without any code."""
    return re.sub(r"`[^`]+`", "", _text(page))


def links(page: str) -> list[str]:
    """Targets of the page's relative links and pictures."""
    found = [first or second for first, second in _LINK.findall(_prose(page))]
    return [target for target in found if not re.match(r"\w+:", target)]


@cache
def _headings(page: str) -> set[str]:
    """Anchors that a Git host gives the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", _text(page), re.M)
    kept = [re.sub(r"[^\w -]", "", title).strip().lower() for title in titles]
    return {title.replace(" ", "-") for title in kept}


def is_there(page: str, target: str) -> bool:
    """Whether a link leads to a tracked file or folder, and to a heading of it if it names one."""
    path, _, anchor = target.partition("#")
    file = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    if file not in TRACKED:
        return not anchor and any(name.startswith(f"{file}/") for name in TRACKED)
    return not anchor or not file.endswith(".md") or anchor in _headings(file)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_tracked_files(page):
    assert [target for target in links(page) if not is_there(page, target)] == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_raw(page):
    assert _RAW.findall(_prose(page)) == []


def test_many_links_were_looked_at():
    assert len(PAGES) > 30
    assert sum(len(links(page)) for page in PAGES) > 100


def test_a_broken_link_would_be_noticed():
    for target in ("reference/rows.md", "tutorial.md#nowhere", "../results/published/x.svg"):
        assert not is_there("docs/index.md", target), target
    for target in ("tutorial.md", "../config", "../CHANGELOG.md#unreleased", "how-to"):
        assert is_there("docs/index.md", target), target


def test_marks_within_a_line_are_no_blocks():
    """A comment at the beginning of a line ends a paragraph, and a bar would cut a table."""
    for page in PAGES:
        for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
            if line.lstrip().startswith("<!--"):
                assert line.endswith("-->") and line.count("<!--") == 1, (page, line)
            assert not re.search(r"<!--[^>]*\|[^>]*-->", line), (page, line)


def _places() -> dict[str, str]:
    # The tags that name Python objects are of no interest here.
    text = re.sub(r"!!python\S+", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return _links.places(yaml.safe_load(text)["nav"])


def test_links_to_code_lead_to_pages_in_the_site():
    text = (
        "[a](../tutorial.md#x) [b](../../tangent_bench/store/rows.py) "
        "[c](../../tangent_bench/judging/pooling.py) [d](../../tangent_bench/tasks) "
        "[e](../../config/default.yaml#seeds) "
        "![f](../../results/published/tiny/figures/overview.svg) "
        "[g](../../CHANGELOG.md) [h](https://a.b/c.md) [i](#j) [k](../../LICENSE) [l](nowhere.md)"
    )
    expected = (
        "[a](../tutorial.md#x) [b](../reference/rows.md) "
        "[c](../reference/api/judging.pooling.md) [d](../reference/tasks.md) "
        "[e](../reference/config.md#seeds) ![f](../published/tiny/figures/overview.svg) "
        "[g](../changelog.md) [h](https://a.b/c.md) [i](#j) k [l](nowhere.md)"
    )
    assert _links.in_site(text, "how-to/x.md", _places()) == expected


def test_links_of_root_pages_stay_in_the_site():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    page = _links.in_site(text, "contributing.md", _places())
    assert "(how-to/extend.md#add-a-task)" in page and "](docs/" not in page


def test_pages_of_the_site_are_made_from_files_that_are_there():
    assert [file for file in _places() if not (ROOT / file).exists()] == []
