"""Numbers of pages come from results/published, by marks: {{ tiny/table1_addition }} is the table, and
{{ tiny/table1_addition | Linear FT | Absolute }} its cell in the row and column of these names. The table `images` of a
preset, {{ tiny/images | mnist | test }}, is counted in its rows.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[1] / "results/published"
MARK = re.compile(r"\{\{ ([\w/-]+)(?: \| (.+?) \| (.+?))? \}\}")


def filled(text: str, folder: Path = FOLDER) -> str:
    """The text with every mark replaced.

    Raises:
        ValueError: a table, row or column that is not there.
    """
    return MARK.sub(
        lambda mark: _cell(folder, *mark.groups()) if mark[2] else _table(folder, mark[1]), text
    )


def figures(folder: Path = FOLDER) -> dict[str, Path]:
    """Page of the site → published picture."""
    return {
        f"published/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*.svg"))
    }


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
    """How many images each task was evaluated on, by split: num_samples of the untouched model's rows."""
    table = pd.read_csv(rows, comment="#")
    table = table[(table["experiment"] == "single_task") & (table["training"] == "none")]
    wide = table.pivot_table("num_samples", "task", "split", aggfunc="first")
    lines = [
        f"| {task} | " + " | ".join(f"{num:,.0f}" for num in nums) + " |"
        for task, *nums in wide.itertuples()
    ]
    return "\n".join(
        [f"|  | {' | '.join(wide.columns)} |", "| --- |" + " ---: |" * len(wide.columns), *lines]
    )


def _cell(folder: Path, name: str, row: str, column: str) -> str:
    lines = [line for line in _table(folder, name).splitlines() if line.startswith("|")]
    head, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = [dict(zip(head, cells, strict=True)) for cells in body if cells[0] == row]
    if len(found) != 1 or column not in found[0]:
        rows = ", ".join(cells[0] for cells in body)
        raise ValueError(
            f"A page asks for {row!r}, {column!r} of {name}: it has the rows {rows} and the columns {', '.join(head)}."
        )
    return found[0][column]
