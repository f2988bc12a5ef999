"""Numbers of pages come from results/published, by marks in double braces.

{{ tiny/table1_addition }} is a table; {{ tiny/table1_addition | Linear FT | Absolute }} is its cell
in the row and column of these names. The table `images` of a preset, as in
{{ tiny/images | mnist | test }}, is counted in its rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[1] / "results/published"
MARK = re.compile(r"\{\{ ([\w/-]+)(?: \| (.+?) \| (.+?))? \}\}")


def filled(text: str, folder: Path = FOLDER) -> str:
    """The text with every mark replaced.

    Args:
        text: of a page.
        folder: with the published presets.

    Raises:
        ValueError: a table, row or column that is not there.
    """

    def value(mark: re.Match[str]) -> str:
        table, row, column = mark.groups()
        return _cell(folder, table, row, column) if row else _table(folder, table)

    return MARK.sub(value, text)


def figures(folder: Path = FOLDER) -> dict[str, Path]:
    """Page of the site → published picture below `folder`."""
    pages = {}
    for path in sorted(folder.rglob("*.svg")):
        pages[f"published/{path.relative_to(folder).as_posix()}"] = path
    return pages


def _table(folder: Path, name: str) -> str:
    preset, _, table = name.partition("/")
    if table == "images":
        return _images(folder / preset / "rows.csv.gz")
    path = folder / preset / "tables" / f"{table}.md"
    if not path.is_file():
        raise ValueError(
            f"A page asks for the table {name!r}, but there is no {path}; expected preset/table."
        )
    return path.read_text(encoding="utf-8").strip()


@cache
def _images(rows: Path) -> str:
    """How many images each task was evaluated on, by split, from rows of the untouched model."""
    table = pd.read_csv(rows, comment="#")
    table = table[(table["experiment"] == "single_task") & (table["training"] == "none")]
    wide = table.pivot_table("num_samples", "task", "split", aggfunc="first")
    lines = [_line(["", *wide.columns]), "| --- |" + " ---: |" * len(wide.columns)]
    for task, *numbers in wide.itertuples():
        lines.append(_line([task, *(f"{number:,.0f}" for number in numbers)]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(folder: Path, name: str, row: str, column: str) -> str:
    head, _, *body = _cells(_table(folder, name))
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
