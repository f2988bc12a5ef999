"""What all HTML pages of the suite share: one look, tables that are sorted by their headings, nothing from a network.

Whatever is shown is escaped here or where it is put into markup. The policy in the head is a second wall: the browser
runs no other program than `_SCRIPT`, and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

DASH = "–"  # stands where there is no number
LONG = 40  # letters: a longer cell is broken into lines
_ASIDE = "not tested in this run", "not tested at this scale"
_LOOKS = {
    **dict.fromkeys(("supported", "better"), "good"),
    **dict.fromkeys(("contradicted", "worse"), "bad"),
}
_STYLE = """
:root{color-scheme:light;--ink:#1b1b1f;--quiet:#595960;--line:#d5d5da;--band:#f5f6f8;--link:#00558c;--focus:#c2410c}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;color:var(--ink);background:#fff;font:16px/1.55 system-ui,"Segoe UI","DejaVu Sans",sans-serif}
main{display:block;padding:1.25rem 1rem 3rem;max-width:110rem;min-width:0}
body{overflow-wrap:break-word}
h1,h2,h3{line-height:1.25;text-wrap:balance}
h1{font-size:1.7rem;margin:.2em 0 .5em}
h2{font-size:1.35rem;margin:2.6em 0 .6em;padding-bottom:.25em;border-bottom:1px solid var(--line)}
h3{font-size:1.06rem;margin:1.9em 0 .5em}
p,li,dd{max-width:46rem}p{margin:.5em 0}
.note,figcaption,.files{color:var(--quiet);font-size:.9rem}
code,pre{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.85rem;overflow-wrap:anywhere}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:2px}
.scroll{overflow-x:auto;max-width:100%;margin:.6em 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
table{border-top:2px solid var(--ink);border-bottom:2px solid var(--ink)}
thead{border-bottom:1px solid var(--ink)}
tr{background:#fff}tbody tr:nth-child(even){background:var(--band)}tbody tr:hover{background:#e8eef5}
td,th{padding:.36em .55em;text-align:right;vertical-align:top;white-space:nowrap;font-weight:normal}
thead th{vertical-align:bottom;white-space:normal;min-width:5em}svg{vertical-align:middle}
.words{text-align:left}.long{white-space:normal;min-width:13em;max-width:24em}
tr>:first-child{position:sticky;left:0;background:inherit}
button{font:inherit;font-weight:600;color:inherit;text-align:inherit}
button{border:0;background:none;cursor:pointer;padding:.25em 0}
th button::after{content:"\\2195" / "";color:var(--quiet);font-weight:normal;padding-left:.3em}
th[aria-sort=ascending] button::after{content:"\\25b2" / "";color:inherit}
th[aria-sort=descending] button::after{content:"\\25bc" / "";color:inherit}
.best{font-weight:700}.good{color:#0a6638;font-weight:600}.bad{color:#a80f1e;font-weight:600}
.grey{color:var(--quiet)}
summary{cursor:pointer;padding:.3em 0}
@media(max-width:40rem){tr>:first-child{white-space:normal;min-width:8em;max-width:9.5em}}
@media print{.scroll{overflow:visible}table{font-size:8pt}th button::after{content:""!important}h2,h3{break-after:avoid}
tr,figure{break-inside:avoid}a{color:inherit;text-decoration:none}}
"""
# A heading sorts one way, then the other, then as it was; what is missing stays below.
_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], original = [...body.rows];
  const key = (row, k) => {
    const {dataset: {value}, textContent} = row.cells[k];
    return value === undefined ? textContent.trim() : Number(value);
  };
  const order = (a, b) => typeof a !== typeof b ? (typeof a === "number" ? -1 : 1)
    : typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true});
  for (const button of table.querySelectorAll("thead button")) button.addEventListener("click", () => {
    const head = button.parentElement, k = head.cellIndex, ways = ["descending", "ascending"];
    if (head.classList.contains("words")) ways.reverse();
    const way = ways[ways.indexOf(head.getAttribute("aria-sort")) + 1];
    table.querySelectorAll("th").forEach(each => each.removeAttribute("aria-sort"));
    if (way) head.setAttribute("aria-sort", way);
    const missing = row => ["", "\\u2013"].includes(row.cells[k].textContent.trim());
    const rows = original.filter(row => !missing(row)), sign = way === "ascending" ? 1 : -1;
    rows.sort((a, b) => sign * order(key(a, k), key(b, k)));
    body.append(...(way ? [...rows, ...original.filter(missing)] : original));
  });
}
"""
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'"
)


class Cell(NamedTuple):
    """One cell of a table.

    Attributes:
        value: what it is sorted by; None: its text, or the number that this is.
        css: classes on top of those that follow from its text.
        drawing: markup in place of the text.
    """

    text: str
    value: float | None = None
    css: str = ""
    drawing: str = ""

    @property
    def number(self) -> float | None:
        """What it is sorted by, if that is a number.

        >>> Cell("10,804").number, Cell("−3.6").number, Cell("0.2–0.3").number
        (10804.0, -3.6, None)
        """
        if self.value is not None:
            return self.value
        try:
            return float(self.text.replace(",", "").replace("−", "-"))
        except ValueError:
            return None


def document(title: str, main: str, before: str = "", style: str = "") -> str:
    """A whole page.

    Args:
        title: of the window, as text.
        main: markup of what the page says, its h1 first.
        before: markup of what comes first and is not repeated elsewhere.
        style: rules on top of those that all pages have.
    """
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>\n<style>{_STYLE}{style}</style></head>\n'
        f'<body>{before}<main id="main" tabindex="-1">\n{main}\n</main>\n<script>{_SCRIPT}</script></body></html>\n'
    )


def included(page: str) -> str:
    """What a page says, as a part of another one: without its title, its other headings one level lower.

    Raises:
        ValueError: it is no `document`.
    """
    main = re.search(r"<main[^>]*>\n(.*)\n</main>", page, re.DOTALL)
    if not main:
        raise ValueError(
            "What is to be included is no page of this suite; delete it and run again."
        )
    untitled = re.sub(r"<h1>.*?</h1>\s*", "", main[1], count=1)
    return re.sub(r"(?<=<h|/h)[2-5](?=>)", lambda level: str(int(level[0]) + 1), untitled)


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], label: str) -> str:
    """A table that is sorted by its headings and scrolls inside itself; words stand left, numbers right.

    Rows about what was not tested are folded away below it.

    Args:
        heads: of the columns, as text.
        rows: cells, as many in each row as there are heads.
        label: its name, for those who cannot see what stands above it.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(heads)
    words = [k == 0 or any(map(_is_word, column)) for k, column in enumerate(columns)]
    aside = [row for row in rows if any(cell.text in _ASIDE for cell in row)]
    text = _table(heads, [row for row in rows if row not in aside], words, label)
    if aside:
        below = _table(heads, aside, words, f"{label}, not tested")
        text += f"\n<details><summary>{len(aside)} that were not tested</summary>{below}</details>"
    return text


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[Cell]], words: Sequence[bool], label: str
) -> str:
    top = "".join(map(_head, heads, words))
    body = "\n".join(f"<tr>{''.join(map(_cell, row, words, _tags(row)))}</tr>" for row in rows)
    return scrolling(
        f'<table class="sortable"><thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table>',
        label,
    )


def scrolling(markup: str, label: str) -> str:
    """A box that what is too wide for the screen moves in, by keyboard too."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">{markup}</div>'


def _is_word(cell: Cell) -> bool:
    return cell.number is None and cell.text not in ("", DASH)


def _tags(row: Sequence[Cell]) -> list[str]:
    """The first cell names its row."""
    return ['th scope="row"', *["td"] * (len(row) - 1)]


def _head(text: str, words: bool) -> str:
    css = ' class="words"' * words
    return (
        f'<th scope="col"{css}><button type="button">{escape(text)}</button></th>'
        if text
        else "<td></td>"
    )


def _cell(cell: Cell, words: bool, tag: str) -> str:
    css = ["words" * words, "long" * (len(cell.text) > LONG), _LOOKS.get(cell.text, ""), cell.css]
    given = f' class="{" ".join(filter(None, css))}"' if any(css) else ""
    given += "" if cell.number is None else f' data-value="{cell.number:.6g}"'
    return f"<{tag}{given}>{cell.drawing or escape(cell.text)}</{tag.partition(' ')[0]}>"
