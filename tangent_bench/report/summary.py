"""The results of a run as text for a terminal: claims, the two tables, and where the files are."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench.report import smoke_tests

if TYPE_CHECKING:
    import pandas as pd

ASK = "most are asked by the experiments posthoc_comparison and disentanglement_comparison."
TABLES = ("table1_addition", "table2_negation")


def report(folder: Path, preset: str = "") -> str:
    """The primary claims, the two tables, and the paths of all results, as text.

    Args:
        folder: the results folder of a preset.
        preset: its name, if that is not the folder's.

    Raises:
        ValueError: there are no rows or replicates, or a file is damaged.
    """
    from tangent_bench.store import replicates
    from tangent_bench.store.rows import read

    rows = replicates.attach(read(folder / "rows.csv"), folder / replicates.FILE)
    warning = smoke_tests.banner(preset or folder.name)
    parts = [f"{warning}\n"] if warning else []
    parts += _claims(rows)
    for name in _tables(folder):
        parts += _table(folder, name, rows)
    parts += _methods(folder, rows)
    parts.append(f"Tables and figures: {folder / 'tables'}, {folder / 'figures'}")
    page = folder / "index.html"
    parts.append(f"Results page: {page}{'' if page.is_file() else ' (not written yet)'}")
    return "\n".join(parts)


def _tables(folder: Path) -> list[str]:
    """The names of the tables to print; a joined preset has too many models for some of them."""
    written = {file.stem for file in (folder / "tables").glob("*.md")}
    return [name for name in TABLES if name in written or not written]


def _table(folder: Path, name: str, rows: pd.DataFrame) -> list[str]:
    from tangent_bench import registry
    from tangent_bench.figures import _select
    from tangent_bench.report import render

    plugin = registry.load("figures", name)
    about = plugin.FIGURE
    if not set(about.reads) <= set(rows["experiment"]):
        missing = " and ".join(about.reads)
        return [f"{about.title}: not in this run ({missing} were not asked for)\n"]
    note = _select.note(_select.need(rows, *about.reads))
    return [
        f"{about.title} (preset {folder.name}, % [95 % interval])\n",
        f"{render.plain(plugin.build(rows))}\n{note}\n",
    ]


def _methods(folder: Path, rows: pd.DataFrame) -> list[str]:
    """The written cross table of merging methods, where the run has several methods."""
    from tangent_bench.report.leaderboard import TITLES

    methods = set(rows["method"]) - {""}
    table = folder / "tables/methods_addition.md"
    if len(methods) < 2 or not table.is_file():
        return []
    return [f"{TITLES['methods_addition']}\n", table.read_text(encoding="utf-8")]


def _claims(rows: pd.DataFrame) -> list[str]:
    """The six primary claims, and how many of the others there are, where modes are compared."""
    from tangent_bench import registry
    from tangent_bench.figures import _select
    from tangent_bench.report import render

    plugin = registry.load("figures", "claims_table")
    if not set(plugin.FIGURE.reads) <= set(rows["experiment"]):
        return []
    table = plugin.build(rows)
    secondary = plugin.verdicts(table, "secondary")
    if not secondary and not plugin.verdicts(table, "primary"):
        return [f"{plugin.FIGURE.title}: none of them was tested; {ASK}\n"]
    # Intervals are left out: what they cover may differ between rows.
    basis = _select.note(rows, intervals=False) + _seeds(rows)
    explanation = (
        "Primary claims, estimates in points. Verdicts are by Holm's intervals over the six; such "
        "a one stands\nbeside 'undecided' where the plain interval excludes 0."
    )
    counts = ", ".join(f"{number} {word}" for word, number in Counter(secondary).items())
    others = f"Secondary claims: {counts or 'none tested'} (tables/claims_table.md)"
    return [
        f"{plugin.FIGURE.title}\n",
        f"{render.plain(plugin.brief(table))}\n{explanation}\n{others}\n{basis}\n",
    ]


def _seeds(rows: pd.DataFrame) -> str:
    """A sentence on what few fine-tuning seeds allow to say, "" with enough of them.

    It is about models that stand alone: pre-trainings of one family are replicates themselves.
    """
    from tangent_bench.judging.components import LEAST_SEEDS
    from tangent_bench.judging.families import pretraining_seed

    pairs = rows[["model", "seed"]].drop_duplicates()
    counts = Counter(pairs["model"].astype(str))
    alone = {model: count for model, count in counts.items() if pretraining_seed(model) is None}
    few = {model: count for model, count in alone.items() if count < LEAST_SEEDS}
    if not few:
        return ""
    number = "One fine-tuning seed"
    these = "this seed"
    if max(few.values()) > 1:
        number = "Few fine-tuning seeds"
        these = "these seeds"
    where = "" if len(few) == len(counts) else f" ({', '.join(few)})"
    sentence = (
        f"{number}{where}: intervals are over test images; verdicts are conditional on {these}."
    )
    return "\n" + textwrap.fill(sentence, width=100)
