"""Cells of a table as plain text, Markdown, LaTeX (booktabs), HTML and CSV.

Fractions are printed in percent with one decimal, 95 % intervals in brackets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, starmap
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from tangent_bench.figures import _words
from tangent_bench.figures._cells import NAN, USUAL, Cell
from tangent_bench.report import pages
from tangent_bench.report.pages import DASH, HtmlCell
from tangent_bench.report.text_table import aligned

if TYPE_CHECKING:
    import pandas as pd

PAGE = 60  # rows: a longer table in LaTeX is broken across pages
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "α": r"$\alpha$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "−": "$-$",
    "–": "--",
    "τ": r"$\tau$",
    "θ": r"$\theta$",
    "‖": r"$\|$",
    "*": r"$^{*}$",
    "ξ": r"$\xi$",
    "Θ": r"$\Theta$",
    "²": "$^2$",
    "∼": r"$\sim$",
    "·": r"$\cdot$",
    "§": r"\S",
    "^": r"\^{}",
    "~": r"\textasciitilde{}",
}
# Unit → the factor that a fraction is printed with, and its format.
_FORMATS = {"%": (100, ".1f"), "points": (100, "+.1f"), "number": (1, ".2f")}
_BEST = "**"  # around the best in Markdown


def value_and_interval(cell: Cell) -> tuple[str, str]:
    """The printed value and its interval ("" if it has none).

    >>> value_and_interval(Cell("Linear FT", "", "Absolute", 0.7654, 0.75, 0.781))
    ('76.5', '[75.0, 78.1]')
    """
    if cell.unit == "text":
        return cell.text, ""
    if math.isnan(cell.value):
        return DASH, ""
    value = _printed(cell.value, cell)
    if math.isnan(cell.low):
        return value, ""
    # where numbers have commas, a comma parts none
    mark = "," if _words.current().decimal == "." else ";"
    return value, f"[{_printed(cell.low, cell)}{mark} {_printed(cell.high, cell)}]"


def _printed(number: float, cell: Cell) -> str:
    """A number in the unit and with the digits of a cell."""
    scale, spec = _FORMATS[cell.unit]
    if cell.digits != USUAL:
        spec = f"{spec.partition('.')[0]}.{cell.digits}f"
    return _words.current().number(printed(scale * number, spec))


def printed(number: float, spec: str) -> str:
    """A number in a format, the same wherever it is printed: 53.45 % is 53.4499... as a fraction.

    >>> f"{100 * 0.5345:.1f}", printed(100 * 0.5345, ".1f"), printed(-2.0, "+.1f")
    ('53.4', '53.5', '−2.0')
    """
    return format(round(number, 6) + 0.0, spec).replace("-", "−")


class _Row(NamedTuple):
    """A row; None stands where there is no cell."""

    name: str
    cells: list[Cell | None]
    block: str

    @property
    def line(self) -> list[str]:
        """Its cells as text, its name at the left."""
        return [self.name, *map(_text, self.cells)]


@dataclass(frozen=True)
class _Grid:
    """The cells of a table by place.

    Attributes:
        columns: (group, column) of each column.
        rows: in printed order.
    """

    columns: list[tuple[str, str]]
    rows: list[_Row]

    @property
    def heads(self) -> list[str]:
        """One line of headings: with the group where there are several."""
        several = len({group for group, _ in self.columns}) > 1
        return [f"{group}: {column}" if several else column for group, column in self.columns]

    @property
    def lines(self) -> list[list[str]]:
        """All cells as text, headings first, the names of rows at the left."""
        return [["", *self.heads], *(row.line for row in self.rows)]

    @property
    def blocks(self) -> list[tuple[str, list[_Row]]]:
        """Why rows stand apart ("" for those that do not), and these rows."""
        return [(block, list(rows)) for block, rows in groupby(self.rows, attrgetter("block"))]


def _grid(table: pd.DataFrame) -> _Grid:
    by_row: dict[tuple[str, str], dict[tuple[str, str], Cell]] = {}
    columns: list[tuple[str, str]] = []
    for cell in starmap(Cell, table.itertuples(index=False, name=None)):
        column = (cell.group, cell.column)
        by_row.setdefault((cell.row, cell.block), {})[column] = cell
        if column not in columns:
            columns.append(column)
    rows = []
    for (name, block), by_column in by_row.items():
        rows.append(_Row(name, list(map(by_column.get, columns)), block))
    return _Grid(columns, rows)


def _text(cell: Cell | None) -> str:
    if cell is None:
        return DASH
    text = " ".join(filter(None, value_and_interval(cell)))
    return f"({text})" if cell.grey else text


def plain(table: pd.DataFrame) -> str:
    """Aligned columns for a terminal; groups one below the other, so that lines stay short."""
    parts = []
    for group, part in table.groupby("group", sort=False):
        grid = _grid(part)
        lines = grid.lines
        lines[0][0] = str(group)
        head, *rows = aligned(lines)
        rule = "-" * max(map(len, [head, *rows]))
        parts.append("\n".join([head, rule, *_with_blocks(grid, rows)]))
    return "\n\n".join(parts)


def _with_blocks(grid: _Grid, lines: Sequence[str]) -> list[str]:
    """The lines of the rows, with an empty line and a sentence before each block."""
    rest = iter(lines)
    text = []
    for block, rows in grid.blocks:
        if block:
            text += ["", block]
        text += [next(rest) for _ in rows]
    return text


def markdown(table: pd.DataFrame, note: str = "") -> str:
    """A pipe table with a note below it; each block is a table of its own, below its sentence.

    Args:
        table: cells.
        note: a sentence, "" for none.
    """
    grid = _grid(table)
    head = ["", *grid.heads]
    alignment = ["---", *_alignment(grid)]
    parts = []
    for block, rows in grid.blocks or [("", [])]:
        if block:
            parts.append(_markdown(block))
        parts.append("\n".join(map(_pipes, [head, alignment, *map(_markdown_line, rows)])))
    return "\n\n".join([*parts, *filter(None, [note])]) + "\n"


def _alignment(grid: _Grid) -> list[str]:
    """Markdown's rule of each column: words to the left, numbers to the right."""
    rules = []
    for k in range(len(grid.columns)):
        cells = [_html_cell(row.cells[k]) for row in grid.rows]
        rules.append("---" if any(cell.is_word for cell in cells) else "---:")
    return rules


def _markdown_line(row: _Row) -> list[str]:
    """The cells of a row; the best values are bold."""
    line = row.line
    for place, cell in enumerate(row.cells, start=1):
        if cell is not None and cell.is_best:
            value, interval = value_and_interval(cell)
            line[place] = " ".join(filter(None, [f"{_BEST}{value}{_BEST}", interval]))
    return line


def _pipes(line: Sequence[str]) -> str:
    return f"| {' | '.join(map(_markdown, line))} |"


def _markdown(text: str) -> str:
    """One cell: on one line, without column marks or markup of its own."""
    return " ".join(text.splitlines()).replace("|", r"\|").replace("<", "&lt;")


def latex(table: pd.DataFrame, caption: str, label: str) -> str:
    """A table with booktabs' rules: it floats, or is broken across pages if it is long.

    Args:
        table: cells.
        caption: the caption as plain text.
        label: the label after "tab:".
    """
    grid = _grid(table)
    body = []
    for block, rows in grid.blocks:
        if block:
            body += [r"\midrule", _tex_block(block, len(grid.columns))]
        body += [_tex_line(row.name, row.cells) for row in rows]
    long = len(body) > PAGE
    packages = ["booktabs"]
    if any(table["grey"]):
        packages.append("xcolor")
    if long:
        packages.append("longtable")
    return "\n".join(
        [
            rf"% needs \usepackage{{{', '.join(packages)}}}",
            *(_over_pages if long else _floating)(
                [rf"\caption{{{_tex(caption)}}}", rf"\label{{tab:{label}}}"],
                _widths(grid),
                [r"\toprule", *_tex_heads(grid.columns), r"\midrule"],
                [*body, r"\bottomrule"],
            ),
            "",
        ]
    )


def _tex_heads(columns: Sequence[tuple[str, str]]) -> list[str]:
    """The lines of headings: groups above columns if there are groups."""
    heads = " & ".join(["", *(_tex(column) for _, column in columns)]) + r" \\"
    widths = Counter(group for group, _ in columns)
    if not any(widths):
        return [heads]
    spans = []
    bars = []
    end = 1
    for group, width in widths.items():
        spans.append(rf"\multicolumn{{{width}}}{{c}}{{{_tex(group)}}}")
        bars.append(rf"\cmidrule(lr){{{end + 1}-{end + width}}}")
        end += width
    return [rf" & {' & '.join(spans)} \\", " ".join(bars), heads]


def _tex_block(block: str, num_columns: int) -> str:
    """The sentence above a block, across all columns."""
    return rf"\multicolumn{{{1 + num_columns}}}{{l}}{{\emph{{{_tex(block)}}}}} \\"


def _tex_line(name: str, row: Sequence[Cell | None]) -> str:
    return " & ".join([_tex(name), *map(_tex_cell, row)]) + r" \\"


def _tex_cell(cell: Cell | None) -> str:
    if cell is None:
        return _tex(DASH)
    value, interval = value_and_interval(cell)
    text = rf"\textbf{{{_tex(value)}}}" if cell.is_best else _tex(value)
    if interval:
        text += rf" {{\scriptsize {_tex(interval)}}}"
    return rf"\textcolor{{gray}}{{({text})}}" if cell.grey else text


def _tex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _floating(named: list[str], widths: str, top: list[str], rest: list[str]) -> list[str]:
    begin = [r"\begin{table}", r"\centering", *named, rf"\begin{{tabular}}{{{widths}}}"]
    return [*begin, *top, *rest, r"\end{tabular}", r"\end{table}"]


def _over_pages(named: list[str], widths: str, top: list[str], rest: list[str]) -> list[str]:
    """The headings are repeated on each page."""
    begin = [r"{\small", rf"\begin{{longtable}}{{{widths}}}", "".join(named) + r"\tabularnewline"]
    return [*begin, *top, r"\endhead", *rest, r"\end{longtable}", "}"]


def _widths(grid: _Grid) -> str:
    """LaTeX's columns: those that hold sentences are paragraphs."""
    names, *columns = zip(*grid.lines, strict=True)
    widths = ["p{4cm}" if _is_long(names) else "l"]
    for column in columns:
        widths.append("p{3cm}" if _is_long(column) else "r")
    return "".join(widths)


def _is_long(texts: Sequence[str]) -> bool:
    return max(map(len, texts)) > pages.LONG


def html(table: pd.DataFrame, title: str, note: str = "") -> str:
    """A page of its own, which the results page and Snakemake's report include.

    Each block is a table of its own, below its sentence: sorting leaves it there.

    Args:
        table: cells.
        title: of the page.
        note: a sentence below the table.
    """
    grid = _grid(table)
    parts = Markup()
    for block, rows in grid.blocks or [("", [])]:
        if block:
            parts += Markup('<p class="note">{}</p>\n').format(block)
        lines = [[HtmlCell(row.name), *map(_html_cell, row.cells)] for row in rows]
        parts += pages.table(["", *grid.heads], lines, f"{title}. {block}" if block else title)
    return pages.document("templates/table_page.html.jinja", title, table=parts, note=note)


def _html_cell(cell: Cell | None) -> HtmlCell:
    """A number is sorted by its printed value."""
    if cell is None:
        return HtmlCell(DASH)
    css = "grey" if cell.grey else "best" * cell.is_best
    if cell.unit == "text" or math.isnan(cell.value):
        return HtmlCell(_text(cell), css=css)
    scale, _ = _FORMATS[cell.unit]
    return HtmlCell(_text(cell), scale * cell.value, css)


def csv(table: pd.DataFrame) -> str:
    """One line for each row of the table; a number and its interval take three columns.

    Fractions are in percent. The heading says so, or, where a column has several units, a further
    column does. If rows stand apart, the last column says why.
    """
    import pandas as pd

    grid = _grid(table)
    units = [_units(table, *column) for column in grid.columns]
    lines = []
    has_blocks = any(block for block, _ in grid.blocks)
    for row in grid.rows:
        line: dict[str, object] = {"row": row.name}
        for head, own, cell in zip(grid.heads, units, row.cells, strict=True):
            if cell is None or len(own) == 1:
                line |= _csv_cell(head, own[0], cell)
            else:
                line |= _csv_cell_with_unit(head, cell)
        lines.append(line | {"apart": row.block} if has_blocks else line)
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")


def _units(table: pd.DataFrame, group: str, column: str) -> list[str]:
    """The units of a column, in order of appearance."""
    here = (table["group"] == group) & (table["column"] == column)
    return list(table.loc[here, "unit"].unique())


def _csv_cell(head: str, unit: str, cell: Cell | None) -> dict[str, object]:
    if unit == "text":
        return {head: "" if cell is None else cell.text}
    named = unit == "number" or unit in head
    value, low, high = (NAN, NAN, NAN) if cell is None else _scaled(cell)
    return {head if named else f"{head} ({unit})": value, f"{head} low": low, f"{head} high": high}


def _csv_cell_with_unit(head: str, cell: Cell) -> dict[str, object]:
    """A cell of a column with several units: its own unit stands beside it."""
    value, low, high = _scaled(cell)
    return {head: value, f"{head} low": low, f"{head} high": high, f"{head} unit": cell.unit}


def _scaled(cell: Cell) -> tuple[float, float, float]:
    """Value and interval as they are printed, to four decimals."""
    scale, _ = _FORMATS[cell.unit]
    return round(scale * cell.value, 4), round(scale * cell.low, 4), round(scale * cell.high, 4)
