"""Sheets of glyphs: square cells in rows on a grey PNG, and a table with a line for each cell."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from tangent_bench.store import artefacts

CELL = 48  # side of a cell in pixels
COLUMNS = 32  # cells in a row of a sheet
LONGER = 40  # longer side of the ink in a cell, in pixels


class GlyphName(NamedTuple):
    """A line of a sheet's table; `tangent_bench.typefaces.Glyphs` says what the columns hold."""

    family: str
    name: str
    variant: str
    kind: str


def write(picture: Path, table: Path, glyphs: list[tuple[GlyphName, np.ndarray]]) -> None:
    """Write the sheet `picture` and its `table` of `glyphs`, each an ink_HW uint8 of a cell."""
    rows = -(-len(glyphs) // COLUMNS)
    cells = np.zeros((rows * COLUMNS, CELL, CELL), dtype=np.uint8)
    cells[: len(glyphs)] = [ink for _, ink in glyphs]
    across = cells.reshape(rows, COLUMNS, CELL, CELL).transpose(0, 2, 1, 3)
    sheet = Image.fromarray(across.reshape(rows * CELL, COLUMNS * CELL))
    with artefacts.atomic(picture) as temporary:
        sheet.save(temporary, "PNG", optimize=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(GlyphName._fields)
    writer.writerows(name for name, _ in glyphs)
    artefacts.write_text(table, text.getvalue())


def read(picture: Path, table: Path) -> tuple[np.ndarray, list[GlyphName]]:
    """inks_NHW uint8 of a sheet's cells, and their names.

    Raises:
        ValueError: a file is missing, or the sheet has no place for the lines of its table.
    """
    for file in (picture, table):
        if not file.is_file():
            raise ValueError(
                f"There is no {file}: expected a sheet of glyphs that comes with tangent_bench. "
                "Install tangent_bench anew, or get the file back from its repository."
            )
    with open(table, encoding="utf-8", newline="") as lines:
        names = [GlyphName(*line) for line in list(csv.reader(lines))[1:]]
    with Image.open(picture) as sheet:
        pixels = np.asarray(sheet)
    rows = -(-len(names) // COLUMNS)
    if pixels.shape != (rows * CELL, COLUMNS * CELL):
        raise ValueError(
            f"{picture} is {pixels.shape[::-1]} pixels large, but the {len(names)} lines of {table}"
            f" need {(COLUMNS * CELL, rows * CELL)}: get both files back from one version of the "
            "repository."
        )
    cells = pixels.reshape(rows, CELL, COLUMNS, CELL).transpose(0, 2, 1, 3)
    return cells.reshape(-1, CELL, CELL)[: len(names)], names
