"""Cells of a printed table: its long form.

`report.render` turns it into Markdown, LaTeX, HTML, CSV or plain text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")
USUAL = -1
UNITS = ("%", "points", "number", "text")


class Cell(NamedTuple):
    """One cell of a printed table.

    Attributes:
        group: the heading above `column` (a model), "" where there is none.
        value: a fraction; units "%" and "points" print a hundred times as much. NaN prints a dash.
        text: what is printed where the unit is "text".
        grey: it decides nothing: printed in brackets, and grey where there is colour.
        block: why its row stands apart, in a sentence; "" for the rows that come first. Rows of
            one block follow one another.
        digits: decimals of its number; `USUAL` for those of its unit.
        is_best: it is the best of those that it competes with: printed bold.
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
    block: str = ""
    digits: int = USUAL
    is_best: bool = False


def cells(items: Iterable[Cell]) -> pd.DataFrame:
    """Returns cells as a data frame, in printed order.

    Raises:
        ValueError: two cells in one place.
    """
    import pandas as pd

    table = pd.DataFrame(list(items), columns=list(Cell._fields))
    places = ["row", "group", "column"]
    repeated = table.loc[table.duplicated(places), places].to_numpy().tolist()
    if repeated:
        raise ValueError(f"Two cells in one place of a table: {repeated[0]}.")
    assert set(table["unit"]) <= set(UNITS), table["unit"].unique()
    return table


def cell(row: str, group: str, column: str, lines: pd.DataFrame, unit: str = "%") -> Cell:
    """Returns a cell of the one line of a summary in `lines`, or an empty one if there is none.

    The cell stands at `row`, `group` and `column`, and prints in `unit`.

    Raises:
        ValueError: there is more than one line.
    """
    if len(lines) > 1:
        raise ValueError(
            f"{len(lines)} results for one cell ({row}, {group}, {column}); "
            "expected one of each coordinate."
        )
    for line in lines.to_dict("records"):
        value = float(line["value"])
        return Cell(row, group, column, value, float(line["low"]), float(line["high"]), unit)
    return Cell(row, group, column, unit=unit)
