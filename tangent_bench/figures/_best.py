"""Columns of a table that are shown, and the best of the values that compete in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.figures._cells import Cell
from tangent_bench.figures._entities import ZERO_SHOT

if TYPE_CHECKING:
    import pandas as pd

IN_ROWS = ""  # in place of a column, where the columns of a row compete
ROUNDING = 3  # decimals of a fraction that decide: what prints the same is the same


def of_columns(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Returns the cells of some columns, in the order that they are named in; all for none.

    Args:
        table: cells.
        columns: headings; one text may name several by commas.

    Raises:
        ValueError: the table has no such column.
    """
    import pandas as pd

    if not columns:
        return table
    known = list(dict.fromkeys(table["column"]))
    parts = []
    for column in _split(columns, known):
        if column not in known:
            hint = registry.did_you_mean(column, known)
            raise ValueError(
                f"The table has no column {column!r}; it has {'; '.join(known)}.{hint}"
            )
        parts.append(table.loc[table["column"] == column])
    return pd.concat(parts)


def _split(columns: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    """Single headings; a heading may have a comma itself."""
    for text in columns:
        yield from [text] if text in known else map(str.strip, text.split(","))


def marked(table: pd.DataFrame, name: str, best: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Returns the cells with the best of those that compete marked (`is_best`).

    The pre-trained model and cells in brackets do not compete, nor does a row without a value in
    every such column (an upper bound), or of another unit (a difference). Values that print the
    same are equally good.

    Args:
        table: cells.
        name: of the table.
        best: `Figure.best` of the table.

    Raises:
        ValueError: nothing competes in this table.
    """
    if not best:
        able = [each for each in registry.names("figures") if _competes(each)]
        raise ValueError(
            f"In table {name!r} no value is better than another; the best is known of "
            f"{', '.join(able)}."
        )
    cells = list(starmap(Cell, table.itertuples(index=False, name=None)))
    chosen: set[int] = set()
    for column, goal in best:
        for rivals in _rivals(cells, column, [other for other, _ in best]):
            chosen |= _winners(cells, rivals, goal)
    return table.assign(is_best=[place in chosen for place in range(len(cells))])


def _competes(name: str) -> bool:
    return bool(registry.load("figures", name).FIGURE.best)


def _rivals(cells: Sequence[Cell], column: str, columns: Sequence[str]) -> Iterator[list[int]]:
    """Places of cells that compete with one another."""
    present = {cell.column for cell in cells} & set(columns)
    groups: dict[tuple[str, str], list[int]] = {}
    for place, cell in enumerate(cells):
        rival = (cell.group, cell.row if column == IN_ROWS else column)
        if column != IN_ROWS and (cell.column != column or not _is_whole(cells, cell, present)):
            continue
        if cell.grey or math.isnan(cell.value) or cell.row == ZERO_SHOT.title:
            continue
        groups.setdefault(rival, []).append(place)
    for places in groups.values():
        yield [place for place in places if cells[place].unit == cells[places[0]].unit]


def _is_whole(cells: Sequence[Cell], cell: Cell, columns: set[str]) -> bool:
    """Whether the row of a cell has a cell in each of the columns."""
    own = {other.column for other in cells if (other.row, other.group) == (cell.row, cell.group)}
    return columns <= own


def _winners(cells: Sequence[Cell], rivals: Sequence[int], goal: str) -> set[int]:
    values = {place: round(cells[place].value, ROUNDING) for place in rivals}
    if len(values) < 2:
        return set()
    best = max(values.values()) if goal == "highest" else min(values.values())
    return {place for place, value in values.items() if value == best}
