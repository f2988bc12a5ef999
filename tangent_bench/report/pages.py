"""Shared parts of the suite's HTML pages: one look, sortable tables, no request to a network.

The templates in `templates/` escape every value that is not `Markup` already. The policy in the
head of a page is a second wall: the browser runs no script but the page's own, and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jinja2
from markupsafe import Markup

DASH = "–"  # printed where there is no number
LONG = 40  # characters: the text of a longer cell wraps
# A rule's digest follows the files that a module names, so those that templates include stand here.
INCLUDED = (
    "templates/base.html.jinja",
    "templates/base.css",
    "templates/scrolling.html.jinja",
)
_SCRIPT = "templates/sort.js"
_UNTESTED = ("not tested in this run", "not tested at this scale")
_ALWAYS_SHOWN = "primary"
_LOOKS = {"supported": "good", "better": "good", "contradicted": "bad", "worse": "bad"}
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


class HtmlCell(NamedTuple):
    """One cell of an HTML table.

    Attributes:
        text: the cell's text.
        value: the number that the cell is sorted by; None for the number in its text, or the text.
        css: classes in addition to those that follow from the text.
        drawing: markup that is shown in place of the text.
    """

    text: str
    value: float | None = None
    css: str = ""
    drawing: Markup | None = None

    @property
    def number(self) -> float | None:
        """The number that the cell is sorted by, if there is one.

        >>> HtmlCell("10,804").number, HtmlCell("−3.6").number, HtmlCell("0.2–0.3").number
        (10804.0, -3.6, None)
        """
        if self.value is not None:
            return self.value
        try:
            return float(self.text.replace(",", "").replace("−", "-"))
        except ValueError:
            return None

    @property
    def is_word(self) -> bool:
        """Whether the cell holds text that is not a number, a dash or empty."""
        return self.number is None and self.text not in ("", DASH)


class _Column(NamedTuple):
    heading: str
    css: str | None


class _TableCell(NamedTuple):
    """A cell as the template writes it; None leaves an attribute out."""

    content: str | Markup
    css: str | None
    sort_key: str | None


def render(template: str, **values: object) -> Markup:
    """The markup that a template makes of values.

    Args:
        template: the template's name relative to this package, "templates/table.html.jinja".
        values: the template's variables; a value that is not `Markup` is escaped.
    """
    return Markup(_ENVIRONMENT.get_template(template).render(values))  # noqa: S704


def document(template: str, title: str, **values: object) -> str:
    """A whole page.

    Args:
        template: name of a template that extends "templates/base.html.jinja".
        title: the window's title.
        values: the template's other variables.
    """
    return str(render(template, title=title, script_digest=_script_digest(), **values))


@cache
def _script_digest() -> str:
    """SHA-256 of the script, in base64, by which the policy allows it."""
    script = render(_SCRIPT)
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def included(page: str) -> Markup:
    """The content of a page as part of another one: without its title, headings one level lower.

    Args:
        page: a page of `document`.

    Raises:
        ValueError: the text is not such a page.
    """
    main = re.search(r"<main[^>]*>(.*)</main>", page, re.DOTALL)
    if not main:
        raise ValueError("The file is not a page of this suite; delete it and run again.")
    untitled = re.sub(r"<h1>.*?</h1>\s*", "", main[1].strip(), count=1, flags=re.DOTALL)
    return Markup(re.sub(r"(?<=<h|/h)[2-5](?=>)", _next_level, untitled))  # noqa: S704


def _next_level(level: re.Match[str]) -> str:
    return str(int(level[0]) + 1)


def table(headings: Sequence[str], rows: Sequence[Sequence[HtmlCell]], label: str) -> Markup:
    """A table that its headings sort, and that scrolls within itself.

    Words are aligned to the left, numbers to the right. Rows about untested claims are folded away
    below the table, but for the primary ones.

    Args:
        headings: one text for each column.
        rows: cells, one for each heading.
        label: the table's name for screen readers.
    """
    columns = [_column(k, heading, rows) for k, heading in enumerate(headings)]
    tested = []
    untested = []
    for row in rows:
        texts = {cell.text for cell in row}
        folded = texts & set(_UNTESTED) and _ALWAYS_SHOWN not in texts
        part = untested if folded else tested
        part.append([_table_cell(*pair) for pair in zip(row, columns, strict=True)])
    return render(
        "templates/table.html.jinja", columns=columns, rows=tested, untested=untested, label=label
    )


def _column(k: int, heading: str, rows: Sequence[Sequence[HtmlCell]]) -> _Column:
    """The first column names the rows, so that it always holds words."""
    words = k == 0 or any(row[k].is_word for row in rows)
    return _Column(heading, "words" if words else None)


def _table_cell(cell: HtmlCell, column: _Column) -> _TableCell:
    long = "long" if len(cell.text) > LONG else ""
    classes = [column.css, long, _LOOKS.get(cell.text, ""), cell.css]
    return _TableCell(
        content=cell.drawing or cell.text,
        css=" ".join(filter(None, classes)) or None,
        sort_key=None if cell.number is None else f"{cell.number:.6g}",
    )
