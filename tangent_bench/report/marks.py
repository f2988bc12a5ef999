"""Numbers of tracked pages come from results/published, by marks that no reader sees.

A table stands on lines of its own between `<!-- tiny/table1_addition -->` and `<!-- end -->`; with
`; Absolute, Recovered gain` after its name, it has these columns alone, of each model. A cell
stands within a line, as in `<!-- tiny/table1_addition; Linear FT; Absolute -->51<!-- end -->`, by
the names of its row and column. (A vertical bar in place of the semicolon would cut the tables
that a mark stands in.) The table `images` of a preset is counted in its rows, and
`benchmarks/ratios` is what `make bench` measured. Under the names `tables` and `figures` stands
everything that was published of a preset.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tangent_bench.report import listings
from tangent_bench.report.pages import DASH
from tangent_bench.store.artefacts import write_text

MARK = re.compile(
    r"<!-- (?P<preset>[\w-]+)/(?P<table>\w+)"
    r"(?:; (?P<row>[^;\n]+); (?P<column>[^;\n]+)|; (?P<columns>[^;\n]+))? -->"
    r"(?:(?!<!-- ).)*<!-- end -->",
    re.DOTALL,
)
_BEGINNING = re.compile(r"<!-- [\w-]+/.*")
_RATIOS = "benchmarks/ratios"
_LISTINGS = {"tables": listings.tables, "figures": listings.figures}


def filled(text: str, folder: Path, page: Path) -> str:
    """The text with what stands in each mark replaced by what was published.

    Args:
        text: of a page.
        folder: with the published presets.
        page: where the text stands; links to what was published lead from there.

    Raises:
        ValueError: a table, row or column is not there, or a mark is not understood.
    """
    flawed = _BEGINNING.search(MARK.sub("", text))
    if flawed:
        raise ValueError(
            f"The mark {flawed[0][:80]!r} is not understood; expected '<!-- preset/table -->', "
            "'<!-- preset/table; column, column -->' or '<!-- preset/table; row; column -->', and "
            "'<!-- end -->' before the next mark."
        )
    return MARK.sub(lambda mark: _filled_mark(mark, folder, page), text)


def fill(root: Path) -> None:
    """Put published tables and numbers into the README and the pages of docs/ of a checkout.

    A published preset without a page gets one.

    Raises:
        ValueError: as `filled`.
    """
    for page, text in listings.new_pages(root):
        write_text(page, text)
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        new = filled(text, root / "results/published", page)
        if new != text:
            write_text(page, new)


def pages(root: Path) -> list[Path]:
    """The pages of a checkout that may have marks."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def _filled_mark(mark: re.Match[str], folder: Path, page: Path) -> str:
    name = f"{mark['preset']}/{mark['table']}"
    if mark["row"] is None and mark["table"] in _LISTINGS:
        listing = _LISTINGS[mark["table"]](folder / mark["preset"], page)
        return f"<!-- {name} -->\n\n{listing}\n\n<!-- end -->"
    table = _table(folder, mark["preset"], mark["table"])
    if mark["columns"]:
        table = _with_columns(table, name, mark["columns"].split(", "))
        name += f"; {mark['columns']}"
    if mark["row"] is None:
        return f"<!-- {name} -->\n\n{table}\n\n<!-- end -->"
    cell = _cell(table, name, mark["row"], mark["column"])
    return f"<!-- {name}; {mark['row']}; {mark['column']} -->{cell}<!-- end -->"


def _table(folder: Path, preset: str, table: str) -> str:
    file, read = folder / preset / "tables" / f"{table}.md", _text
    made_by = "run the preset, and then `make publish`"
    if table == "images":
        file, read = folder / preset / "rows.csv.gz", _images
    elif f"{preset}/{table}" == _RATIOS:
        file, read, made_by = folder / "benchmarks.csv", _ratios, "run `make bench`"
    if not file.is_file():
        raise ValueError(f"There is no {file}; {made_by}.")
    return read(file)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


@cache
def _ratios(file: Path) -> str:
    """The file of `make bench` as a table, a benchmark to a line."""
    with file.open(encoding="utf-8", newline="") as lines:
        head, *body = csv.reader(lines)
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(_line, body)])


@cache
def _images(rows: Path) -> str:
    """How many images each task was evaluated on, by split, from rows of the untouched model."""
    import pandas as pd

    table = pd.read_csv(rows, comment="#")
    table = table[(table["experiment"] == "single_task") & (table["training"] == "none")]
    wide = table.pivot_table("num_samples", "task", "split", aggfunc="first")
    lines = [_line(["", *wide.columns]), "| --- |" + " ---: |" * len(wide.columns)]
    for task, *numbers in wide.itertuples():
        lines.append(_line([task, *(f"{number:,.0f}" for number in numbers)]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _with_columns(table: str, name: str, columns: Sequence[str]) -> str:
    """The table with some of its columns, of each model; a row with none of them is left out."""
    lines = _cells(table)
    names = [column.rpartition(": ")[2] for column in lines[0]]  # without the model
    kept = [i for i, column in enumerate(names) if column in columns]
    absent = set(columns) - set(names)
    if absent:
        raise ValueError(
            f"A page asks for the columns {', '.join(sorted(absent))} of {name}: it has "
            f"{', '.join(lines[0][1:])}."
        )
    short = [[cells[0], *(cells[i] for i in kept)] for cells in lines]
    body = [_line(cells) for cells in short if set(cells[1:]) != {DASH}]
    after = table[table.rindex("|") + 1 :]
    return "\n".join(body) + after


def _cell(table: str, name: str, row: str, column: str) -> str:
    head, _, *body = _cells(table)
    lines = [dict(zip(head, cells, strict=True)) for cells in body if cells[0] == row]
    if len(lines) != 1 or column not in lines[0]:
        rows = ", ".join(cells[0] for cells in body)
        raise ValueError(
            f"A page asks for {row!r}, {column!r} of {name}: it has the rows {rows} and the "
            f"columns {', '.join(head)}."
        )
    return lines[0][column]


def _cells(table: str) -> list[list[str]]:
    """The cells of each line of a Markdown table, its rule included."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
