"""The published figures, drawn again from the rows that were published beside them.

`make publish` copies figures from results folders that took hours. What they show stands in
`rows.csv.gz` of the same folder, so that a change of a figure's code needs no results.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import registry
from tangent_bench.figures import _style, _sweep
from tangent_bench.store import artefacts, replicates, rows

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("svg", "png")  # those that are published
SWEEP = "sweep"  # name of the one figure that is no preset's, in folders that begin with it


def names(folder: Path) -> list[str]:
    """The published figures, "preset/figures/name" each.

    Args:
        folder: results/published.
    """
    files = [*folder.glob("*/figures/*.svg"), *folder.glob(f"{SWEEP}*/{SWEEP}.svg")]
    files.sort(key=lambda file: (file.stem == SWEEP, file))
    return [file.relative_to(folder).with_suffix("").as_posix() for file in files]


def draw(folder: Path, name: str) -> Any:
    """Returns one of `names`, drawn from its published rows: an array of axes.

    Args:
        folder: results/published.
        name: of the figure.

    Raises:
        ValueError: its rows are missing, or no figure has this name.
    """
    file = folder / name
    if file.name == SWEEP:
        return _sweep.draw(rows.read(file.with_name("rows.csv")))
    plugin = registry.load("figures", file.name)
    return plugin.draw(read(file.parents[1] / "rows.csv.gz"))


def read(file: Path) -> pd.DataFrame:
    """Returns published rows, with the replicates beside them, on which their intervals stand.

    Args:
        file: compressed, as `make publish` leaves it.

    Raises:
        ValueError: it is not there, or its content does not match its digest.
    """
    if not file.is_file():
        raise ValueError(f"Missing file {file}; run its preset, and then `make publish`.")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "rows.csv"
        try:
            plain.write_bytes(gzip.decompress(file.read_bytes()))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise artefacts.DamagedFile(file, f"it cannot be unpacked: {error}") from None
        table = rows.read(plain)
    kept = file.with_name(replicates.FILE)
    return replicates.attach(table, kept) if kept.is_file() else table


def redraw(folder: Path) -> Iterator[Path]:
    """Draws every published figure again, and yields the files that changed.

    Args:
        folder: results/published.

    Raises:
        ValueError: as `draw`, or the disk is full.
    """
    for name in names(folder):
        figure = draw(folder, name).flat[0].figure
        for ending in FORMATS:
            file = folder / f"{name}.{ending}"
            before = file.read_bytes() if file.is_file() else b""
            _style.save(figure, file)
            if file.read_bytes() != before:
                yield file
