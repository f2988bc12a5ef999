"""Cells of a printed table: its long form, which `_render.py` turns into Markdown, LaTeX, HTML, CSV or plain text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")
UNITS = ("%", "points", "number", "text")


class Cell(NamedTuple):
    """One cell, in printed order: values are fractions; unit "%" and "points" print a hundred times as much.

    `group` is the heading above `column` (a model), empty where there is none. A value that is NaN prints a dash.
    What decides nothing is `grey`: in brackets, and grey where there is colour.
    """

    row: str
    group: str
    column: str
    value: float = NAN
    low: float = NAN
    high: float = NAN
    unit: str = "%"
    text: str = ""
    grey: bool = False


def cells(items: Iterable[Cell]) -> pd.DataFrame:
    """Cells as a data frame.

    Raises:
        ValueError: two cells in one place.
    """
    import pandas as pd

    table = pd.DataFrame(list(items), columns=list(Cell._fields))
    twice = table.duplicated(["row", "group", "column"])
    if twice.any():
        raise ValueError(
            f"Two cells in one place of a table: {table.loc[twice.idxmax(), ['row', 'group', 'column']].tolist()}."
        )
    assert table["unit"].isin(UNITS).all(), table["unit"].unique()
    return table


def cell(row: str, group: str, column: str, found: pd.DataFrame, unit: str = "%") -> Cell:
    """A cell from the one line of a summary that is left, or an empty one if nothing is left.

    Raises:
        ValueError: more than one line is left.
    """
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} results for one cell ({row}, {group}, {column}); expected one of each coordinate."
        )
    if len(found) == 0:
        return Cell(row, group, column, unit=unit)
    line = found.iloc[0]
    return Cell(
        row, group, column, float(line["value"]), float(line["low"]), float(line["high"]), unit
    )
