"""Rows of results folders, with their replicates; those of several folders side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench.figures._entities import model_title
from tangent_bench.judging.families import families
from tangent_bench.report import published
from tangent_bench.store import replicates, rows
from tangent_bench.store.replicates import RowReplicates

if TYPE_CHECKING:
    import pandas as pd

ROWS = "rows.csv"
PACKED = "rows.csv.gz"


def read(folder: Path) -> pd.DataFrame:
    """Returns the rows of a results folder, with replicates if it has them.

    Args:
        folder: of a finished run, or what is published of one.

    Raises:
        ValueError: there is no such folder, it has no rows, or a file is damaged.
    """
    if not folder.is_dir():
        raise ValueError(
            f"There is no folder {folder}; expected results of a run, as results/tiny."
        )
    if (folder / ROWS).is_file():
        table = rows.read(folder / ROWS)
        kept = folder / replicates.FILE
        return replicates.attach(table, kept) if kept.is_file() else table
    if (folder / PACKED).is_file():
        return published.read(folder / PACKED)
    raise ValueError(
        f"{folder} has neither {ROWS} nor {PACKED}; expected the results of a finished run, as "
        "results/tiny, or what is published of one, as results/published/tiny."
    )


def names(folders: Sequence[Path]) -> list[str]:
    """Returns a name for each folder: its own, or its path where two have the same.

    >>> names([Path("a/tiny"), Path("b/micro")]), names([Path("a/tiny"), Path("b/tiny")])
    (['tiny', 'micro'], ['a/tiny', 'b/tiny'])

    Raises:
        ValueError: a folder is given twice.
    """
    resolved = [folder.resolve() for folder in folders]
    for folder in folders:
        if resolved.count(folder.resolve()) > 1:
            raise ValueError(f"The folder {folder} is given twice; name each of them once.")
    short = [folder.name for folder in resolved]
    return short if len(set(short)) == len(short) else list(map(str, folders))


def together(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Returns the rows of several folders as one table, and titles of models.

    Models that are in several of them stay apart: each has the name of its folder as well.

    Args:
        tables: name of the folder → its rows.
    """
    import pandas as pd

    if len(tables) == 1:
        return next(iter(tables.values())), {}
    titles: dict[str, str] = {}
    if _overlap(list(tables.values())):
        renamed = {}
        for name, table in tables.items():
            renamed[name] = _renamed(table, name)
            titles |= _titles(table, name)
        tables = renamed
    parts = list(tables.values())
    kept = [replicates.of(part) for part in parts]
    joined = pd.concat([_bare(part) for part in parts], ignore_index=True)
    found = [each for each in kept if each is not None]
    if len(found) == len(parts):
        joined = replicates.carrying(joined, replicates.together(dict(zip(tables, found))))
    return joined, titles


def _bare(table: pd.DataFrame) -> pd.DataFrame:
    """The table without its replicates, which pandas would compare."""
    bare = table.copy()
    bare.attrs = {}
    return bare


def _overlap(tables: Sequence[pd.DataFrame]) -> bool:
    """Whether a model, initialisation and protocol is in two tables."""
    seen: set[tuple] = set()
    for table in tables:
        places = set(table[["model", "init", "protocol"]].itertuples(index=False, name=None))
        if seen & places:
            return True
        seen |= places
    return False


def _renamed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows with a folder's name before that of each model, in their replicates too."""
    renamed = _bare(table).assign(model=f"{name}:" + table["model"])
    kept = replicates.of(table)
    if kept is None:
        return renamed
    deviations = {_key(key, name): values for key, values in kept.deviations.items()}
    num_units = {_key(key, name): number for key, number in kept.num_units.items()}
    return replicates.carrying(renamed, RowReplicates(deviations, num_units))


def _key(key: str, name: str) -> str:
    """The name of a row under the name that its model has now."""
    about = {column: text or None for column, text in replicates.coordinates(key).items()}
    return replicates.name({**about, "model": f"{name}:{about['model']}"})


def _titles(table: pd.DataFrame, name: str) -> dict[str, str]:
    """The titles of renamed models, and of their families."""
    titles = {}
    models = list(dict.fromkeys(table["model"]))
    for model in [*models, *(family.base for family in families(models))]:
        titles[f"{name}:{model}"] = f"{model_title(model)}, {name}"
    return titles
