"""Cells as plain text, Markdown, LaTeX (booktabs), HTML and CSV. Percent, one decimal, 95 % intervals in brackets."""

from __future__ import annotations

import html as markup
import math
from typing import TYPE_CHECKING

from tangent_bench.report import pages
from tangent_bench.report.pages import DASH

if TYPE_CHECKING:
    import pandas as pd

PAGE = 60  # rows: a longer table in LaTeX goes over pages
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}",
    "α": r"$\alpha$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "−": "$-$", "–": "--", "τ": r"$\tau$", "θ": r"$\theta$",
    "‖": r"$\|$", "*": r"$^{*}$",
    "ξ": r"$\xi$", "Θ": r"$\Theta$", "²": "$^2$", "∼": r"$\sim$", "·": r"$\cdot$", "§": r"\S", "^": r"\^{}",
    "~": r"\textasciitilde{}",
}  # fmt: skip


def value_and_interval(cell) -> tuple[str, str]:
    """The printed value and its interval ("" if none).

    >>> from tangent_bench.figures._cells import Cell
    >>> value_and_interval(Cell("Linear FT", "", "Absolute", 0.7654, 0.75, 0.781))
    ('76.5', '[75.0, 78.1]')
    """
    if cell.unit == "text":
        return cell.text, ""
    if math.isnan(cell.value):
        return DASH, ""
    scale, spec = {"%": (100, ".1f"), "points": (100, "+.1f"), "number": (1, ".2f")}[cell.unit]
    value, low, high = (
        format(round(scale * x, 6) + 0.0, spec).replace("-", "−")
        for x in (cell.value, cell.low, cell.high)
    )
    return value, "" if math.isnan(cell.low) else f"[{low}, {high}]"


def _columns(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(table[["group", "column"]].drop_duplicates().itertuples(index=False, name=None))


def _body(table: pd.DataFrame) -> list[tuple[str, list]]:
    """(row's name, its cells or None in the order of `_columns`) of each row."""
    place = {(c.row, c.group, c.column): c for c in table.itertuples(index=False)}
    columns = _columns(table)
    return [
        (row, [place.get((row, *column)) for column in columns])
        for row in table["row"].drop_duplicates()
    ]


def _text(cell) -> str:
    if cell is None:
        return DASH
    text = " ".join(filter(None, value_and_interval(cell)))
    return f"({text})" if cell.grey else text


def _heads(table: pd.DataFrame) -> list[str]:
    columns = _columns(table)
    groups = {group for group, _ in columns}
    return [column if len(groups) == 1 else f"{group}: {column}" for group, column in columns]


def _lines(table: pd.DataFrame) -> list[list[str]]:
    return [["", *_heads(table)]] + [[row, *map(_text, found)] for row, found in _body(table)]


def plain(table: pd.DataFrame) -> str:
    """Aligned columns for a terminal; groups one below the other, so that lines stay short."""
    parts = []
    for group, part in table.groupby("group", sort=False):
        lines = _lines(part)
        lines[0][0] = group
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rows = [
            [
                row[0].ljust(widths[0]),
                *(c.ljust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
            for row in lines
        ]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        text = ["  ".join(row).rstrip() for row in rows]
        parts.append("\n".join([text[0], rule, *text[1:]]))
    return "\n\n".join(parts)


def markdown(table: pd.DataFrame, note: str = "") -> str:
    """A pipe table, and the note below it."""
    head, *rows = [[_markdown(text) for text in line] for line in _lines(table)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return text + (f"\n\n{note}\n" if note else "\n")


def _markdown(text: str) -> str:
    """One cell: on one line, without columns or markup of its own."""
    return " ".join(text.splitlines()).replace("|", r"\|").replace("<", "&lt;")


def _tex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _tex_cell(cell) -> str:
    value, interval = (DASH, "") if cell is None else value_and_interval(cell)
    text = _tex(value) + (rf" {{\scriptsize {_tex(interval)}}}" if interval else "")
    return rf"\textcolor{{gray}}{{({text})}}" if cell is not None and cell.grey else text


def latex(table: pd.DataFrame, caption: str, label: str) -> str:
    """A floating table with booktabs' rules, the groups as a second heading; a long one goes over pages instead."""
    columns = _columns(table)
    groups = list(dict.fromkeys(group for group, _ in columns))
    width = {group: sum(g == group for g, _ in columns) for group in groups}
    ends = [1 + sum(width[g] for g in groups[: i + 1]) for i in range(len(groups))]
    spans = " & ".join(rf"\multicolumn{{{width[g]}}}{{c}}{{{_tex(g)}}}" for g in groups)
    bars = " ".join(
        rf"\cmidrule(lr){{{end - width[g] + 1}-{end}}}" for g, end in zip(groups, ends, strict=True)
    )
    above = [rf" & {spans} \\", bars] if any(groups) else []
    body = [" & ".join([_tex(row), *map(_tex_cell, found)]) + r" \\" for row, found in _body(table)]
    heads = " & ".join(["", *(_tex(column) for _, column in columns)]) + r" \\"
    packages = [
        "booktabs",
        *["xcolor"] * bool(table["grey"].any()),
        *["longtable"] * (len(body) > PAGE),
    ]
    named = rf"\caption{{{_tex(caption)}}}", rf"\label{{tab:{label}}}"
    top, rest = [r"\toprule", *above, heads, r"\midrule"], [*body, r"\bottomrule"]
    frame = _over_pages if len(body) > PAGE else _floating
    return "\n".join(
        [
            rf"% needs \usepackage{{{', '.join(packages)}}}",
            *frame(named, _widths(table), top, rest),
            "",
        ]
    )


def _floating(named: tuple[str, str], widths: str, top: list[str], rest: list[str]) -> list[str]:
    begin = [r"\begin{table}", r"\centering", *named, rf"\begin{{tabular}}{{{widths}}}"]
    return [*begin, *top, *rest, r"\end{tabular}", r"\end{table}"]


def _over_pages(named: tuple[str, str], widths: str, top: list[str], rest: list[str]) -> list[str]:
    """The heading is repeated on each page."""
    begin = [r"{\small", rf"\begin{{longtable}}{{{widths}}}", "".join(named) + r"\tabularnewline"]
    return [*begin, *top, r"\endhead", *rest, r"\end{longtable}", "}"]


def _widths(table: pd.DataFrame) -> str:
    """LaTeX's columns: those that hold sentences are paragraphs."""
    names, *found = zip(*_lines(table), strict=True)
    long = [max(map(len, column)) > pages.LONG for column in (names, *found)]
    return ("p{4cm}" if long[0] else "l") + "".join("p{3cm}" if each else "r" for each in long[1:])


def html(table: pd.DataFrame, title: str, note: str = "") -> str:
    """A page of its own, which the results page and Snakemake's report take in."""
    heads = ["", *_heads(table)]
    rows = [[pages.Cell(row), *map(_html_cell, found)] for row, found in _body(table)]
    return pages.document(
        title,
        f"<h1>{markup.escape(title)}</h1>\n{pages.table(heads, rows, title)}\n"
        f'<p class="note">{markup.escape(note)}</p>',
    )


def _html_cell(cell) -> pages.Cell:
    """It is sorted by the value that is printed."""
    css = "grey" * bool(cell is not None and cell.grey)
    if cell is None or cell.unit == "text" or math.isnan(cell.value):
        return pages.Cell(_text(cell), css=css)
    return pages.Cell(_text(cell), (1 if cell.unit == "number" else 100) * cell.value, css)


def csv(table: pd.DataFrame) -> str:
    """One line for each row of the table; a number and its interval take three columns, in percent where it says so."""
    import pandas as pd

    units = table.groupby(["group", "column"], sort=False)["unit"].unique()
    lines = []
    for row, found in _body(table):
        line: dict[str, object] = {"row": row}
        for head, own, cell in zip(_heads(table), units, found, strict=True):
            if len(own) == 1 or cell is None:
                line |= _csv_cell(head, own[0], cell)
            else:  # each number in its own unit, which stands beside it
                named = _csv_cell(head, cell.unit, cell)
                line |= dict(
                    zip((head, f"{head} low", f"{head} high"), named.values(), strict=True)
                )
                line[f"{head} unit"] = cell.unit
        lines.append(line)
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")


def _csv_cell(head: str, unit: str, cell) -> dict[str, object]:
    if unit == "text":
        return {head: "" if cell is None else cell.text}
    words = "" if unit == "number" or unit in head else f" ({unit})"
    scale = 1 if unit == "number" else 100
    numbers = (math.nan,) * 3 if cell is None else (cell.value, cell.low, cell.high)
    names = (f"{head}{words}", f"{head} low", f"{head} high")
    return {name: round(scale * number, 4) for name, number in zip(names, numbers, strict=True)}
