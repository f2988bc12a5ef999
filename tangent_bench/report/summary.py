"""Means over seeds with 95 % intervals, and the suite's last words: `python -m tangent_bench.report.summary results/tiny`.

The test images are the same for every seed (crossed, not nested), so their error does not shrink with more seeds:
    variance of a mean = s²_seed / S + s²_image,  Student's t with S − 1 degrees of freedom.
With fewer than `MIN_SEEDS` seeds s²_seed is not worth estimating: the interval covers the images only, and says so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("table1_addition", "table2_negation")


def report(folder: Path) -> str:
    """The claims that were tested, the two tables, and where everything lies, as text.

    Raises:
        ValueError: no rows there, or a damaged file.
    """
    from tangent_bench import registry
    from tangent_bench.figures import _select
    from tangent_bench.report import render
    from tangent_bench.store.rows import read

    rows = read(folder / "rows.csv")
    parts = _claims(rows)
    made = {file.stem for file in (folder / "tables").glob("*.md")}
    for name in TABLES:
        if made and name not in made:
            continue  # a joined preset has too many models for it
        plugin = registry.load("figures", name)
        if not set(plugin.FIGURE.reads) <= set(rows["experiment"]):
            parts.append(
                f"{plugin.FIGURE.title}: not in this run ({' and '.join(plugin.FIGURE.reads)} were not asked for)\n"
            )
            continue
        note = _select.note(_select.need(rows, *plugin.FIGURE.reads))
        parts.append(f"{plugin.FIGURE.title} (preset {folder.name}, % [95 % interval])\n")
        parts.append(render.plain(plugin.build(rows)) + f"\n{note}\n")
    parts += _methods(folder, rows)
    page = folder / "index.html"
    parts += [f"Tables and figures: {folder / 'tables'}, {folder / 'figures'}"]
    parts += [f"Results page: {page}" + ("" if page.is_file() else " (not written yet)")]
    return "\n".join(parts)


def _methods(folder: Path, rows: pd.DataFrame) -> list[str]:
    """The cross table of merging methods, as it was written, where the run has several."""
    from tangent_bench.report.leaderboard import TITLES

    table = folder / "tables/methods_addition.md"
    if rows["method"].replace("", None).nunique() < 2 or not table.is_file():
        return []
    return [f"{TITLES['methods_addition']}\n", table.read_text(encoding="utf-8")]


def _claims(rows: pd.DataFrame) -> list[str]:
    """The claims table, short, where the run compares modes."""
    from tangent_bench import registry
    from tangent_bench.figures import _select
    from tangent_bench.report import render

    plugin = registry.load("figures", "claims_table")
    if not set(plugin.FIGURE.reads) <= set(rows["experiment"]):
        return []
    about = _select.note(
        rows, intervals=False
    )  # what an interval covers may differ from row to row
    note = (
        f"Verdicts with Holm's correction; estimates in points (signed), or plain numbers.\n{about}"
    )
    return [
        f"{plugin.FIGURE.title}\n",
        render.plain(plugin.build(rows, brief=True)) + f"\n{note}\n",
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the report of a results folder; 1 if it cannot be made."""
    parser = argparse.ArgumentParser(
        prog="python -m tangent_bench.report.summary", description="Print the two tables of a run."
    )
    parser.add_argument("folder", type=Path, help="the folder of a preset, such as results/tiny")
    folder = parser.parse_args(arguments).folder
    try:
        text = report(folder)
    except ValueError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without α or ↓ still gets its numbers
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
